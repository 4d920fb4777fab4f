/* add_cmsis.h: the sum of two int8 tensors of one shape by CMSIS-NN. */
#ifndef EK_ADD_CMSIS_H
#define EK_ADD_CMSIS_H

#include "ek_cmsis.h"

#define EK_ADD_CMSIS_LEFT 20 /* bits by which both operands are shifted first */

typedef struct {
    int32_t elements;
    int32_t in_zero[2];
    int32_t in_multiplier[2];
    int32_t in_shift[2];
    int32_t out_multiplier;
    int32_t out_shift;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_add_cmsis_t;

EK_KERNEL void ek_add_cmsis(const ek_add_cmsis_t *p, const int8_t *const in[], int8_t *out, const void *w,
                            void *scratch)
{
    (void)w;
    (void)scratch;
    ek_cmsis_require(arm_elementwise_add_s8(in[0], in[1], -p->in_zero[0], p->in_multiplier[0], p->in_shift[0],
                                            -p->in_zero[1], p->in_multiplier[1], p->in_shift[1], EK_ADD_CMSIS_LEFT, out,
                                            p->out_zero, p->out_multiplier, p->out_shift, p->act_min, p->act_max,
                                            p->elements));
}

#endif
