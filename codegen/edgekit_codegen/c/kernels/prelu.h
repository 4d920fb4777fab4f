/* prelu.h: one row of an int8 tensor whose negative elements are multiplied by alpha, the second operand. */
#ifndef EK_PRELU_H
#define EK_PRELU_H

#include "ek_broadcast.h"
#include "ek_requant.h"

typedef struct {
    int32_t channels; /* from here: ek_broadcast.h */
    int32_t pixel_step[2];
    int32_t channel_step[2];
    int32_t run;
    int32_t in_zero[2];
    int32_t multiplier[2]; /* of elements from zero on, and of the product with alpha */
    int32_t shift[2];
    int32_t out_zero;
} ek_prelu_t;

static inline int8_t ek_prelu_one(const ek_prelu_t *p, int32_t x, int32_t alpha)
{
    const int32_t value = x - p->in_zero[0];
    const int32_t scaled = value >= 0 ? ek_requantize(value, p->multiplier[0], p->shift[0])
                                      : ek_requantize(value * (alpha - p->in_zero[1]), p->multiplier[1], p->shift[1]);
    return (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), -128, 127);
}

EK_KERNEL void ek_prelu_row(const ek_prelu_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                            const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    EK_BROADCAST(ek_prelu_one, p, in, out, x0, x1);
}

#endif
