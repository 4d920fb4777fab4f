/* batch_matmul.h: the product of two int8 matrices. A row of the tensors' view is a whole matrix. */
#ifndef EK_BATCH_MATMUL_H
#define EK_BATCH_MATMUL_H

#include "ek_dot.h"

typedef struct {
    int32_t depth;     /* products in a sum */
    int32_t columns;   /* of the output */
    int32_t a_step[2]; /* elements from one output row to the next, and from one product to the next */
    int32_t b_step[2]; /* elements from one product to the next, and from one output column to the next */
    int32_t in_zero[2];
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero;
} ek_batch_matmul_t;

/* Columns n .. n+tile-1 of one row of the output. */
EK_KERNEL void ek_batch_matmul_tile(const ek_batch_matmul_t *p, const int8_t *a, const int8_t *b, int8_t *out, int tile)
{
    const ek_requant_t q = {0, p->multiplier, p->shift};
    int32_t acc[EK_TILE] = {0};
    for (int k = 0; k < p->depth; ++k, a += p->a_step[1], b += p->b_step[0]) {
        const int32_t v = *a - p->in_zero[0];
        for (int t = 0; t < tile; ++t) {
            acc[t] = ek_wrapping_add(acc[t], v * (b[t * p->b_step[1]] - p->in_zero[1]));
        }
    }
    for (int t = 0; t < tile; ++t) {
        out[t] = ek_finish(acc[t], &q, p->out_zero, -128, 127);
    }
}

/* Rows x0 .. x1-1 of the matrix in ascending order. in[0] and in[1] are the matrices that are multiplied. */
EK_KERNEL void ek_batch_matmul_row(const ek_batch_matmul_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const a = in[0] + x * p->a_step[0];
        int8_t *const dst = out + x * p->columns;
        int n = 0;
        for (; n + EK_TILE <= p->columns; n += EK_TILE) {
            ek_batch_matmul_tile(p, a, in[1] + n * p->b_step[1], dst + n, EK_TILE);
        }
        for (; n < p->columns; ++n) {
            ek_batch_matmul_tile(p, a, in[1] + n * p->b_step[1], dst + n, 1);
        }
    }
}

#endif
