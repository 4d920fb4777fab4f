/* reduce_sum.h: sums over whole dimensions of an int8 tensor, scaled: sums or averages. One row of the output, or, for
 * sums over all rows and pixels, one row of the input. */
#ifndef EK_REDUCE_SUM_H
#define EK_REDUCE_SUM_H

#include "ek_add_pixels.h"
#include "ek_reduce.h"
#include "ek_requant.h"

/* Steps are elements of the input. */
typedef struct {
    int32_t in_w;     /* pixels of a row of the input */
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

static inline int8_t ek_reduce_sum_finish(const ek_reduce_sum_t *p, int32_t sum)
{
    const int32_t scaled = ek_requantize(sum + p->bias, p->multiplier, p->shift);
    return (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), -128, 127);
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
                out[x * p->channels + c0 + c] = ek_reduce_sum_finish(p, sum[c]);
            }
        }
    }
}

/* in[0] is row y of the input, which is reduced to one pixel; pixels x0 .. x1-1 are added. The scratch holds the sums,
 * one int32 per channel: the first pixel of all clears them, the last one completes the output. */
EK_KERNEL void ek_reduce_sum_add_row(const ek_reduce_sum_t *p, const int8_t *const in[], int8_t *out, int y, int x0,
                                     int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int32_t rows = p->count[0] * p->count[1] * p->count[2] / p->in_w;
    int32_t *const sum = scratch;
    (void)w;
    (void)q;
    ek_add_pixels(in[0], x0, x1, p->channels, y == 0 && x0 == 0, sum);
    if (y == rows - 1 && x1 == p->in_w) {
        for (int c = 0; c < p->channels; ++c) {
            out[c] = ek_reduce_sum_finish(p, sum[c]);
        }
    }
}

#endif
