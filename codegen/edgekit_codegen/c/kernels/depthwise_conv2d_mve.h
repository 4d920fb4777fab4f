/* depthwise_conv2d_mve.h: one row of an int8 convolution of every channel alone on cores with MVE. */
#ifndef EK_DEPTHWISE_CONV2D_MVE_H
#define EK_DEPTHWISE_CONV2D_MVE_H

#include "ek_mve.h"
#include "ek_window.h"

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding.
 *
 * Lanes are channels, EK_MVE_LANES of them side by side; those of the last block are the last ones of the layer, so
 * that blocks overlap. Of fewer channels the lanes are several pixels where `together` says so, one behind the other.
 * Weights: of every block four vectors of biases, the weights of all lanes for one tap after the other, and for a tap
 * that is zero where their number is even; four vectors of multipliers and four of shifts. Vector k of four holds those
 * of the channels 4 * i + {0, 2, 1, 3}[k] of the block. All are as in ek_mve_epilogue_t; of two taps side by side the
 * weights' sizes add up to 255 at most. */
typedef struct {
    int32_t in_w;
    int32_t channels;
    int32_t kernel[2]; /* at most EK_DEPTHWISE_MVE_TAPS taps */
    int32_t stride;    /* of pixels */
    int32_t dilation;  /* of pixels */
    int32_t pad;       /* pixels before the row */
    int32_t in_zero;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
    int32_t together; /* pixels whose channels fill the lanes: 1, or more where the stride is 1 */
} ek_depthwise_conv2d_mve_t;

#define EK_DEPTHWISE_MVE_TAPS 50

/* The taps of a window, two by two and then one; behind an even last one is another, which has weights of zero. */
typedef struct {
    uint32_t at[EK_DEPTHWISE_MVE_TAPS + 2];    /* where they are, in the padding where they would be */
    uint32_t pixel[EK_DEPTHWISE_MVE_TAPS + 2]; /* counted from the window's first; EK_MVE_NOWHERE in a row of padding */
} ek_mve_taps_t;

#define EK_MVE_NOWHERE 0x80000000u

/* The window that begins at input pixel x. */
EK_KERNEL void ek_mve_find_taps(const ek_depthwise_conv2d_mve_t *p, const int8_t *const in[], int x,
                                ek_mve_taps_t *taps)
{
    int i = 0;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        const uint32_t row = (uint32_t)(uintptr_t)in[ky];
        for (int kx = 0, pixel = 0; kx < p->kernel[1]; ++kx, ++i, pixel += p->dilation) {
            taps->at[i] = row + (uint32_t)((x + pixel) * p->channels);
            taps->pixel[i] = row != 0 ? (uint32_t)pixel : EK_MVE_NOWHERE;
        }
    }
    taps->at[i] = taps->at[i - 1];
    taps->pixel[i] = taps->pixel[i - 1];
}

/* Where n taps are in the window that begins at input pixel x, `bytes` further on, or where the padding is. */
EK_KERNEL void ek_mve_clip_taps(const ek_depthwise_conv2d_mve_t *p, const ek_mve_taps_t *taps, int n, int x, int bytes,
                                const int8_t *padding, uint32_t *clipped)
{
    const uint32x4_t outside = vdupq_n_u32((uint32_t)(uintptr_t)padding), end = vdupq_n_u32((uint32_t)p->in_w);
    for (int i = 0; i < n; i += 4) {
        const uint32x4_t pixel = vaddq_n_u32(vld1q_u32(taps->pixel + i), (uint32_t)x);
        const uint32x4_t at = vaddq_n_u32(vld1q_u32(taps->at + i), (uint32_t)bytes);
        vst1q_u32(clipped + i, vpselq_u32(at, outside, vcmphiq_u32(end, pixel)));
    }
}

/* The outputs of a block before they are clamped: sums in s0 .. s3, from biases on; products are added in 16 bits two
 * by two. Even and odd bytes, and of these even and odd ones, are vectors of their own. In assembly, because compilers
 * spill: all vectors are in use. */
#define EK_MVE_TAKE(op, to) op " %q[" to "], [%[w]], #16\n"
#define EK_MVE_ON(op, to, x) op " %q[" to "], %q[" to "], " x "\n"
#define EK_MVE_NARROW(op, to, x) op " %q[" to "], %q[" x "]\n"
#define EK_MVE_OF_BOTH(op, to) op " %q[" to "], %q[x], %q[v]\n"
#define EK_MVE_SUM_LANES(low, high, products)                                                                          \
    EK_MVE_NARROW("vmovlb.s16", "x", products)                                                                         \
    EK_MVE_NARROW("vmovlt.s16", "v", products)                                                                         \
    EK_MVE_ON("vadd.i32", low, "%q[x]")                                                                                \
    EK_MVE_ON("vadd.i32", high, "%q[v]")
