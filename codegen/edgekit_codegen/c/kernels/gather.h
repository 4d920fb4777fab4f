/* gather.h: one row of chosen pixels of an int8 tensor. */
#ifndef EK_GATHER_H
#define EK_GATHER_H

#include "ek_copy.h"
#include "ek_requant.h"

/* An int32 in the byte storage that every tensor shares. */
#if defined(__GNUC__) || defined(__clang__)
typedef int32_t __attribute__((may_alias)) ek_index_t;
#else
typedef int32_t ek_index_t;
#endif

typedef struct {
    int32_t in_w;
    int32_t channels;
} ek_gather_t;

/* in[0] is the input row, in[1] the pixels to take as int32; indices outside the row are clamped into it. */
EK_KERNEL void ek_gather_row(const ek_gather_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                             const ek_requant_t *q, void *scratch)
{
    const ek_index_t *const index = (const ek_index_t *)(const void *)in[1];
    (void)w;
    (void)q;
    (void)scratch;
    for (int32_t x = x0; x < x1; ++x) {
        ek_copy(out + x * p->channels, in[0] + ek_clamp(index[x], 0, p->in_w - 1) * p->channels, p->channels);
    }
}

#endif
