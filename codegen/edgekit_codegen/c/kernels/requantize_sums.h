/* requantize_sums.h: one row of int32 sums as int8, with an epilogue for each channel. */
#ifndef EK_REQUANTIZE_SUMS_H
#define EK_REQUANTIZE_SUMS_H

#include "ek_requant.h"
#include "ek_sums.h"

typedef struct {
    int32_t channels;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_requantize_sums_t;

/* Pixels x0 .. x1-1 in ascending order. */
EK_KERNEL void ek_requantize_sums_row(const ek_requantize_sums_t *p, const int8_t *const in[], int8_t *out, int x0,
                                      int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_sum_t *const sums = (const void *)in[0];
    (void)w;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int begin = x * p->channels;
        for (int c = 0; c < p->channels; ++c) {
            out[begin + c] = ek_finish(sums[begin + c], &q[c], p->out_zero, p->act_min, p->act_max);
        }
    }
}

#endif
