/* depthwise_conv2d.h: one row of an int8 convolution of every channel alone. */
#ifndef EK_DEPTHWISE_CONV2D_H
#define EK_DEPTHWISE_CONV2D_H

#include "ek_columns.h"
#include "ek_dot.h"
#include "ek_dsp.h"
#include "ek_planes.h"
#include "ek_taps.h"
#include "ek_window.h"

#include <stdbool.h>

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding. */
typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t multiplier; /* outputs per input channel; channel c yields c * multiplier .. */
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t pad[2];  /* top, left */
    int32_t in_zero; /* 0 where the zero point is folded into the bias (then no tap is ever padding) */
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
    int32_t form; /* how weights and epilogues are kept: one of the following */
} ek_depthwise_conv2d_t;

/* Groups of single weights; any layer. */
#define EK_DEPTHWISE_PLAIN 0
/* See ek_depthwise_conv2d_tiles. */
#define EK_DEPTHWISE_TILES 1
/* ek_columns.h. The window is 3x3, steps 1 or 2 pixels and reaches over the image by one row or pixel at most; the
 * output is not clamped further than to int8. */
#define EK_DEPTHWISE_COLUMNS 2

/* One output channel; `origin` is its input element under tap `first`, counted from pixel 0. Taps first .. end-1 of
 * every row of the window lie inside the image. */
EK_KERNEL int32_t ek_depthwise_conv2d_one(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int origin,
                                          int first, int end, const int8_t *w)
{
    int32_t acc = 0;
    for (int ky = 0; ky < p->kernel[0]; ++ky, w += p->kernel[1]) {
        if (in[ky] == NULL || first == end) {
            continue;
        }
        const int8_t *src = in[ky] + origin;
        for (int kx = first; kx < end; ++kx, src += p->dilation[1] * p->in_c) {
            acc = ek_wrapping_add(acc, (*src - p->in_zero) * w[kx]);
        }
    }
    return acc;
}

/* EK_TILE output channels of a multiplier of 1, whose input elements are neighbours; otherwise as above. */
EK_KERNEL void ek_depthwise_conv2d_tile(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int origin, int first,
                                        int end, const int8_t *w, int32_t acc[EK_TILE])
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    for (int ky = 0; ky < p->kernel[0]; ++ky, w += p->kernel[1] * EK_TILE) {
        if (in[ky] == NULL || first == end) {
            continue;
        }
        const int8_t *src = in[ky] + origin;
        const int8_t *taps = w + first * EK_TILE;
        for (int kx = first; kx < end; ++kx, src += p->dilation[1] * p->in_c, taps += EK_TILE) {
            a0 = ek_wrapping_add(a0, (src[0] - p->in_zero) * taps[0]);
            a1 = ek_wrapping_add(a1, (src[1] - p->in_zero) * taps[1]);
            a2 = ek_wrapping_add(a2, (src[2] - p->in_zero) * taps[2]);
            a3 = ek_wrapping_add(a3, (src[3] - p->in_zero) * taps[3]);
        }
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* All channels of the pixel whose window begins at input pixel x. */
EK_KERNEL void ek_depthwise_conv2d_pixel(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x,
                                         int first, int end, const int8_t *w, const ek_requant_t *q)
{
    const int origin = (x + first * p->dilation[1]) * p->in_c;
    const int taps = p->kernel[0] * p->kernel[1];
    const int out_c = p->in_c * p->multiplier;
    const int tiled = p->multiplier == 1 ? ek_tiled(out_c) : 0;
    for (int oc = 0; oc < tiled; oc += EK_TILE) {
        int32_t acc[EK_TILE];
        ek_depthwise_conv2d_tile(p, in, origin + oc, first, end, w + oc * taps, acc);
        for (int t = 0; t < EK_TILE; ++t) {
            dst[oc + t] = ek_finish(acc[t], &q[oc + t], p->out_zero, p->act_min, p->act_max);
        }
    }
    for (int oc = tiled; oc < out_c; ++oc) {
        const int32_t acc = ek_depthwise_conv2d_one(p, in, origin + oc / p->multiplier, first, end, w + oc * taps);
        dst[oc] = ek_finish(acc, &q[oc], p->out_zero, p->act_min, p->act_max);
    }
}

/* A pixel whose window reaches over the left or right border. One copy serves all layers. */
static inline void ek_depthwise_conv2d_border(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *dst,
                                              int x, const int8_t *w, const ek_requant_t *q)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], p->dilation[1], p->pad[1]};
    ek_depthwise_conv2d_pixel(p, in, dst, x, ek_window_tap_first(&win, x), ek_window_tap_end(&win, x), w, q);
}

