/* ek_dot.h: the innermost loops of convolutions and fully connected layers.
 *
 * Accumulators are int32 and wrap modulo 2^32. `zero` is subtracted from every input element; where the zero point
 * was folded into the bias it is the constant 0 and costs nothing.
 */
#ifndef EK_DOT_H
#define EK_DOT_H

#include "ek_requant.h"

/* Output channels computed at once; their weights are interleaved, so that w[i * EK_TILE + t] belongs to channel t. */
#define EK_TILE 4

/* How many of the first n output channels (n >= 0) fill whole tiles. The loop over the others begins at this number,
 * not where the loop over tiles ended: it is a constant where n is, and a loop that is empty is gone before gcc -O3
 * takes it for one of 2^32 turns and warns of their overflow. */
static inline int ek_tiled(int n)
{
    return n - n % EK_TILE;
}

/* acc[t] += sum over i < n of (x[i] - zero) * w[i * EK_TILE + t] */
EK_KERNEL void ek_dot_tile(int32_t acc[EK_TILE], const int8_t *x, const int8_t *w, int n, int32_t zero)
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (const int8_t *const end = x + n; x != end; ++x, w += EK_TILE) {
        const int32_t v = *x - zero;
        a0 = ek_wrapping_add(a0, v * w[0]);
        a1 = ek_wrapping_add(a1, v * w[1]);
        a2 = ek_wrapping_add(a2, v * w[2]);
        a3 = ek_wrapping_add(a3, v * w[3]);
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* acc[0] += sum over i < n of (x[i] - zero) * w[i] */
EK_KERNEL void ek_dot_one(int32_t acc[1], const int8_t *x, const int8_t *w, int n, int32_t zero)
{
    int32_t a = acc[0];
    for (const int8_t *const end = x + n; x != end; ++x, ++w) {
        a = ek_wrapping_add(a, (*x - zero) * *w);
    }
    acc[0] = a;
}

/* ek_dot_tile or ek_dot_one; `tile` is a constant where this is inlined. */
EK_KERNEL void ek_dot(int32_t *acc, const int8_t *x, const int8_t *w, int n, int32_t zero, int tile)
{
    if (tile == 1) {
        ek_dot_one(acc, x, w, n, zero);
    } else {
        ek_dot_tile(acc, x, w, n, zero);
    }
}

#endif
