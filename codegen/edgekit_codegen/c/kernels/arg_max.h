/* arg_max.h: one row of indices of the largest, or smallest, elements along one dimension of an int8 tensor. */
#ifndef EK_ARG_MAX_H
#define EK_ARG_MAX_H

#include "ek_reduce.h"

/* Steps are elements of the input. */
typedef struct {
    int32_t channels; /* of the output */
    int32_t rows;     /* of the output that lie row_step[1] apart */
    int32_t row_step[2];
    int32_t pixel_step; /* from one output pixel and channel to the next */
    int32_t channel_step;
    int32_t count; /* elements along the dimension */
    int32_t step;  /* from one of them to the next */
    int32_t flip;  /* 0: the largest; -1, which turns the order around: the smallest */
} ek_arg_max_t;

/* Element of an int32 row; may be written in storage that was declared as bytes. 4-byte aligned. */
#if defined(__GNUC__) || defined(__clang__)
typedef int32_t __attribute__((may_alias)) ek_index_t;
#else
typedef int32_t ek_index_t;
#endif

/* in[0] is the whole input; pixels x0 .. x1-1 of output row y, of int32. The first of equals counts. */
EK_KERNEL void ek_arg_max_row(const ek_arg_max_t *p, const int8_t *const in[], int8_t *out, int y, int x0, int x1,
                              const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const row = ek_reduce_row(in[0], y, p->rows, p->row_step);
    ek_index_t *const indices = (void *)out;
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        for (int c = 0; c < p->channels; ++c) {
            const int8_t *const first = row + x * p->pixel_step + c * p->channel_step;
            int32_t best = first[0] ^ p->flip;
            int32_t index = 0;
            for (int i = 1; i < p->count; ++i) {
                const int32_t value = first[i * p->step] ^ p->flip;
                if (value > best) {
                    best = value;
                    index = i;
                }
            }
            indices[x * p->channels + c] = index;
        }
    }
}

#endif
