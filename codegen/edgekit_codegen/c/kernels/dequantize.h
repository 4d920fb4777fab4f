/* dequantize.h: one row of int8 as float32. */
#ifndef EK_DEQUANTIZE_H
#define EK_DEQUANTIZE_H

#include "ek_float.h"

typedef struct {
    int32_t channels;
    float scale;
    int32_t zero;
} ek_dequantize_t;

/* `out` is a row of float32. */
EK_KERNEL void ek_dequantize_row(const ek_dequantize_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    ek_float_t *const values = (void *)out;
    (void)w;
    (void)q;
    (void)scratch;
    for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
        values[i] = p->scale * (float)(in[0][i] - p->zero);
    }
}

#endif