/* All channels of the pixel whose window begins at input pixel x; its taps first .. end-1 are inside.
 *
 * Weights are tiles of EK_TILE channels, the last of which are the layer's last channels, whatever the tile before has
 * of them: EK_TILE biases (ek_int32), then [kernel rows][kernel pixels][EK_TILE]. One copy serves all layers. */
EK_SHARED void ek_depthwise_conv2d_tiles(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x,
                                         int first, int end, const int8_t *w, const ek_requant_t *q)
{
    const int origin = (x + first * p->dilation[1]) * p->in_c;
    for (int c = 0; c < p->in_c; c += EK_TILE, w += p->kernel[0] * p->kernel[1] * EK_TILE) {
        const int oc = c + EK_TILE <= p->in_c ? c : p->in_c - EK_TILE;
        int32_t acc[EK_TILE];
        const int8_t *const biases = w;
        w += 4 * EK_TILE;
        ek_depthwise_conv2d_tile(p, in, origin + oc, first, end, w, acc);
        for (int t = 0; t < EK_TILE; ++t) {
            const int32_t sum = ek_wrapping_add(acc[t], ek_int32(biases + 4 * t));
            dst[oc + t] =
                ek_finish_narrow((int32_t)((uint32_t)sum << 1), &q[oc + t], p->out_zero, p->act_min, p->act_max);
        }
    }
}

#if EK_DSP
/* The same where outputs are not clamped further than to int8, and the window has at most EK_TAPS_ROWS rows. */
EK_SHARED void ek_depthwise_conv2d_quads(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x,
                                         int first, int end, const int8_t *w, const ek_requant_t *q)
{
    const int pitch = p->dilation[1] * p->in_c, quads = p->in_c / EK_TILE;
    const uint32_t zero = (uint32_t)-p->in_zero & 0xffff;
    ek_taps_row_t rows[EK_TAPS_ROWS], *last = rows;
    int skip = 0;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        if (in[ky] == NULL || first == end) {
            skip += p->kernel[1];
            continue;
        }
        *last++ = (ek_taps_row_t){in[ky] + x * p->in_c + first * pitch, end - first, skip + first};
        skip = p->kernel[1] - end;
    }
    ek_taps_t taps = {last, rows, (int32_t)(zero | zero << 16), pitch, skip * EK_TILE, q, dst, quads, w};
    ek_taps_quads(&taps);
    if (quads * EK_TILE != p->in_c) {
        const int back = p->in_c - EK_TILE;
        for (ek_taps_row_t *row = rows; row != last; ++row) {
            row->x += back;
        }
        taps.q = q + back;
        taps.dst = dst + back;
        taps.quads = 1;
        taps.w = w + quads * EK_TILE * (p->kernel[0] * p->kernel[1] + 4);
        ek_taps_quads(&taps);
    }
}
#endif

EK_KERNEL void ek_depthwise_conv2d_tiled_row(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out,
                                             int x0, int x1, const int8_t *w, const ek_requant_t *q)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], p->dilation[1], p->pad[1]};
    for (int x = x0; x < x1; ++x) {
        const int begin = x * p->stride[1] - p->pad[1];
        const int first = ek_window_tap_first(&win, begin), end = ek_window_tap_end(&win, begin);
        int8_t *const dst = out + x * p->in_c;
#if EK_DSP
        if (p->act_min == -128 && p->act_max == 127 && p->kernel[0] <= EK_TAPS_ROWS) {
            ek_depthwise_conv2d_quads(p, in, dst, begin, first, end, w, q);
            continue;
        }
#endif
        ek_depthwise_conv2d_tiles(p, in, dst, begin, first, end, w, q);
    }
}

