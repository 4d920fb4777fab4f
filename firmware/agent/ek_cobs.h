/* ek_cobs.h: consistent overhead byte stuffing, one byte at a time in and straight to the link out.
 *
 * COBS rewrites a frame so that it holds no zero byte, which then marks where frames end. (S. Cheshire and M. Baker,
 * "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.) */
#ifndef EK_COBS_H
#define EK_COBS_H

#include <stdint.h>

typedef struct {
    uint8_t *buffer; /* where the decoded frame goes */
    uint16_t size;   /* the buffer's bytes */
    uint16_t length; /* decoded so far */
    uint8_t code;    /* the current block's code byte, 0 before the first */
    uint8_t left;    /* bytes until the next code byte */
    uint8_t bad;     /* what came since the last zero byte cannot be a frame */
} ek_cobs_t;

/* Take one byte. Returns the decoded length when the byte ends a well-formed, non-empty frame, else 0. The frame stays
 * in the buffer until the next byte is taken. */
uint16_t ek_cobs_feed(ek_cobs_t *cobs, uint8_t byte);

/* Write n bytes to the link, encoded, between two zero bytes. */
void ek_cobs_send(const uint8_t *bytes, uint16_t n);

#endif
