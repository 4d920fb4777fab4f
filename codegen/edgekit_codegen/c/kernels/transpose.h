/* transpose.h: one row of an int8 tensor whose dimensions are in another order. */
#ifndef EK_TRANSPOSE_H
#define EK_TRANSPOSE_H

#include "ek_types.h"

typedef struct {
    int32_t channels; /* of the output */
    int32_t step[3];  /* elements of the contiguous input from one output row, pixel and channel to the next */
} ek_transpose_t;

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_transpose_row(const ek_transpose_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                                const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const pixel = in[0] + y * p->step[0] + x * p->step[1];
        for (int c = 0; c < p->channels; ++c) {
            out[x * p->channels + c] = pixel[c * p->step[2]];
        }
    }
}

#endif
