/* conv2d.h: one row of an int8 convolution, dense or in groups. */
#ifndef EK_CONV2D_H
#define EK_CONV2D_H

#include "ek_conv2d_roomy.h"
#include "ek_dot.h"

#include <stdbool.h>

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

#if EK_DSP
/* The inputs of a window if they are widened on the stack, else 0. */
EK_KERNEL int ek_conv2d_widened(const ek_conv2d_t *p)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int inputs = (pairs.tile - 1) * EK_BLOCK - pairs.gap / EK_TILE;
    const bool many = p->out_c >= (EK_SMALL ? 1 : 2) * EK_TILE && p->act_min == -128 && p->act_max == 127;
    const int most = p->form == EK_CONV2D_COPIED_PAIRS ? EK_CONV2D_WINDOW : EK_PAIRS_WIDENED;
    return p->form != EK_CONV2D_PLAIN && many && inputs <= most ? inputs : 0;
}
#endif

/* The windows of the pixels of a row are copied. */
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
#if EK_DSP
    uint32_t wide[EK_CONV2D_WINDOW];
    ek_quads_t quads = ek_pairs_quads(&pairs, wide, n / EK_BLOCK, 0, 0, w, q);
#endif
    for (int x = x0; x < x1;) {
        const int pixels = x1 - x < 2 ? 1 : 2;
        for (int k = 0; k < pixels; ++k) {
            const int begin = (x + k) * p->stride[1] - p->pad[1];
            if (x + k < inner || x + k >= outer) {
                ek_conv2d_copy_border(p, in, windows[k], begin);
            } else {
                ek_conv2d_copy(p, in, windows[k], begin);
            }
        }
        int8_t *const dst = out + x * p->out_c;
#if EK_DSP
        if (pixels == 2 && ek_conv2d_widened(p) != 0) {
            ek_pairs_widen(wide, windows[0], windows[0] + n, EK_CONV2D_WINDOW, 0);
            ek_pairs_write(&pairs, &quads, dst, ek_pairs_some(p->out_zero));
            x += 2;
            continue;
        }
#endif
        if (pixels == 2) {
            ek_pairs_pixels(&pairs, &run, &run + 1, dst, w, q, EK_CONV2D_WINDOW);
        } else {
            ek_pairs_last(&pairs, &run, &run + 1, dst, w, q);
        }
        x += pixels;
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
#if EK_DSP
    const int widened = ek_conv2d_widened(p);
    if (widened != 0) {
        EK_PAIRS_ON_STACK(widened, ek_conv2d_roomy_row(p, in, out, x0, x1, w, q, wide));
        return;
    }
#endif
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

/* One or two whole rows, where windows are pixels: in and out hold `rows` of them. The last pixel of the first row and
 * the first one of the second may be read before either is complete. */
EK_KERNEL void ek_conv2d_rows(const ek_conv2d_t *p, const int8_t *const in[], int8_t *const out[], int rows,
                              const void *w, const ek_requant_t *q, void *scratch)
{
#if EK_DSP
    const int widened = ek_conv2d_widened(p);
    if (widened != 0) {
        EK_PAIRS_ON_STACK(widened, ek_conv2d_roomy_rows(p, in, out, rows, w, q, wide));
        return;
    }
#endif
    for (int y = 0; y < rows; ++y) {
        ek_conv2d_row(p, in + y, out[y], 0, p->in_w, w, q, scratch);
    }
}

#endif
