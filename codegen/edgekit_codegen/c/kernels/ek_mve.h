/* ek_mve.h: sums of products and epilogues in the vectors of Helium (MVE), for the kernels of cores that have it.
 *
 * Weights of a layer: the epilogues of all its output channels, ek_mve_epilogue_t for every EK_MVE_GROUP of them; then,
 * for every EK_MVE_BLOCK channels, the pieces of a window one after the other. A piece is EK_MVE_PIECE inputs, or what
 * is left of a run of inputs that lie side by side, and has the weights of every channel of the block in turn. Behind
 * the last weight are EK_MVE_LANES bytes that are read and not used.
 */
#ifndef EK_MVE_H
#define EK_MVE_H

#include "ek_requant.h"

#include <stdbool.h>

#ifndef __ARM_FEATURE_MVE
#error "this model was compiled for a core with MVE: name the core to the compiler (-mcpu=cortex-m55)"
#endif
#include <arm_mve.h>

#define EK_MVE_LANES 16
#define EK_MVE_PIECE 48
#define EK_MVE_BLOCK 64
#define EK_MVE_GROUP 8

/* Of 8 output channels: first the even ones, then the odd ones. The input's zero point is in the bias, sums are less
 * than 2^30 in size, and shifts, which are to the left, are negative. */
typedef struct {
    int32_t bias[2][4];
    int32_t multiplier[2][4];
    int32_t shift[2][4];
} ek_mve_epilogue_t;

/* The output's zero point, and what it is clamped to. */
typedef struct {
    int32_t zero;
    int32_t low;
    int32_t high;
} ek_mve_range_t;

static inline int ek_mve_least(int a, int b)
{
    return a < b ? a : b;
}

/* Bytes first .. end-1 of a vector. */
static inline mve_pred16_t ek_mve_between(int first, int end)
{
    const mve_pred16_t before = vctp8q((uint32_t)ek_clamp(first, 0, EK_MVE_LANES));
    return (mve_pred16_t)(vctp8q((uint32_t)ek_clamp(end, 0, EK_MVE_LANES)) & ~(uint32_t)before);
}

/* n bytes from element `begin` of a row on, which has elements 0 .. end-1, the others are padding, and so is all of it
 * where it is NULL. Up to EK_MVE_LANES - 1 bytes behind them are written, too. */
EK_KERNEL void ek_mve_fill(int8_t *to, const int8_t *row, int begin, int n, int end, int padding)
{
    for (int i = 0; i < n; i += EK_MVE_LANES) {
        int8x16_t filled = vdupq_n_s8((int8_t)padding);
        if (row != NULL) {
            const mve_pred16_t inside = ek_mve_between(-begin - i, ek_mve_least(end - begin, n) - i);
            filled = vpselq_s8(vldrbq_z_s8(row + begin + i, inside), filled, inside);
        }
        vstrbq_s8(to + i, filled);
    }
}

/* Loads and stores whose addresses compilers take more instructions for. */
EK_KERNEL int8x16_t ek_mve_load(const int8_t *from, int at)
{
    int8x16_t v;
    __asm__ volatile("vldrb.8 %q0, [%1, %2]" : "=w"(v) : "r"(from), "i"(at));
    return v;
}

EK_KERNEL int8x16_t ek_mve_next(const int8_t **from)
{
    int8x16_t v;
    __asm__ volatile("vldrb.8 %q0, [%1], #16" : "=w"(v), "+r"(*from));
    return v;
}

typedef struct {
    int32_t a;
    int32_t b;
} ek_mve_sums_t;

EK_KERNEL ek_mve_sums_t ek_mve_get(const int32_t *acc)
{
    ek_mve_sums_t sums;
    __asm__ volatile("ldrd %0, %1, [%2]" : "=&Te"(sums.a), "=&Te"(sums.b) : "r"(acc) : "memory");
    return sums;
}

EK_KERNEL int32_t *ek_mve_put(int32_t *acc, ek_mve_sums_t sums)
{
    __asm__ volatile("strd %1, %2, [%0], #8" : "+r"(acc) : "r"(sums.a), "r"(sums.b) : "memory");
    return acc;
}

