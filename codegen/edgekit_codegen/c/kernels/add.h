/* add.h: one row of the sum of two int8 tensors. */
#ifndef EK_ADD_H
#define EK_ADD_H

#include "ek_requant.h"

/* Each input, less its zero point and times 2^20, is scaled by its multiplier; the sum is scaled by the output's. */
typedef struct {
    int32_t channels;
    int32_t in_zero[2];
    int32_t in_multiplier[2];
    int32_t in_shift[2]; /* never positive */
    int32_t out_multiplier;
    int32_t out_shift; /* never positive */
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_add_t;

/* Pixels x0 .. x1-1 in ascending order, element by element: `out` may be either input row. */
EK_KERNEL void ek_add_row(const ek_add_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    const int8_t *const a = in[0];
    const int8_t *const b = in[1];
    (void)w;
    (void)q;
    (void)scratch;
    for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
        const int32_t left = (a[i] - p->in_zero[0]) * (1 << 20);
        const int32_t right = (b[i] - p->in_zero[1]) * (1 << 20);
        const int32_t sum = ek_requantize(left, p->in_multiplier[0], p->in_shift[0]) +
                            ek_requantize(right, p->in_multiplier[1], p->in_shift[1]);
        const int32_t scaled = ek_requantize(sum, p->out_multiplier, p->out_shift);
        out[i] = (int8_t)ek_clamp(scaled + p->out_zero, p->act_min, p->act_max);
    }
}

#endif
