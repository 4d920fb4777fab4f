/* ek_session.h: one host at a time, known by its nonce; every command is carried out once. */
#ifndef EK_SESSION_H
#define EK_SESSION_H

#include <stdint.h>

#include "ek_frames.h"

/* Answer one command. */
void ek_session_handle(const ek_command_t *command);

/* The nonce of the session, 0 when none was opened. */
uint32_t ek_session_nonce(void);

#endif