/* Vector k of a piece that has `vectors`, of the last one what `tail` says. */
EK_KERNEL int8x16_t ek_mve_input(const int8_t *from, int k, int vectors, mve_pred16_t tail)
{
    if (k >= vectors) {
        return vdupq_n_s8(0);
    }
    from += k * EK_MVE_LANES;
    return k == vectors - 1 ? vldrbq_z_s8(from, tail) : vldrbq_s8(from);
}

/* The weights of vector k; w goes to the next channel, with the last one. */
EK_KERNEL int8x16_t ek_mve_weights(const int8_t **w, int k, int vectors, int step, bool packed)
{
    if (packed) {
        return ek_mve_next(w);
    }
    const int8x16_t v = ek_mve_load(*w, k * EK_MVE_LANES);
    *w += k == vectors - 1 ? step : 0;
    return v;
}

/* acc[2 * c] and acc[2 * c + 1], two pixels' sums of n channels, begun or continued with the products of a piece of so
 * many vectors. step: bytes of a channel's weights, EK_MVE_PACKED where they fill their vectors. Returns what is behind
 * the weights. */
EK_KERNEL const int8_t *ek_mve_two(int32_t *acc, const int8_t *w, int step, int n, const int8_t *a, const int8_t *b,
                                   int vectors, mve_pred16_t tail, bool packed, bool first)
{
    const int8x16_t a0 = ek_mve_input(a, 0, vectors, tail), b0 = ek_mve_input(b, 0, vectors, tail);
    const int8x16_t a1 = ek_mve_input(a, 1, vectors, tail), b1 = ek_mve_input(b, 1, vectors, tail);
    const int8x16_t a2 = ek_mve_input(a, 2, vectors, tail), b2 = ek_mve_input(b, 2, vectors, tail);
    for (int c = 0; c < n; ++c) {
        ek_mve_sums_t sums = {0, 0};
        if (!first) {
            sums = ek_mve_get(acc);
        }
        int8x16_t v = ek_mve_weights(&w, 0, vectors, step, packed);
        sums.a = first ? vmladavq_s8(a0, v) : vmladavaq_s8(sums.a, a0, v);
        sums.b = first ? vmladavq_s8(b0, v) : vmladavaq_s8(sums.b, b0, v);
        if (vectors > 1) {
            v = ek_mve_weights(&w, 1, vectors, step, packed);
            sums.a = vmladavaq_s8(sums.a, a1, v);
            sums.b = vmladavaq_s8(sums.b, b1, v);
        }
        if (vectors > 2) {
            v = ek_mve_weights(&w, 2, vectors, step, packed);
            sums.a = vmladavaq_s8(sums.a, a2, v);
            sums.b = vmladavaq_s8(sums.b, b2, v);
        }
        acc = ek_mve_put(acc, sums);
    }
    return w;
}

/* As ek_mve_two for one pixel: acc[c]. */
EK_KERNEL const int8_t *ek_mve_one(int32_t *acc, const int8_t *w, int step, int n, const int8_t *a, int vectors,
                                   mve_pred16_t tail, bool packed, bool first)
{
    const int8x16_t a0 = ek_mve_input(a, 0, vectors, tail), a1 = ek_mve_input(a, 1, vectors, tail);
    const int8x16_t a2 = ek_mve_input(a, 2, vectors, tail);
    for (int c = 0; c < n; ++c, ++acc) {
        int8x16_t v = ek_mve_weights(&w, 0, vectors, step, packed);
        int32_t sum = first ? vmladavq_s8(a0, v) : vmladavaq_s8(*acc, a0, v);
        if (vectors > 1) {
            v = ek_mve_weights(&w, 1, vectors, step, packed);
            sum = vmladavaq_s8(sum, a1, v);
        }
        if (vectors > 2) {
            v = ek_mve_weights(&w, 2, vectors, step, packed);
            sum = vmladavaq_s8(sum, a2, v);
        }
        *acc = sum;
    }
    return w;
}

