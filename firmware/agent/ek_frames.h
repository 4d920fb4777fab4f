/* ek_frames.h: frames in and out. One buffer each way; the reply's buffer is also the cache it is resent from. */
#ifndef EK_FRAMES_H
#define EK_FRAMES_H

#include <stdint.h>

#include "ek_protocol.h"

/* The largest payload this firmware takes, a multiple of 4. Twice this is the buffers' RAM. */
#ifndef EK_AGENT_MAX_PAYLOAD
#define EK_AGENT_MAX_PAYLOAD 256
#endif

_Static_assert(EK_AGENT_MAX_PAYLOAD >= EK_MIN_MAX_PAYLOAD, "the HELLO reply does not fit");
_Static_assert(EK_AGENT_MAX_PAYLOAD <= 4096, "the lengths of frames are 16 bits, and stacks are small");

typedef struct {
    uint8_t kind;
    uint16_t seq;
    uint32_t nonce;
    const uint8_t *payload;
    uint16_t length; /* of the payload */
} ek_command_t;

/* Wait up to timeout_ms for bytes. Returns 1 with a command, 0 without one yet, negative when the link is closed. */
int ek_frames_poll(ek_command_t *command, uint32_t timeout_ms);

/* Have the next poll return the command again that the last one returned. */
void ek_frames_put_back(void);

/* Where the payload of the next reply is to be built: EK_AGENT_MAX_PAYLOAD bytes. Ends what was cached. */
uint8_t *ek_frames_payload(void);

/* Send the payload that was built, `length` bytes, as a frame of `kind` (EK_REPLY is added). */
void ek_frames_send(uint8_t kind, uint8_t status, uint16_t seq, uint32_t nonce, uint16_t length);

/* Send a frame without a payload and leave the cached one alone. */
void ek_frames_send_bare(uint8_t kind, uint8_t status, uint16_t seq, uint32_t nonce);

/* Send the last frame again that ek_frames_send sent. */
void ek_frames_resend(void);

#endif
