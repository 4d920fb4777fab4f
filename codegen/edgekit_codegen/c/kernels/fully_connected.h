/* fully_connected.h: one row of int8 vectors times a constant matrix. */
#ifndef EK_FULLY_CONNECTED_H
#define EK_FULLY_CONNECTED_H

#include "ek_dot.h"
#include "ek_pairs.h"

/* The input rows in[] of `row` elements each hold, end to end, the input vectors of the output row's pixels. One of
 * `row` and `in_c` is a multiple of the other. The input's zero point is folded into the bias. */
typedef struct {
    int32_t row;
    int32_t in_c;
    int32_t out_c;
    int32_t weights_zero;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
    int32_t pairs; /* 0: tiles of single weights; 1: ek_pairs.h, all elements of an input row side by side */
} ek_fully_connected_t;

/* The sum of the vector that begins at element `begin` of the first of its rows, times the weights' zero point. */
EK_KERNEL int32_t ek_fully_connected_offset(const ek_fully_connected_t *p, const int8_t *const rows[], int begin)
{
    const int length = p->in_c < p->row ? p->in_c : p->row;
    int32_t sum = 0;
    for (int done = 0; done < p->in_c; done += length, ++rows) {
        for (int i = 0; i < length; ++i) {
            sum += (*rows)[begin + i];
        }
    }
    return (int32_t)((uint32_t)sum * (uint32_t)p->weights_zero);
}

/* Output channels oc .. oc+tile-1 of that vector, less `offset`. */
EK_KERNEL void ek_fully_connected_tile(const ek_fully_connected_t *p, const int8_t *const rows[], int begin,
                                       int32_t offset, int8_t *dst, const int8_t *w, const ek_requant_t *q, int tile)
{
    const int length = p->in_c < p->row ? p->in_c : p->row;
    int32_t acc[EK_TILE];
    for (int t = 0; t < tile; ++t) {
        acc[t] = (int32_t)(0u - (uint32_t)offset);
    }
    for (int done = 0; done < p->in_c; done += length, w += length * tile) {
        ek_dot(acc, *rows++ + begin, w, length, 0, tile);
    }
    for (int t = 0; t < tile; ++t) {
        dst[t] = ek_finish(acc[t], &q[t], p->out_zero, p->act_min, p->act_max);
    }
}

EK_KERNEL void ek_fully_connected_pairs(const ek_fully_connected_t *p, const int8_t *const rows[], int begin,
                                        int8_t *dst, const int8_t *w, const ek_requant_t *q)
{
    const int length = p->in_c < p->row ? p->in_c : p->row;
    const int tile = 1 + p->in_c / length * ek_pairs_blocks(length);
    const ek_pairs_t pairs = {p->out_c, tile, 0, p->out_zero, p->act_min, p->act_max};
    ek_run_t runs[EK_RUNS], *last = runs;
    for (int done = 0; done < p->in_c; done += length) {
        last = ek_pairs_run(last, *rows++ + begin, length);
    }
    ek_pairs_pixel(&pairs, runs, last, dst, w, q, 0, 0, 0);
}

/* Vectors x0 .. x1-1 in ascending order. Weights: groups of EK_TILE output channels interleaved, then the remaining
 * channels, each over [in_c]. */
EK_KERNEL void ek_fully_connected_row(const ek_fully_connected_t *p, const int8_t *const in[], int8_t *out, int x0,
                                      int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const weights = w;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const *rows = in + x * p->in_c / p->row;
        const int begin = x * p->in_c % p->row;
        const int32_t offset = p->weights_zero == 0 ? 0 : ek_fully_connected_offset(p, rows, begin);
        int8_t *const dst = out + x * p->out_c;
        if (p->pairs) {
            ek_fully_connected_pairs(p, rows, begin, dst, weights, q);
            continue;
        }
        const int tiled = ek_tiled(p->out_c);
        for (int oc = 0; oc < tiled; oc += EK_TILE) {
            ek_fully_connected_tile(p, rows, begin, offset, dst + oc, weights + oc * p->in_c, q + oc, EK_TILE);
        }
        for (int oc = tiled; oc < p->out_c; ++oc) {
            ek_fully_connected_tile(p, rows, begin, offset, dst + oc, weights + oc * p->in_c, q + oc, 1);
        }
    }
}

#endif
