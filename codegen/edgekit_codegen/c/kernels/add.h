/* add.h: one row of the sum or the difference of two int8 tensors. */
#ifndef EK_ADD_H
#define EK_ADD_H

#include "ek_broadcast.h"
#include "ek_dsp.h"

/* Each input, less its zero point and times 2^20, is scaled by its multiplier; the sum is scaled by the output's. */
typedef struct {
    int32_t channels; /* from here: ek_broadcast.h */
    int32_t pixel_step[2];
    int32_t channel_step[2];
    int32_t run;
    int32_t sign; /* of the second input: 1 or -1 */
    int32_t in_zero[2];
    int32_t in_multiplier[2];
    int32_t in_shift[2]; /* never positive */
    int32_t out_multiplier;
    int32_t out_shift; /* never positive */
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_add_t;

EK_KERNEL int8_t ek_add_one(const ek_add_t *p, int32_t a, int32_t b)
{
    const int32_t left = ek_requantize_narrow((a - p->in_zero[0]) * (1 << 20), p->in_multiplier[0], p->in_shift[0]);
    const int32_t right = ek_requantize_narrow((b - p->in_zero[1]) * (1 << 20), p->in_multiplier[1], p->in_shift[1]);
    const int32_t scaled = ek_requantize_narrow(left + p->sign * right, p->out_multiplier, p->out_shift);
    return ek_saturate(scaled + p->out_zero, p->act_min, p->act_max);
}

EK_KERNEL void ek_add_row(const ek_add_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    EK_BROADCAST(ek_add_one, p, in, out, x0, x1);
}

#endif
