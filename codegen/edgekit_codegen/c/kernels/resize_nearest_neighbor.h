/* resize_nearest_neighbor.h: one row of an int8 image whose pixels are repeated or left out. */
#ifndef EK_RESIZE_NEAREST_NEIGHBOR_H
#define EK_RESIZE_NEAREST_NEIGHBOR_H

#include "ek_copy.h"

typedef struct {
    int32_t channels;
} ek_resize_nearest_neighbor_t;

/* Pixels x0 .. x1-1. `w` holds the input pixel of every output pixel, as int16_t. */
EK_KERNEL void ek_resize_nearest_neighbor_row(const ek_resize_nearest_neighbor_t *p, const int8_t *const in[],
                                              int8_t *out, int x0, int x1, const void *w, const ek_requant_t *q,
                                              void *scratch)
{
    const int16_t *const pixels = w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        ek_copy(out + x * p->channels, in[0] + pixels[x] * p->channels, p->channels);
    }
}

#endif