#if EK_DSP

/* Pixels x0 .. x1-1, of which there is one at least, by a function of ek_columns.h. One copy serves all layers. */
EK_SHARED void ek_depthwise_conv2d_strip(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0,
                                         int x1, const int8_t *w, void (*columns)(const ek_columns_t *))
{
    const int begin = x0 * p->stride[1] - p->pad[1], last = (x1 - 1) * p->stride[1] - p->pad[1] + 2;
    const int right = last >= p->in_w;
    const int count = p->stride[1] == 1 ? x1 - x0 + 2 - right : 2 * (x1 - x0 - right) + 1;
    const int second = (2 - count) * p->in_c; /* column 2, the first pixel's last */
    const int behind = (begin + count) * p->in_c;
    const uint32_t zero = (uint32_t)p->in_zero & 0xffff;
    const ek_columns_t strip = {
        .row = {(in[0] != NULL ? in[0] : in[1]) + behind, in[1] + behind, (in[2] != NULL ? in[2] : in[1]) + behind},
        .out = out + x0 * p->in_c - (p->stride[1] == 1 ? second : second >> 1),
        .channels = p->in_c,
        .first = -count * p->in_c,
        .step = p->in_c,
        .left = begin < 0,
        .right = right,
        .missing = (in[0] == NULL) | (in[2] == NULL) << 2,
        .zero = (int32_t)(zero | zero << 16),
        .w = w,
    };
    columns(&strip);
}

typedef void (*ek_columns_of_t)(const ek_columns_t *);

/* The function for a layer. */
EK_KERNEL ek_columns_of_t ek_depthwise_conv2d_columns(const ek_depthwise_conv2d_t *p)
{
    if (p->stride[1] == 1) {
        return p->out_zero == -128 ? ek_columns_1_low : ek_columns_1;
    }
    return p->out_zero == -128 ? ek_columns_2_low : ek_columns_2;
}

EK_KERNEL void ek_depthwise_conv2d_columns_row(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out,
                                               int x0, int x1, const int8_t *w)
{
    ek_depthwise_conv2d_strip(p, in, out, x0, x1, w, ek_depthwise_conv2d_columns(p));
}

#else

EK_SHARED void ek_depthwise_conv2d_columns_row(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out,
                                               int x0, int x1, const int8_t *w)
{
    static const uint8_t place[3][3] = {{0, 1, 4}, {2, 3, 6}, {5, 7, 10}}; /* of each tap's weight */
    for (int c = 0; c < p->in_c; ++c, w += EK_COLUMNS_CHANNEL) {
        const ek_requant_t q = {ek_int32(w + 16), ek_int32(w + 12), w[8]};
        for (int x = x0; x < x1; ++x) {
            int32_t acc = ek_int32(w + 20);
            for (int tap = 0; tap < 9; ++tap) {
                const int ky = tap / 3, i = x * p->stride[1] - p->pad[1] + tap % 3;
                const bool inside = in[ky] != NULL && i >= 0 && i < p->in_w;
                const int32_t value = inside ? in[ky][i * p->in_c + c] : p->in_zero;
                acc = ek_wrapping_add(acc, value * w[place[ky][tap % 3]]);
            }
            out[x * p->in_c + c] =
                ek_finish_narrow((int32_t)((uint32_t)acc << 1), &q, p->out_zero, p->act_min, p->act_max);
        }
    }
}

#endif

/* One row of a layer that has the channels of `plane` alone and is like p otherwise, whatever its padding. */
EK_KERNEL void ek_depthwise_conv2d_plane_row(const ek_depthwise_conv2d_t *p, const ek_depthwise_conv2d_t *plane,
                                             const int8_t *const in[], int8_t *out, const int8_t *w,
                                             const ek_requant_t *q)
{
    if (p->form == EK_DEPTHWISE_COLUMNS) {
#if EK_DSP
        ek_depthwise_conv2d_strip(plane, in, out, 0, p->in_w, w, ek_depthwise_conv2d_columns(p));
#else
        ek_depthwise_conv2d_columns_row(plane, in, out, 0, p->in_w, w);
#endif
    } else if (p->form == EK_DEPTHWISE_TILES) {
        ek_depthwise_conv2d_tiled_row(plane, in, out, 0, p->in_w, w, q);
    } else {
        for (int x = 0; x < p->in_w; ++x) {
            ek_depthwise_conv2d_border(plane, in, out + x * plane->in_c, x * p->stride[1] - p->pad[1], w, q);
        }
    }
}

