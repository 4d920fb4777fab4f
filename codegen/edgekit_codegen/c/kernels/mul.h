/* mul.h: one row of the product of two int8 tensors. */
#ifndef EK_MUL_H
#define EK_MUL_H

#include "ek_broadcast.h"
#include "ek_requant.h"

typedef struct {
    int32_t channels; /* from here: ek_broadcast.h */
    int32_t pixel_step[2];
    int32_t channel_step[2];
    int32_t run;
    int32_t in_zero[2];
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_mul_t;

static inline int8_t ek_mul_one(const ek_mul_t *p, int32_t a, int32_t b)
{
    const int32_t scaled = ek_requantize((a - p->in_zero[0]) * (b - p->in_zero[1]), p->multiplier, p->shift);
    return (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), p->act_min, p->act_max);
}

EK_KERNEL void ek_mul_row(const ek_mul_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                          const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    EK_BROADCAST(ek_mul_one, p, in, out, x0, x1);
}

#endif