/* ek_mve_two, or ek_mve_one where b is NULL, for a piece of `length` inputs. */
EK_KERNEL const int8_t *ek_mve_piece(int32_t *acc, const int8_t *w, int n, const int8_t *a, const int8_t *b, int length,
                                     bool first, bool two)
{
    const int vectors = (length + EK_MVE_LANES - 1) / EK_MVE_LANES;
    const mve_pred16_t tail = vctp8q((uint32_t)(length - (vectors - 1) * EK_MVE_LANES));
#define EK_MVE_PIECE_OF(vectors, packed)                                                                               \
    return two ? (first ? ek_mve_two(acc, w, length, n, a, b, vectors, tail, packed, true)                             \
                        : ek_mve_two(acc, w, length, n, a, b, vectors, tail, packed, false))                           \
               : (first ? ek_mve_one(acc, w, length, n, a, vectors, tail, packed, true)                                \
                        : ek_mve_one(acc, w, length, n, a, vectors, tail, packed, false))
    if (length == 3 * EK_MVE_LANES) {
        EK_MVE_PIECE_OF(3, true);
    } else if (length == 2 * EK_MVE_LANES) {
        EK_MVE_PIECE_OF(2, true);
    } else if (length == EK_MVE_LANES) {
        EK_MVE_PIECE_OF(1, true);
    } else if (vectors == 3) {
        EK_MVE_PIECE_OF(3, false);
    } else if (vectors == 2) {
        EK_MVE_PIECE_OF(2, false);
    }
    EK_MVE_PIECE_OF(1, false);
#undef EK_MVE_PIECE_OF
}

/* Outputs of so many groups of channels at dst and of the next pixel at `next`, or of one pixel. In assembly, because
 * gcc 12 takes what vld4 and vld2 load through memory. Rounding negative halves away from zero, which ROUND is for,
 * shows only where what is negative is not clamped. */
#define EK_MVE_DOWN(q, other) "vshr.s32 " other ", " q ", #31\nvadd.i32 " q ", " q ", " other "\n"
#define EK_MVE_OUTPUTS_OF_TWO(ROUND)                                                                                   \
    __asm__ volatile("vdup.16 q6, %[low]\nvdup.16 q7, %[high]\ndls lr, %[groups]\n"                                    \
                     "1:\n"                                                                                            \
                     "vldrw.32 q4, [%[q]], #96\n"                                                                      \
                     "vld40.32 {q0, q1, q2, q3}, [%[acc]]\nvld41.32 {q0, q1, q2, q3}, [%[acc]]\n"                      \
                     "vld42.32 {q0, q1, q2, q3}, [%[acc]]\nvld43.32 {q0, q1, q2, q3}, [%[acc]]!\n"                     \
                     "vldrw.32 q5, [%[q], #-80]\n"                                                                     \
                     "vadd.i32 q0, q0, q4\nvadd.i32 q1, q1, q4\nvldrw.32 q4, [%[q], #-64]\n"                           \
                     "vadd.i32 q2, q2, q5\nvadd.i32 q3, q3, q5\nvldrw.32 q5, [%[q], #-48]\n"                           \
                     "vqrdmulh.s32 q0, q0, q4\nvqrdmulh.s32 q1, q1, q4\n"                                              \
                     "vqrdmulh.s32 q2, q2, q5\nvqrdmulh.s32 q3, q3, q5\n" ROUND                                        \
                     "vldrw.32 q4, [%[q], #-32]\nvldrw.32 q5, [%[q], #-16]\n"                                          \
                     "vrshl.s32 q0, q0, q4\nvrshl.s32 q1, q1, q4\nvrshl.s32 q2, q2, q5\nvrshl.s32 q3, q3, q5\n"        \
                     "vqmovnb.s32 q0, q0\nvqmovnb.s32 q1, q1\nvqmovnt.s32 q0, q2\nvqmovnt.s32 q1, q3\n"                \
                     "vqadd.s16 q0, q0, %[zero]\nvqadd.s16 q1, q1, %[zero]\n"                                          \
                     "vmax.s16 q0, q0, q6\nvmax.s16 q1, q1, q6\nvmin.s16 q0, q0, q7\nvmin.s16 q1, q1, q7\n"            \
                     "vstrb.16 q0, [%[dst]], #8\nvstrb.16 q1, [%[next]], #8\n"                                         \
                     "le lr, 1b"                                                                                       \
                     : [acc] "+r"(acc), [dst] "+l"(dst), [next] "+l"(next), [q] "+r"(q)                                \
                     : [groups] "r"(groups), [zero] "r"(range->zero), [low] "r"(range->low), [high] "r"(range->high)   \
                     : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "memory")