#define EK_MVE_SUM_ALL_LANES EK_MVE_SUM_LANES("s0", "s1", "even") EK_MVE_SUM_LANES("s2", "s3", "odd")
#define EK_MVE_SCALE_LANES(op, low, high)                                                                              \
    EK_MVE_TAKE("vldrw.32", "x")                                                                                       \
    EK_MVE_TAKE("vldrw.32", "v") EK_MVE_ON(op, low, "%q[x]") EK_MVE_ON(op, high, "%q[v]")
#define EK_MVE_FIRST_TAP(LOAD, place)                                                                                  \
    LOAD " %q[x], [%[" place "]]\n" EK_MVE_TAKE("vldrb.8", "v") EK_MVE_OF_BOTH("vmullb.s8", "even")                    \
        EK_MVE_OF_BOTH("vmullt.s8", "odd")
#define EK_MVE_SECOND_TAP(LOAD, place)                                                                                 \
    LOAD " %q[x], [%[" place "]]\n" EK_MVE_TAKE("vldrb.8", "v") EK_MVE_OF_BOTH("vmullt.s8", "x")                       \
        EK_MVE_ON("vadd.i16", "odd", "%q[x]") LOAD " %q[x], [%[" place "]]\n" EK_MVE_OF_BOTH("vmullb.s8", "x")         \
            EK_MVE_ON("vadd.i16", "even", "%q[x]")
#define EK_MVE_LANES_DOWN(sum) EK_MVE_DOWN("%q[" sum "]", "%q[x]")
#define EK_MVE_ROUND_LANES                                                                                             \
    EK_MVE_LANES_DOWN("s0") EK_MVE_LANES_DOWN("s1") EK_MVE_LANES_DOWN("s2") EK_MVE_LANES_DOWN("s3")
#define EK_MVE_BLOCK_OF_LANES(BEGIN, LOAD, END, ROUND)                                                                 \
    __asm__ volatile(                                                                                                  \
        EK_MVE_TAKE("vldrw.32", "s0") EK_MVE_TAKE("vldrw.32", "s1") EK_MVE_TAKE("vldrw.32", "s2")                      \
            EK_MVE_TAKE("vldrw.32", "s3") BEGIN                                                                        \
        "wls lr, %[pairs], 2f\n"                                                                                       \
        "1:\nldrd %[a], %[b], [%[at]], #8\n"                                                                           \
        "add %[a], %[a], %[behind]\nadd %[b], %[b], %[behind]\n" EK_MVE_FIRST_TAP(LOAD, "a")                           \
            EK_MVE_SECOND_TAP(LOAD, "b") EK_MVE_SUM_ALL_LANES                                                          \
        "le lr, 1b\n"                                                                                                  \
        "2:\nldr %[a], [%[at]]\nadd %[a], %[a], %[behind]\n" EK_MVE_FIRST_TAP(LOAD, "a")                               \
            EK_MVE_SUM_ALL_LANES END EK_MVE_SCALE_LANES("vqrdmulh.s32", "s0", "s1")                                    \
                EK_MVE_SCALE_LANES("vqrdmulh.s32", "s2", "s3") ROUND EK_MVE_SCALE_LANES("vrshl.s32", "s0", "s1")       \
                    EK_MVE_SCALE_LANES("vrshl.s32", "s2", "s3") EK_MVE_NARROW("vqmovnb.s32", "s0", "s0")               \
                        EK_MVE_NARROW("vqmovnb.s32", "s2", "s2") EK_MVE_NARROW("vqmovnt.s32", "s0", "s1")              \
                            EK_MVE_NARROW("vqmovnt.s32", "s2", "s3") EK_MVE_ON("vqadd.s16", "s0", "%[zero]")           \
                                EK_MVE_ON("vqadd.s16", "s2", "%[zero]") EK_MVE_NARROW("vqmovnb.s16", "s0", "s0")       \
                                    EK_MVE_NARROW("vqmovnt.s16", "s0", "s2")                                           \
        : [s0] "=&w"(outputs), [s1] "=&w"(s1), [s2] "=&w"(s2), [s3] "=&w"(s3), [even] "=&w"(even), [odd] "=&w"(odd),   \
          [x] "=&w"(x), [v] "=&w"(v), [kept] "=&r"(kept), [at] "+r"(at), [w] "+r"(*w), [a] "=&r"(a), [b] "=&r"(b)      \
        : [behind] "r"(behind), [pairs] "r"(pairs), [some] "r"(some), [zero] "r"(p->out_zero)                          \
        : "lr", "memory")

