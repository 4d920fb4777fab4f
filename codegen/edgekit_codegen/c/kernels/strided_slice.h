/* strided_slice.h: one row of a part of an int8 tensor. */
#ifndef EK_STRIDED_SLICE_H
#define EK_STRIDED_SLICE_H

#include "ek_copy.h"

typedef struct {
    int32_t in_c;
    int32_t channels; /* of the output */
    int32_t pixel[2]; /* of the input row: the first, and the step to the next */
    int32_t channel[2];
} ek_strided_slice_t;

/* in[0] is the input row that the output row is taken from. */
EK_KERNEL void ek_strided_slice_row(const ek_strided_slice_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                    const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const row = in[0] + p->pixel[0] * p->in_c + p->channel[0];
    const int32_t step = p->pixel[1] * p->in_c;
    (void)w;
    (void)q;
    (void)scratch;
    if (p->channel[1] == 1 && step == p->channels) {
        ek_copy(out + x0 * p->channels, row + x0 * step, (x1 - x0) * p->channels);
        return;
    }
    for (int32_t x = x0; x < x1; ++x) {
        ek_collect(out + x * p->channels, row + x * step, p->channel[1], p->channels);
    }
}

#endif
