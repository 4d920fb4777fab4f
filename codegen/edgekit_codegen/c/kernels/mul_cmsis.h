/* mul_cmsis.h: the product of two int8 tensors of one shape by CMSIS-NN. */
#ifndef EK_MUL_CMSIS_H
#define EK_MUL_CMSIS_H

#include "ek_cmsis.h"

typedef struct {
    int32_t elements;
    int32_t in_zero[2];
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_mul_cmsis_t;

EK_KERNEL void ek_mul_cmsis(const ek_mul_cmsis_t *p, const int8_t *const in[], int8_t *out, const void *w,
                            void *scratch)
{
    (void)w;
    (void)scratch;
    ek_cmsis_require(arm_elementwise_mul_s8(in[0], in[1], -p->in_zero[0], -p->in_zero[1], out, p->out_zero,
                                            p->multiplier, p->shift, p->act_min, p->act_max, p->elements));
}

#endif
