/* conv2d.h: one row of an int8 convolution, dense or in groups. */
#ifndef EK_CONV2D_H
#define EK_CONV2D_H

#include "ek_dot.h"
#include "ek_window.h"

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding. */
typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t out_c;
    int32_t group[2]; /* input and output channels of a group; in_c and out_c where there is one */
    int32_t kernel[2];
    int32_t stride[2];
    int32_t dilation[2];
    int32_t pad[2];  /* top, left */
    int32_t in_zero; /* 0 where the zero point is folded into the bias (then no tap is ever padding) */
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_conv2d_t;

/* Output channels oc .. oc+tile-1 of the pixel whose window begins at element `origin` of each row, the first channel
 * of their group; taps first .. end-1 are inside. */
EK_KERNEL void ek_conv2d_tile(const ek_conv2d_t *p, const int8_t *const in[], int8_t *dst, int origin, int first,
                              int end, const int8_t *w, const ek_requant_t *q, int tile)
{
    const int depth = p->group[0];
    int32_t acc[EK_TILE] = {0};
    for (int ky = 0; ky < p->kernel[0]; ++ky, w += p->kernel[1] * depth * tile) {
        if (in[ky] == NULL || first == end) {
            continue;
        }
        const int8_t *src = in[ky] + origin + first * p->dilation[1] * p->in_c;
        const int8_t *taps = w + first * depth * tile;
        if (p->dilation[1] == 1 && depth == p->in_c) {
            ek_dot(acc, src, taps, (end - first) * depth, p->in_zero, tile);
            continue;
        }
        for (int kx = first; kx < end; ++kx) {
            ek_dot(acc, src, taps, depth, p->in_zero, tile);
            src += p->dilation[1] * p->in_c;
            taps += depth * tile;
        }
    }
    for (int t = 0; t < tile; ++t) {
        dst[t] = ek_finish(acc[t], &q[t], p->out_zero, p->act_min, p->act_max);
    }
}

EK_KERNEL void ek_conv2d_pixel(const ek_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x, int first, int end,
                               const int8_t *w, const ek_requant_t *q)
{
    const int taps = p->kernel[0] * p->kernel[1] * p->group[0];
    const int tiled = ek_tiled(p->group[1]);
    for (int origin = x * p->in_c, done = 0; done < p->out_c; origin += p->group[0], done += p->group[1]) {
        for (int oc = done; oc < done + tiled; oc += EK_TILE) {
            ek_conv2d_tile(p, in, dst + oc, origin, first, end, w + oc * taps, q + oc, EK_TILE);
        }
        for (int oc = done + tiled; oc < done + p->group[1]; ++oc) {
            ek_conv2d_tile(p, in, dst + oc, origin, first, end, w + oc * taps, q + oc, 1);
        }
    }
}

/* A pixel whose window reaches over the left or right border. One copy serves all layers. */
static inline void ek_conv2d_border(const ek_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x, const int8_t *w,
                                    const ek_requant_t *q)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], p->dilation[1], p->pad[1]};
    ek_conv2d_pixel(p, in, dst, x, ek_window_tap_first(&win, x), ek_window_tap_end(&win, x), w, q);
}

/* Pixels x0 .. x1-1 in ascending order; a pixel's inputs are read before it is complete. Weights, for one group after
 * the other: tiles of EK_TILE output channels interleaved, then the remaining channels, each over
 * [kernel rows][kernel pixels][channels of a group]. */
EK_KERNEL void ek_conv2d_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                             const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], p->dilation[1], p->pad[1]};
    const int inner = ek_clamp(ek_window_inner_first(&win), x0, x1);
    const int outer = ek_clamp(ek_window_inner_end(&win), inner, x1);
    const int8_t *const weights = w;
    int x = x0;
    (void)scratch;
    for (; x < inner; ++x) {
        ek_conv2d_border(p, in, out + x * p->out_c, x * p->stride[1] - p->pad[1], weights, q);
    }
    for (; x < outer; ++x) {
        ek_conv2d_pixel(p, in, out + x * p->out_c, x * p->stride[1] - p->pad[1], 0, p->kernel[1], weights, q);
    }
    for (; x < x1; ++x) {
        ek_conv2d_border(p, in, out + x * p->out_c, x * p->stride[1] - p->pad[1], weights, q);
    }
}

#endif
