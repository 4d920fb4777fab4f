/* conv2d_mve.h: one row of a dense int8 convolution on cores with MVE. */
#ifndef EK_CONV2D_MVE_H
#define EK_CONV2D_MVE_H

#include "ek_mve.h"
#include "ek_window.h"

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding. */
typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t out_c;
    int32_t kernel[2];
    int32_t stride; /* of pixels */
    int32_t pad;    /* pixels before the row */
    int32_t in_zero;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
    int32_t copied; /* 1 where a window, at most EK_CONV2D_MVE_WINDOW inputs, is copied: then all of it is one run */
} ek_conv2d_mve_t;

#define EK_CONV2D_MVE_WINDOW (2 * EK_MVE_PIECE)

/* The windows of one pixel, or of two, that begin at element `begin` of each row and `next` further on, copied. inside:
 * no tap is padding. */
EK_KERNEL void ek_conv2d_mve_copy(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *a, int8_t *b, int begin,
                                  int next, bool inside)
{
    const int run = p->kernel[1] * p->in_c, end = p->in_w * p->in_c, rows = p->kernel[0], padding = p->in_zero;
    const mve_pred16_t some = vctp8q((uint32_t)run);
    for (int ky = 0; ky < rows; ++ky, a += run, b += run) {
        if (inside && run <= EK_MVE_LANES) {
            const int8_t *const from = in[ky] + begin;
            vstrbq_s8(a, vldrbq_z_s8(from, some));
            vstrbq_s8(b, vldrbq_z_s8(from + next, some));
        } else {
            ek_mve_fill(a, in[ky], begin, run, end, padding);
            ek_mve_fill(b, in[ky], begin + next, run, end, padding);
        }
    }
}

/* One pixel, and the next one where `two` says so, whose windows begin at element `begin` of each row. */
EK_KERNEL void ek_conv2d_mve_pixels(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *dst, int begin,
                                    bool inside, const int8_t *w, bool two)
{
    const int run = p->kernel[1] * p->in_c, end = p->in_w * p->in_c, next = p->stride * p->in_c;
    const ek_mve_epilogue_t *q = (const ek_mve_epilogue_t *)(const void *)w;
    const ek_mve_range_t range = {p->out_zero, p->act_min, p->act_max};
    const int rows = p->copied ? 1 : p->kernel[0], length = p->copied ? p->kernel[0] * run : run;
    int8_t held[2][EK_CONV2D_MVE_WINDOW + EK_MVE_LANES];
    int32_t acc[2 * EK_MVE_BLOCK];
    if (p->copied) {
        ek_conv2d_mve_copy(p, in, held[0], held[1], begin, two ? next : 0, inside);
    }
    w += (p->out_c + EK_MVE_GROUP - 1) / EK_MVE_GROUP * (int)sizeof *q;
    for (int done = 0; done < p->out_c; done += EK_MVE_BLOCK) {
        const int n = ek_mve_least(EK_MVE_BLOCK, p->out_c - done);
        for (int ky = 0; ky < rows; ++ky) {
            for (int at = 0; at < length; at += EK_MVE_PIECE) {
                const int piece = ek_mve_least(EK_MVE_PIECE, length - at);
                const int8_t *a = in[ky] + begin + at, *b = a + next;
                if (p->copied) {
                    a = held[0] + at;
                    b = held[1] + at;
                } else if (!inside) {
                    ek_mve_fill(held[0], in[ky], begin + at, piece, end, p->in_zero);
                    a = held[0];
                    if (two) {
                        ek_mve_fill(held[1], in[ky], begin + next + at, piece, end, p->in_zero);
                        b = held[1];
                    }
                }
                w = ek_mve_piece(acc, w, n, a, b, piece, ky + at == 0, two);
            }
        }
        ek_mve_finish(acc, dst + done, two ? dst + p->out_c + done : NULL, n, q + done / EK_MVE_GROUP, &range);
    }
}

/* As ek_conv2d_mve_pixels for pixels x0 .. x1-1 where a window is one piece of so many vectors, and channels are one
 * block. packed: it fills them. */