/* All rows of an output that has the shape of its input, which is one image of in_w x rows pixels with a multiplier of
 * 1, and whose bytes it may take: `channels` channels at a time, a multiple of EK_TILE, a rest of fewer than EK_TILE
 * with those before. Their pixels are copied, and each row of output replaces them. The window has EK_TAPS_ROWS rows at
 * most.
 *
 * scratch  (rows + 1) * in_w pixels of as many channels: a row of output, then the copy */
EK_KERNEL void ek_depthwise_conv2d_planar(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out,
                                          int rows, int channels, const void *w, const ek_requant_t *q, void *scratch)
{
    const int taps = p->kernel[0] * p->kernel[1];
    const int weights = p->form == EK_DEPTHWISE_COLUMNS ? EK_COLUMNS_CHANNEL
                        : p->form == EK_DEPTHWISE_TILES ? taps + 4
                                                        : taps;
    ek_depthwise_conv2d_t plane = *p;
    for (int c = 0; c < p->in_c; c += plane.in_c) {
        const int left = p->in_c - c;
        plane.in_c = left < channels + EK_TILE ? left : channels;
        const int pitch = p->in_w * plane.in_c;
        int8_t *const result = scratch, *const copy = result + pitch;
        ek_planes_copy(copy, plane.in_c, in[0] + c, p->in_c, plane.in_c, rows * p->in_w);
        for (int y = 0; y < rows; ++y) {
            const int8_t *window[EK_TAPS_ROWS];
            for (int ky = 0; ky < p->kernel[0]; ++ky) {
                const int row = y * p->stride[0] - p->pad[0] + ky * p->dilation[0];
                window[ky] = row >= 0 && row < rows ? copy + row * pitch : NULL;
            }
            ek_depthwise_conv2d_plane_row(p, &plane, window, result, (const int8_t *)w + c * weights,
                                          q != NULL ? q + c : NULL);
            ek_planes_copy(out + y * p->in_w * p->in_c + c, p->in_c, result, plane.in_c, plane.in_c, p->in_w);
        }
    }
}

/* Pixels x0 .. x1-1 in ascending order. Weights: [out channel][kernel rows][kernel pixels]; where the multiplier is 1,
 * in groups of EK_TILE output channels interleaved, then the remaining channels. */
EK_KERNEL void ek_depthwise_conv2d_row(const ek_depthwise_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0,
                                       int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], p->dilation[1], p->pad[1]};
    const int inner = ek_clamp(ek_window_inner_first(&win), x0, x1);
    const int outer = ek_clamp(ek_window_inner_end(&win), inner, x1);
    const int out_c = p->in_c * p->multiplier;
    const int8_t *const weights = w;
    int x = x0;
    (void)scratch;
    if (p->form == EK_DEPTHWISE_COLUMNS) {
        ek_depthwise_conv2d_columns_row(p, in, out, x0, x1, weights);
        return;
    }
    if (p->form == EK_DEPTHWISE_TILES) {
        ek_depthwise_conv2d_tiled_row(p, in, out, x0, x1, weights, q);
        return;
    }
    for (; x < inner; ++x) {
        ek_depthwise_conv2d_border(p, in, out + x * out_c, x * p->stride[1] - p->pad[1], weights, q);
    }
    for (; x < outer; ++x) {
        ek_depthwise_conv2d_pixel(p, in, out + x * out_c, x * p->stride[1] - p->pad[1], 0, p->kernel[1], weights, q);
    }
    for (; x < x1; ++x) {
        ek_depthwise_conv2d_border(p, in, out + x * out_c, x * p->stride[1] - p->pad[1], weights, q);
    }
}

#endif
