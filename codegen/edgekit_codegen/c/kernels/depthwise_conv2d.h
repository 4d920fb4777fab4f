/* depthwise_conv2d.h: one row of an int8 convolution of every channel alone. */
#ifndef EK_DEPTHWISE_CONV2D_H
#define EK_DEPTHWISE_CONV2D_H

#include "ek_dot.h"
#include "ek_window.h"

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
} ek_depthwise_conv2d_t;

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
