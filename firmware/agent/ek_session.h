/* ek_session.h: one host at a time, known by its nonce; every command is carried out once. */
#ifndef EK_SESSION_H
#define EK_SESSION_H

#include <stdint.h>

#include "ek_frames.h"

/* Carry out one command, if ek_session_admits it. */
void ek_session_handle(const ek_command_t *command);

/* Whether a command is to be carried out: newer than the last one, in the session, or a HELLO that opens another.
 * Answers what else needs an answer: a repeated command, and one of no session. */
int ek_session_admits(const ek_command_t *command);

/* From now on this command, which was admitted, is the one that waits for a reply. */
void ek_session_take(const ek_command_t *command);

/* Send the payload that was built, `length` bytes, as the reply to the command taken last. */
void ek_session_reply(uint8_t status, uint16_t length);

/* Send a reply without a payload to the command taken last; another one follows. */
void ek_session_reply_early(uint8_t status);

/* The session's largest payload. */
uint16_t ek_session_limit(void);

/* The nonce of the session, 0 when none was opened. */
uint32_t ek_session_nonce(void);

#endif