#define EK_MVE_OUTPUTS_OF_ONE(ROUND)                                                                                   \
    __asm__ volatile("vdup.16 q6, %[low]\nvdup.16 q7, %[high]\ndls lr, %[groups]\n"                                    \
                     "1:\n"                                                                                            \
                     "vldrw.32 q4, [%[q]], #96\n"                                                                      \
                     "vld20.32 {q0, q1}, [%[acc]]\nvld21.32 {q0, q1}, [%[acc]]!\n"                                     \
                     "vldrw.32 q5, [%[q], #-80]\n"                                                                     \
                     "vadd.i32 q0, q0, q4\nvldrw.32 q4, [%[q], #-64]\n"                                                \
                     "vadd.i32 q1, q1, q5\nvldrw.32 q5, [%[q], #-48]\n"                                                \
                     "vqrdmulh.s32 q0, q0, q4\nvqrdmulh.s32 q1, q1, q5\n" ROUND                                        \
                     "vldrw.32 q4, [%[q], #-32]\nvldrw.32 q5, [%[q], #-16]\n"                                          \
                     "vrshl.s32 q0, q0, q4\nvrshl.s32 q1, q1, q5\n"                                                    \
                     "vqmovnb.s32 q0, q0\nvqmovnt.s32 q0, q1\n"                                                        \
                     "vqadd.s16 q0, q0, %[zero]\nvmax.s16 q0, q0, q6\nvmin.s16 q0, q0, q7\n"                           \
                     "vstrb.16 q0, [%[dst]], #8\n"                                                                     \
                     "le lr, 1b"                                                                                       \
                     : [acc] "+r"(acc), [dst] "+l"(dst), [q] "+r"(q)                                                   \
                     : [groups] "r"(groups), [zero] "r"(range->zero), [low] "r"(range->low), [high] "r"(range->high)   \
                     : "lr", "q0", "q1", "q4", "q5", "q6", "q7", "memory")

/* Both return the epilogues behind those used. */
static inline const ek_mve_epilogue_t *ek_mve_outputs_two(const int32_t *acc, int8_t *dst, int8_t *next, int groups,
                                                          const ek_mve_epilogue_t *q, const ek_mve_range_t *range)
{
    if (range->low < range->zero) {
        EK_MVE_OUTPUTS_OF_TWO(EK_MVE_DOWN("q0", "q4") EK_MVE_DOWN("q1", "q4") EK_MVE_DOWN("q2", "q4")
                                  EK_MVE_DOWN("q3", "q4"));
    } else {
        EK_MVE_OUTPUTS_OF_TWO("");
    }
    return q;
}

static inline const ek_mve_epilogue_t *ek_mve_outputs_one(const int32_t *acc, int8_t *dst, int groups,
                                                          const ek_mve_epilogue_t *q, const ek_mve_range_t *range)
{
    if (range->low < range->zero) {
        EK_MVE_OUTPUTS_OF_ONE(EK_MVE_DOWN("q0", "q4") EK_MVE_DOWN("q1", "q4"));
    } else {
        EK_MVE_OUTPUTS_OF_ONE("");
    }
    return q;
}

static inline void ek_mve_store(int8_t *dst, const int8_t *from, int n)
{
    vstrbq_p_s8(dst, vldrbq_s8(from), vctp8q((uint32_t)n));
}

/* The outputs of n channels at dst, and of the next pixel at `next`, NULL where there is one pixel. */
EK_KERNEL void ek_mve_finish(const int32_t *acc, int8_t *dst, int8_t *next, int n, const ek_mve_epilogue_t *q,
                             const ek_mve_range_t *range)
{
    const int groups = n / EK_MVE_GROUP, done = groups * EK_MVE_GROUP, rest = n - done;
    int8_t last[2][EK_MVE_LANES];
    if (groups > 0) {
        q = next != NULL ? ek_mve_outputs_two(acc, dst, next, groups, q, range)
                         : ek_mve_outputs_one(acc, dst, groups, q, range);
    }
    if (rest > 0 && next != NULL) {
        ek_mve_outputs_two(acc + 2 * done, last[0], last[1], 1, q, range);
        ek_mve_store(next + done, last[1], rest);
        ek_mve_store(dst + done, last[0], rest);
    } else if (rest > 0) {
        ek_mve_outputs_one(acc + done, last[0], 1, q, range);
        ek_mve_store(dst + done, last[0], rest);
    }
}

#endif
