/* transpose.h: one row of an int8 tensor whose dimensions are in another order. */
#ifndef EK_TRANSPOSE_H
#define EK_TRANSPOSE_H

#include "ek_copy.h"

/* Steps are elements of the contiguous input from one index of an output dimension to the next. */
typedef struct {
    int32_t dims;    /* before the last two, the innermost first */
    int32_t size[4]; /* of the output */
    int32_t step[4];
    int32_t channels; /* of the output */
    int32_t pixel_step;
    int32_t channel_step;
} ek_transpose_t;

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_transpose_row(const ek_transpose_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                                const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *row = in[0];
    int32_t rest = y;
    (void)w;
    (void)q;
    (void)scratch;
    for (int32_t i = 0; i < p->dims; ++i) {
        row += rest % p->size[i] * p->step[i];
        rest /= p->size[i];
    }
    if (p->channel_step == 1 && p->pixel_step == p->channels) {
        ek_copy(out + x0 * p->channels, row + x0 * p->channels, (x1 - x0) * p->channels);
    } else if (p->channels == 1) {
        ek_collect(out + x0, row + x0 * p->pixel_step, p->pixel_step, x1 - x0);
    } else {
        for (int32_t x = x0; x < x1; ++x) {
            ek_collect(out + x * p->channels, row + x * p->pixel_step, p->channel_step, p->channels);
        }
    }
}

#endif
