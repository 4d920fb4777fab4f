/* tile.h: one row of an int8 tensor side by side with itself. */
#ifndef EK_TILE_H
#define EK_TILE_H

#include "ek_copy.h"

typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t repeats; /* of the channels of a pixel */
} ek_tile_t;

/* in[0] is the input row. */
EK_KERNEL void ek_tile_row(const ek_tile_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                           const ek_requant_t *q, void *scratch)
{
    const int32_t channels = p->in_c * p->repeats;
    const int8_t *const row = in[0];
    int32_t from = x0 % p->in_w;
    int32_t x = x0;
    (void)w;
    (void)q;
    (void)scratch;
    while (x < x1) {
        int8_t *to = out + x * channels;
        const int8_t *const pixel = row + from * p->in_c;
        int32_t count = 1;
        if (p->repeats == 1) {
            count = p->in_w - from < x1 - x ? p->in_w - from : x1 - x;
            ek_copy(to, pixel, count * channels);
        } else if (p->in_c == 1) {
            ek_fill(to, pixel[0], channels);
        } else {
            for (int32_t i = 0; i < p->repeats; ++i) {
                ek_copy(to + i * p->in_c, pixel, p->in_c);
            }
        }
        x += count;
        from = from + count == p->in_w ? 0 : from + count;
    }
}

#endif
