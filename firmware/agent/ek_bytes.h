/* ek_bytes.h: little-endian numbers in byte buffers of any alignment. */
#ifndef EK_BYTES_H
#define EK_BYTES_H

#include <stdint.h>

#include "ek_protocol.h"

static inline uint16_t ek_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}

static inline uint32_t ek_get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint8_t *ek_put8(uint8_t *p, uint8_t value)
{
    p[0] = value;
    return p + 1;
}

static inline uint8_t *ek_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    return p + 2;
}

static inline uint8_t *ek_put32(uint8_t *p, uint32_t value)
{
    return ek_put16(ek_put16(p, (uint16_t)value), (uint16_t)(value >> 16));
}

/* Copies n bytes that do not overlap. */
static inline uint8_t *ek_put_bytes(uint8_t *p, const uint8_t *src, uint32_t n)
{
    for (uint32_t i = 0; i < n; ++i) {
        p[i] = src[i];
    }
    return p + n;
}

/* A name as its length in one byte and its bytes, at most EK_NAME_BYTES of them. */
static inline uint8_t *ek_put_name(uint8_t *p, const char *name)
{
    uint8_t n = 0;
    while (n < EK_NAME_BYTES && name && name[n] != '\0') {
        p[1 + n] = (uint8_t)name[n];
        ++n;
    }
    p[0] = n;
    return p + 1 + n;
}

#endif
