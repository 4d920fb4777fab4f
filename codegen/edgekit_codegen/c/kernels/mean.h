/* mean.h: one row of averages over whole dimensions of an int8 tensor. */
#ifndef EK_MEAN_H
#define EK_MEAN_H

#include "ek_requant.h"

/* Steps are elements of the input, which is contiguous. */
typedef struct {
    int32_t channels;    /* of the output */
    int32_t out_step[3]; /* from one output row, pixel and channel to the next */
    int32_t count[3];    /* elements along each averaged dimension */
    int32_t step[3];     /* from one of them to the next */
    int32_t bias;        /* takes the zero points out of the sum */
    int32_t multiplier;  /* scale ratio and 1 / number of elements */
    int32_t shift;
    int32_t out_zero;
} ek_mean_t;

/* Channels whose sums are kept at once. */
#define EK_MEAN_TILE 8

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y. */
EK_KERNEL void ek_mean_row(const ek_mean_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                           const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const pixel = in[0] + y * p->out_step[0] + x * p->out_step[1];
        for (int c0 = 0; c0 < p->channels; c0 += EK_MEAN_TILE) {
            const int n = p->channels - c0 < EK_MEAN_TILE ? p->channels - c0 : EK_MEAN_TILE;
            int32_t sum[EK_MEAN_TILE] = {0};
            for (int i = 0; i < p->count[0]; ++i) {
                for (int j = 0; j < p->count[1]; ++j) {
                    for (int k = 0; k < p->count[2]; ++k) {
                        const int8_t *const from = pixel + i * p->step[0] + j * p->step[1] + k * p->step[2];
                        for (int c = 0; c < n; ++c) {
                            sum[c] += from[(c0 + c) * p->out_step[2]];
                        }
                    }
                }
            }
            for (int c = 0; c < n; ++c) {
                const int32_t scaled = ek_requantize(sum[c] + p->bias, p->multiplier, p->shift);
                out[x * p->channels + c0 + c] = (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), -128, 127);
            }
        }
    }
}

#endif
