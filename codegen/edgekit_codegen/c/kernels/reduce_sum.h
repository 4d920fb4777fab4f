/* reduce_sum.h: one row of sums over whole dimensions of an int8 tensor, scaled: sums or averages. */
#ifndef EK_REDUCE_SUM_H
#define EK_REDUCE_SUM_H

#include "ek_reduce.h"
#include "ek_requant.h"

/* Steps are elements of the input. */
typedef struct {
    int32_t channels; /* of the output */
    int32_t rows;     /* of the output that lie row_step[1] apart */
    int32_t row_step[2];
    int32_t pixel_step; /* from one output pixel and channel to the next */
    int32_t channel_step;
    int32_t count[3]; /* elements along each reduced dimension */
    int32_t step[3];  /* from one of them to the next */
    int32_t bias;     /* takes the zero points out of the sum */
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero;
} ek_reduce_sum_t;

/* The sum of each of n neighbours, at most EK_REDUCE_TILE. */
static inline void ek_reduce_sum_tile(const ek_reduce_sum_t *p, const int8_t *first, int n, int32_t sum[])
{
    for (int c = 0; c < n; ++c) {
        sum[c] = 0;
    }
    for (int i = 0; i < p->count[0]; ++i) {
        for (int j = 0; j < p->count[1]; ++j) {
            const int8_t *const line = first + i * p->step[0] + j * p->step[1];
            for (int k = 0; k < p->count[2]; ++k) {
                for (int c = 0; c < n; ++c) {
                    sum[c] += line[k * p->step[2] + c];
                }
            }
        }
    }
}

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_reduce_sum_row(const ek_reduce_sum_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const row = ek_reduce_row(in[0], y, p->rows, p->row_step);
    const int most = p->channel_step == 1 ? EK_REDUCE_TILE : 1;
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const pixel = row + x * p->pixel_step;
        for (int c0 = 0; c0 < p->channels; c0 += most) {
            const int n = p->channels - c0 < most ? p->channels - c0 : most;
            int32_t sum[EK_REDUCE_TILE];
            ek_reduce_sum_tile(p, pixel + c0 * p->channel_step, n, sum);
            for (int c = 0; c < n; ++c) {
                const int32_t scaled = ek_requantize(sum[c] + p->bias, p->multiplier, p->shift);
                out[x * p->channels + c0 + c] = (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), -128, 127);
            }
        }
    }
}

#endif
