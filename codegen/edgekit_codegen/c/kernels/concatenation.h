/* concatenation.h: one row of int8 tensors one behind the other. */
#ifndef EK_CONCATENATION_H
#define EK_CONCATENATION_H

#include "ek_copy.h"
#include "ek_requant.h"

typedef struct {
    int32_t inputs;
    int32_t channels;   /* of the output */
    int32_t by_channel; /* 1: every pixel holds channels of all inputs; 0: the inputs' rows follow each other */
} ek_concatenation_t;

/* in[i] is the row of input i; w: int32, the channels (by_channel) or else the pixels of every input. */
EK_KERNEL void ek_concatenation_row(const ek_concatenation_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                    const void *w, const ek_requant_t *q, void *scratch)
{
    const int32_t *const sizes = (const int32_t *)w;
    int32_t first = 0; /* channel or pixel of the output at which the input begins */
    (void)q;
    (void)scratch;
    for (int32_t i = 0; i < p->inputs; ++i) {
        const int8_t *const from = in[i];
        const int32_t size = sizes[i];
        if (p->by_channel) {
            for (int32_t x = x0; x < x1; ++x) {
                ek_copy(out + x * p->channels + first, from + x * size, size);
            }
        } else {
            const int32_t begin = ek_clamp(first, x0, x1);
            const int32_t end = ek_clamp(first + size, x0, x1);
            ek_copy(out + begin * p->channels, from + (begin - first) * p->channels, (end - begin) * p->channels);
        }
        first += size;
    }
}

#endif
