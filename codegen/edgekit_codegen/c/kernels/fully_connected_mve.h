/* fully_connected_mve.h: one row of int8 vectors times a constant matrix on cores with MVE. */
#ifndef EK_FULLY_CONNECTED_MVE_H
#define EK_FULLY_CONNECTED_MVE_H

#include "ek_mve.h"

/* The input rows in[] of `row` elements each hold, end to end, the input vectors of the output row's pixels. One of
 * `row` and `in_c` is a multiple of the other. */
typedef struct {
    int32_t row;
    int32_t in_c;
    int32_t out_c;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_fully_connected_mve_t;

/* The vector that begins at element `begin` of the first of its rows. One copy serves all layers. */
EK_SHARED void ek_fully_connected_mve_vector(const ek_fully_connected_mve_t *p, const int8_t *const rows[], int begin,
                                             int8_t *dst, const int8_t *w)
{
    const int length = ek_mve_least(p->in_c, p->row);
    const ek_mve_epilogue_t *q = (const ek_mve_epilogue_t *)(const void *)w;
    const ek_mve_range_t range = {p->out_zero, p->act_min, p->act_max};
    int32_t acc[EK_MVE_BLOCK];
    w += (p->out_c + EK_MVE_GROUP - 1) / EK_MVE_GROUP * (int)sizeof *q;
    for (int done = 0; done < p->out_c; done += EK_MVE_BLOCK) {
        const int n = ek_mve_least(EK_MVE_BLOCK, p->out_c - done);
        for (int first = 0; first < p->in_c; first += length) {
            const int8_t *const from = rows[first / length] + begin;
            for (int at = 0; at < length; at += EK_MVE_PIECE) {
                const int piece = ek_mve_least(EK_MVE_PIECE, length - at);
                w = ek_mve_piece(acc, w, n, from + at, NULL, piece, first + at == 0, false);
            }
        }
        ek_mve_finish(acc, dst + done, NULL, n, q + done / EK_MVE_GROUP, &range);
    }
}

/* Vectors x0 .. x1-1 in ascending order. */
EK_KERNEL void ek_fully_connected_mve_row(const ek_fully_connected_mve_t *p, const int8_t *const in[], int8_t *out,
                                          int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const *rows = in + x * p->in_c / p->row;
        ek_fully_connected_mve_vector(p, rows, x * p->in_c % p->row, out + x * p->out_c, w);
    }
}

#endif
