/* reduce_max.h: one row of largest, or smallest, elements over whole dimensions of an int8 tensor. */
#ifndef EK_REDUCE_MAX_H
#define EK_REDUCE_MAX_H

#include "ek_reduce.h"

/* Steps are elements of the input. */
typedef struct {
    int32_t channels; /* of the output */
    int32_t rows;     /* of the output that lie row_step[1] apart */
    int32_t row_step[2];
    int32_t pixel_step; /* from one output pixel and channel to the next */
    int32_t channel_step;
    int32_t count[3]; /* elements along each reduced dimension */
    int32_t step[3];  /* from one of them to the next */
    int32_t flip;     /* 0: the largest; -1, which turns the order around: the smallest */
} ek_reduce_max_t;

/* The largest of each of n neighbours, at most EK_REDUCE_TILE, flipped. */
static inline void ek_reduce_max_tile(const ek_reduce_max_t *p, const int8_t *first, int n, int32_t best[])
{
    for (int c = 0; c < n; ++c) {
        best[c] = INT8_MIN;
    }
    for (int i = 0; i < p->count[0]; ++i) {
        for (int j = 0; j < p->count[1]; ++j) {
            const int8_t *const line = first + i * p->step[0] + j * p->step[1];
            for (int k = 0; k < p->count[2]; ++k) {
                for (int c = 0; c < n; ++c) {
                    const int32_t value = line[k * p->step[2] + c] ^ p->flip;
                    best[c] = value > best[c] ? value : best[c];
                }
            }
        }
    }
}

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_reduce_max_row(const ek_reduce_max_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
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
            int32_t best[EK_REDUCE_TILE];
            ek_reduce_max_tile(p, pixel + c0 * p->channel_step, n, best);
            for (int c = 0; c < n; ++c) {
                out[x * p->channels + c0 + c] = (int8_t)(best[c] ^ p->flip);
            }
        }
    }
}

#endif
