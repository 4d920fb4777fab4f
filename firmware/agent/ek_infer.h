/* ek_infer.h: the model behind the commands. Every function answers one command: it reads the command's payload, writes
 * the reply's payload and its length, and returns an ek_status_t. */
#ifndef EK_INFER_H
#define EK_INFER_H

#include <stdint.h>

#include "ek_frames.h"

/* Forget inputs and outputs: a new session never reads what an earlier one computed. */
void ek_infer_forget(void);

uint8_t ek_infer_tensor(const ek_command_t *command, uint8_t *reply, uint16_t *length);
uint8_t ek_infer_begin(const ek_command_t *command, uint8_t *reply, uint16_t *length);
uint8_t ek_infer_write(const ek_command_t *command, uint8_t *reply, uint16_t *length);
uint8_t ek_infer_run(const ek_command_t *command, uint8_t *reply, uint16_t *length);

/* `limit` is the session's largest payload. */
uint8_t ek_infer_layers(const ek_command_t *command, uint16_t limit, uint8_t *reply, uint16_t *length);
uint8_t ek_infer_read(const ek_command_t *command, uint16_t limit, uint8_t *reply, uint16_t *length);
uint8_t ek_infer_memory(const ek_command_t *command, uint8_t *reply, uint16_t *length);

/* The layer in progress, EK_NO_LAYER outside an inference. */
uint16_t ek_infer_layer(void);

/* Between these two, time counts for no layer and not for the inference. */
void ek_infer_pause(void);
void ek_infer_resume(void);

/* What the model calls at the begin of every layer, and the agent after the last one with layer == n_layers. Emulators
 * and debuggers hook this symbol: what runs between the return of one call and the entry of the next is one layer. */
void ek_agent_mark(void *user, int layer);

#endif
