/* softmax_cmsis.h: the softmax of each vector by CMSIS-NN. */
#ifndef EK_SOFTMAX_CMSIS_H
#define EK_SOFTMAX_CMSIS_H

#include "ek_cmsis.h"

typedef struct {
    int32_t vectors;
    int32_t channels;
    int32_t multiplier;
    int32_t shift;
    int32_t lowest;
} ek_softmax_cmsis_t;

EK_KERNEL void ek_softmax_cmsis(const ek_softmax_cmsis_t *p, const int8_t *const in[], int8_t *out, const void *w,
                                void *scratch)
{
    (void)w;
    (void)scratch;
    arm_softmax_s8(in[0], p->vectors, p->channels, p->multiplier, p->shift, p->lowest, out);
}

#endif
