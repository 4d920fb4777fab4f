/* conv2d.h: one row of an int8 convolution, dense or in groups. */
#ifndef EK_CONV2D_H
#define EK_CONV2D_H

#include "ek_dot.h"
#include "ek_pairs.h"
#include "ek_window.h"

#include <stdbool.h>

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
    int32_t form; /* how weights and epilogues are kept: one of the following */
} ek_conv2d_t;

/* Tiles of single weights; any layer. */
#define EK_CONV2D_PLAIN 0
/* From here on ek_pairs.h with all taps of a row side by side. No tap is padding: the zero point is in the bias. */
#define EK_CONV2D_PAIRS 1
/* Some taps are padding; a pixel's channels fill blocks. Pixels with all their taps have the zero point in the bias. */
#define EK_CONV2D_PADDED_PAIRS 2
/* Windows are few inputs, at most EK_CONV2D_WINDOW: they are copied, all of a window is one run, in_zero is padding,
 * and the zero point is in the bias. */
#define EK_CONV2D_COPIED_PAIRS 3

#define EK_CONV2D_WINDOW 64

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

/* The window that begins at input pixel x, row after row. */
EK_KERNEL void ek_conv2d_copy(const ek_conv2d_t *p, const int8_t *const in[], int8_t *to, int x, bool inside)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], 1, p->pad[1]};
    const int length = p->kernel[1] * p->in_c;
    const int first = inside ? 0 : ek_window_tap_first(&win, x) * p->in_c;
    const int end = inside ? length : ek_window_tap_end(&win, x) * p->in_c;
    for (int ky = 0; ky < p->kernel[0]; ++ky, to += length) {
        if (inside && in[ky] != NULL) {
            __builtin_memcpy(to, in[ky] + x * p->in_c, (size_t)length); /* freestanding */
            continue;
        }
        for (int i = 0; i < length; ++i) {
            to[i] = (int8_t)(in[ky] != NULL && i >= first && i < end ? in[ky][x * p->in_c + i] : p->in_zero);
        }
    }
}

static inline ek_pairs_t ek_conv2d_pairs(const ek_conv2d_t *p)
{
    const int length = p->kernel[1] * p->in_c;
    int tile = 1 + p->kernel[0] * ek_pairs_blocks(length);
    if (p->form == EK_CONV2D_PADDED_PAIRS) {
        tile += 1;
    } else if (p->form == EK_CONV2D_COPIED_PAIRS) {
        tile = 1 + ek_pairs_blocks(p->kernel[0] * length);
    }
    const int gap = p->form == EK_CONV2D_PADDED_PAIRS ? EK_TILE * EK_BLOCK : 0;
    return (ek_pairs_t){p->out_c, tile, gap, p->out_zero, p->act_min, p->act_max};
}

/* A window of a border, which may be cut on any side. One copy serves all layers. */
EK_SHARED void ek_conv2d_copy_border(const ek_conv2d_t *p, const int8_t *const in[], int8_t *to, int x)
{
    ek_conv2d_copy(p, in, to, x, false);
}

EK_KERNEL void ek_conv2d_copied_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                    int inner, int outer, const int8_t *w, const ek_requant_t *q)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int n = EK_BLOCK * (pairs.tile - 1);
    int8_t windows[2][EK_CONV2D_WINDOW];
    for (int k = 0; k < 2; ++k) { /* what lies behind a window has weights of zero */
        __builtin_memset(windows[k] + n - EK_BLOCK, 0, EK_BLOCK);
    }
    const ek_run_t run = {windows[0], n, 0};
    for (int x = x0; x < x1;) {
        const int pixels = x1 - x < 2 ? 1 : 2;
        for (int k = 0; k < pixels; ++k) {
            const int begin = (x + k) * p->stride[1] - p->pad[1];
            if (x + k < inner || x + k >= outer) {
                ek_conv2d_copy_border(p, in, windows[k], begin);
            } else {
                ek_conv2d_copy(p, in, windows[k], begin, true);
            }
        }
        int8_t *const dst = out + x * p->out_c;
        if (pixels == 2) {
            ek_pairs_pixels(&pairs, &run, &run + 1, dst, w, q, EK_CONV2D_WINDOW);
        } else {
            ek_pairs_last(&pairs, &run, &run + 1, dst, w, q);
        }
        x += pixels;
    }
}

/* A pixel with taps in the padding, which are left out. One copy serves all layers. */
EK_SHARED void ek_conv2d_padded(const ek_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x, const int8_t *w,
                                const ek_requant_t *q)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], 1, p->pad[1]};
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int first = ek_window_tap_first(&win, x), end = ek_window_tap_end(&win, x);
    const int blocks = p->in_c / EK_BLOCK;
    ek_run_t runs[EK_RUNS], *last = runs;
    int skip = 1; /* the other biases */
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        if (in[ky] == NULL || first == end) {
            skip += p->kernel[1] * blocks;
            continue;
        }
        *last++ = (ek_run_t){in[ky] + (x + first) * p->in_c, (end - first) * p->in_c, skip + first * blocks};
        skip = (p->kernel[1] - end) * blocks;
    }
    ek_pairs_pixel(&pairs, runs, last, dst, w, q, p->in_zero, 0, skip * EK_TILE * EK_BLOCK);
}

/* runs: room for those of a window */
EK_KERNEL void ek_conv2d_pairs_strip(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                     int inner, int outer, const int8_t *w, const ek_requant_t *q, ek_run_t *runs)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const bool padded = p->form == EK_CONV2D_PADDED_PAIRS;
    if (padded) {
        for (int ky = 0; ky < p->kernel[0]; ++ky) {
            outer = in[ky] == NULL ? inner : outer;
        }
    }
    for (int x = x0; x < x1;) {
        const int begin = x * p->stride[1] - p->pad[1];
        int8_t *const dst = out + x * p->out_c;
        if (padded && (x < inner || x >= outer)) {
            ek_conv2d_padded(p, in, dst, begin, w, q);
            ++x;
            continue;
        }
        ek_run_t *last = runs;
        for (int ky = 0; ky < p->kernel[0]; ++ky) {
            last = ek_pairs_run(last, in[ky] + begin * p->in_c, p->kernel[1] * p->in_c);
        }
        if (x + 1 < outer) {
            ek_pairs_pixels(&pairs, runs, last, dst, w, q, p->stride[1] * p->in_c);
            x += 2;
        } else {
            ek_pairs_last(&pairs, runs, last, dst, w, q);
            ++x;
        }
    }
}

EK_KERNEL void ek_conv2d_pairs_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   int inner, int outer, const int8_t *w, const ek_requant_t *q)
{
    if (p->kernel[0] == 1) {
        ek_run_t runs[2];
        ek_conv2d_pairs_strip(p, in, out, x0, x1, inner, outer, w, q, runs);
    } else {
        ek_run_t runs[EK_RUNS];
        ek_conv2d_pairs_strip(p, in, out, x0, x1, inner, outer, w, q, runs);
    }
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
    if (p->form == EK_CONV2D_COPIED_PAIRS) {
        ek_conv2d_copied_row(p, in, out, x0, x1, inner, outer, weights, q);
        return;
    }
    if (p->form != EK_CONV2D_PLAIN) {
        ek_conv2d_pairs_row(p, in, out, x0, x1, inner, outer, weights, q);
        return;
    }
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