/* A block's outputs from taps that are so many bytes behind `at`; as many as `some` says, all where they are full. */
EK_KERNEL void ek_mve_lanes(const ek_depthwise_conv2d_mve_t *p, const uint32_t *at, int pairs, int behind,
                            const int8_t **w, int8_t *dst, mve_pred16_t some, bool full)
{
    int8x16_t outputs, s1, s2, s3, even, odd, x, v;
    uint32_t a, b, kept; /* of the predicate, which gcc 12 has no clobber for */
    if (full && p->act_min < p->out_zero) {
        EK_MVE_BLOCK_OF_LANES("", "vldrb.8", "", EK_MVE_ROUND_LANES);
    } else if (full) {
        EK_MVE_BLOCK_OF_LANES("", "vldrb.8", "", "");
    } else if (p->act_min < p->out_zero) {
        EK_MVE_BLOCK_OF_LANES("vmrs %[kept], p0\nvmsr p0, %[some]\n", "vpst\nvldrbt.8", "vmsr p0, %[kept]\n",
                              EK_MVE_ROUND_LANES);
    } else {
        EK_MVE_BLOCK_OF_LANES("vmrs %[kept], p0\nvmsr p0, %[some]\n", "vpst\nvldrbt.8", "vmsr p0, %[kept]\n", "");
    }
    outputs = vmaxq_s8(outputs, vdupq_n_s8((int8_t)p->act_min));
    outputs = vminq_s8(outputs, vdupq_n_s8((int8_t)p->act_max));
    if (full) {
        vstrbq_s8(dst, outputs);
    } else {
        vstrbq_p_s8(dst, outputs, some);
    }
}

/* Pixels x0 .. x1-1 in ascending order. One copy serves all layers. */
EK_SHARED void ek_depthwise_conv2d_mve_strip(const ek_depthwise_conv2d_mve_t *p, const int8_t *const in[], int8_t *out,
                                             int x0, int x1, const int8_t *weights)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, p->dilation, p->pad};
    const int channels = p->channels, alone = ek_mve_least(channels, EK_MVE_LANES), last = channels - alone;
    const int inner = ek_window_inner_first(&win), pairs = p->kernel[0] * p->kernel[1] / 2;
    int outer = ek_mve_least(ek_window_inner_end(&win), x1);
    int8_t padding[EK_MVE_LANES];
    uint32_t clipped[EK_DEPTHWISE_MVE_TAPS + 2];
    ek_mve_taps_t taps;
    vstrbq_s8(padding, vdupq_n_s8((int8_t)p->in_zero));
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        outer = in[ky] == NULL ? 0 : outer;
    }
    const int begin = x0 * p->stride - p->pad;
    ek_mve_find_taps(p, in, begin, &taps);
    for (int x = x0, moved = 0, pixels; x < x1; x += pixels, moved += pixels * p->stride) {
        const bool inside = x >= inner && x < outer;
        pixels = inside && x + p->together <= outer ? p->together : 1;
        const int lanes = pixels * alone;
        const mve_pred16_t some = vctp8q((uint32_t)lanes);
        int8_t *const dst = out + x * channels;
        const int8_t *w = weights;
        for (int c = 0, done = -1; done < last; done = c, c = ek_mve_least(c + EK_MVE_LANES, last)) {
            const uint32_t *at = taps.at;
            int behind = moved * channels + c;
            if (!inside) {
                ek_mve_clip_taps(p, &taps, 2 * pairs + 1, begin + moved, behind, padding, clipped);
                at = clipped;
                behind = 0;
            }
            if (lanes == EK_MVE_LANES) {
                ek_mve_lanes(p, at, pairs, behind, &w, dst + c, some, true);
            } else {
                ek_mve_lanes(p, at, pairs, behind, &w, dst + c, some, false);
            }
        }
    }
}

EK_KERNEL void ek_depthwise_conv2d_mve_row(const ek_depthwise_conv2d_mve_t *p, const int8_t *const in[], int8_t *out,
                                           int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    (void)q;
    (void)scratch;
    ek_depthwise_conv2d_mve_strip(p, in, out, x0, x1, w);
}

#endif
