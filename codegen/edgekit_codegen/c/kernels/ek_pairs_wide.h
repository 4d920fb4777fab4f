/* ek_pairs_wide.h: pairs of pixels whose inputs are widened once for all output channels. */
#ifndef EK_PAIRS_WIDE_H
#define EK_PAIRS_WIDE_H

#include "ek_pairs.h"

#if EK_DSP

/* Inputs of two pixels are widened on the stack where they are so many at most, and tiles enough. It takes stack. */
#define EK_PAIRS_WIDENED (EK_SMALL ? 0 : 128)

/* call: with `wide`, as much of the stack as the layer needs */
#define EK_PAIRS_WIDE(size, call)                                                                                      \
    do {                                                                                                               \
        uint32_t wide[size];                                                                                           \
        call;                                                                                                          \
    } while (0)
#define EK_PAIRS_ON_STACK(inputs, call)                                                                                \
    do {                                                                                                               \
        if ((inputs) > 96) {                                                                                           \
            EK_PAIRS_WIDE(128, call);                                                                                  \
        } else if ((inputs) > 64) {                                                                                    \
            EK_PAIRS_WIDE(96, call);                                                                                   \
        } else if ((inputs) > 32) {                                                                                    \
            EK_PAIRS_WIDE(64, call);                                                                                   \
        } else {                                                                                                       \
            EK_PAIRS_WIDE(32, call);                                                                                   \
        }                                                                                                              \
    } while (0)

/* What is the same for all pairs of pixels. blocks: of a pair's inputs, at `wide`; skip: weights between biases and
 * those of the first; gap: weights behind those of the last */
EK_KERNEL ek_quads_t ek_pairs_quads(const ek_pairs_t *p, const uint32_t *wide, int blocks, int32_t skip, int32_t gap,
                                    const int8_t *w, const ek_requant_t *q)
{
    const int32_t first = 2 * skip + blocks % 2;
    return (ek_quads_t){wide, wide + blocks * EK_BLOCK, first, gap, q, NULL, p->out_c, p->out_c / EK_TILE, w};
}

/* All channels of two pixels whose inputs are widened. `some` computes quads. */
EK_KERNEL void ek_pairs_write(const ek_pairs_t *p, ek_quads_t *quads, int8_t *dst, void (*some)(const ek_quads_t *))
{
    const int32_t rest = p->out_c % EK_TILE;
    quads->dst = dst;
    some(quads);
    if (rest != 0) { /* the last quad lies over the one before */
        const ek_requant_t *const q = quads->q;
        const int8_t *const w = quads->w;
        const int32_t n = quads->quads;
        quads->q = q + p->out_c - EK_TILE;
        quads->dst = dst + p->out_c - EK_TILE;
        quads->w = w + n * p->tile * EK_TILE * EK_BLOCK;
        quads->quads = 1;
        some(quads);
        quads->q = q;
        quads->w = w;
        quads->quads = n;
    }
}

/* Which computes quads whose inputs are widened. */
EK_KERNEL void (*ek_pairs_some(int32_t out_zero))(const ek_quads_t *)
{
    return out_zero == -128 ? ek_pairs_quads_wide_low : ek_pairs_quads_wide;
}

/* Two pixels' inputs from one row of a window. */
EK_KERNEL uint32_t *ek_pairs_widen_row(uint32_t *to, const int8_t *src, int length, int32_t step, uint32_t zero)
{
    const int whole = length & -EK_BLOCK;
    to = ek_pairs_widen(to, src, src + whole, step, zero);
    return whole == length ? to : ek_pairs_widen(to, src + length - EK_BLOCK, src + length, step, zero);
}

#endif

#endif
