/* relu.h: one row of an int8 tensor in another scale, clamped. */
#ifndef EK_RELU_H
#define EK_RELU_H

#include "ek_requant.h"

typedef struct {
    int32_t channels;
    int32_t in_zero;
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_relu_t;

/* Pixels x0 .. x1-1 in ascending order, element by element: `out` may be the input row. */
EK_KERNEL void ek_relu_row(const ek_relu_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                           const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
        const int32_t scaled = ek_requantize(in[0][i] - p->in_zero, p->multiplier, p->shift);
        out[i] = (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), p->act_min, p->act_max);
    }
}

#endif