EK_KERNEL void ek_conv2d_mve_short(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   int inner, int outer, const int8_t *w, int vectors, bool packed)
{
    const ek_mve_epilogue_t *const q = (const ek_mve_epilogue_t *)(const void *)w;
    const ek_mve_range_t range = {p->out_zero, p->act_min, p->act_max};
    const int next = p->stride * p->in_c, n = p->out_c;
    const int step = p->kernel[0] * p->kernel[1] * p->in_c;
    const mve_pred16_t tail = vctp8q((uint32_t)(step - (vectors - 1) * EK_MVE_LANES));
    int8_t held[2][EK_MVE_PIECE + EK_MVE_LANES];
    int32_t acc[2 * EK_MVE_BLOCK];
    int8_t *dst = out + x0 * n;
    w += (n + EK_MVE_GROUP - 1) / EK_MVE_GROUP * (int)sizeof *q;
    for (int x = x0, begin = (x0 * p->stride - p->pad) * p->in_c; x < x1; x += 2, begin += 2 * next, dst += 2 * n) {
        const bool two = x + 1 < x1, inside = x >= inner && x + two < outer;
        const int8_t *a = in[0] + begin, *b = a + next;
        if (p->copied || !inside) {
            ek_conv2d_mve_copy(p, in, held[0], held[1], begin, two ? next : 0, inside);
            a = held[0];
            b = held[1];
        }
        if (two) {
            ek_mve_two(acc, w, step, n, a, b, vectors, tail, packed, true);
        } else {
            ek_mve_one(acc, w, step, n, a, vectors, tail, packed, true);
        }
        ek_mve_finish(acc, dst, two ? dst + n : NULL, n, q, &range);
    }
}

/* One copy of each serves all layers. */
#define EK_CONV2D_MVE_SHORT(vectors, packed, name)                                                                     \
    EK_SHARED void name(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, int inner,    \
                        int outer, const int8_t *w)                                                                    \
    {                                                                                                                  \
        ek_conv2d_mve_short(p, in, out, x0, x1, inner, outer, w, vectors, packed);                                     \
    }
EK_CONV2D_MVE_SHORT(1, true, ek_conv2d_mve_16)
EK_CONV2D_MVE_SHORT(2, true, ek_conv2d_mve_32)
EK_CONV2D_MVE_SHORT(3, true, ek_conv2d_mve_48)
EK_CONV2D_MVE_SHORT(1, false, ek_conv2d_mve_to_16)
EK_CONV2D_MVE_SHORT(2, false, ek_conv2d_mve_to_32)
EK_CONV2D_MVE_SHORT(3, false, ek_conv2d_mve_to_48)
#undef EK_CONV2D_MVE_SHORT

EK_SHARED void ek_conv2d_mve_long(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                  int inner, int outer, const int8_t *w)
{
    for (int x = x0; x < x1; x += 2) {
        const int begin = (x * p->stride - p->pad) * p->in_c;
        int8_t *const dst = out + x * p->out_c;
        if (x + 1 < x1) {
            ek_conv2d_mve_pixels(p, in, dst, begin, x >= inner && x + 1 < outer, w, true);
        } else {
            ek_conv2d_mve_pixels(p, in, dst, begin, x >= inner && x < outer, w, false);
        }
    }
}

/* Pixels x0 .. x1-1 in ascending order. */
EK_KERNEL void ek_conv2d_mve_row(const ek_conv2d_mve_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, 1, p->pad};
    const int window = p->kernel[0] * p->kernel[1] * p->in_c, inner = ek_window_inner_first(&win);
    int outer = ek_window_inner_end(&win);
    (void)q;
    (void)scratch;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        outer = in[ky] == NULL ? inner : outer;
    }
    if (window > EK_MVE_PIECE || p->out_c > EK_MVE_BLOCK || (p->kernel[0] > 1 && !p->copied)) {
        ek_conv2d_mve_long(p, in, out, x0, x1, inner, outer, w);
    } else if (window == 1 * EK_MVE_LANES) {
        ek_conv2d_mve_16(p, in, out, x0, x1, inner, outer, w);
    } else if (window == 2 * EK_MVE_LANES) {
        ek_conv2d_mve_32(p, in, out, x0, x1, inner, outer, w);
    } else if (window == 3 * EK_MVE_LANES) {
        ek_conv2d_mve_48(p, in, out, x0, x1, inner, outer, w);
    } else if (window < 1 * EK_MVE_LANES) {
        ek_conv2d_mve_to_16(p, in, out, x0, x1, inner, outer, w);
    } else if (window < 2 * EK_MVE_LANES) {
        ek_conv2d_mve_to_32(p, in, out, x0, x1, inner, outer, w);
    } else {
        ek_conv2d_mve_to_48(p, in, out, x0, x1, inner, outer, w);
    }
}

#endif
