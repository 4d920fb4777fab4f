/* conv2d.h: one row of an int8 convolution, dense or in groups. */
#ifndef EK_CONV2D_H
#define EK_CONV2D_H

#include "ek_dot.h"
#include "ek_pairs.h"
#include "ek_pairs_wide.h"
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

/* A window that begins at input pixel x, row after row, which may be cut on any side. One copy serves all layers. */
EK_SHARED void ek_conv2d_copy_border(const ek_conv2d_t *p, const int8_t *const in[], int8_t *to, int x)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride[1], 1, p->pad[1]};
    const int length = p->kernel[1] * p->in_c;
    const int first = ek_window_tap_first(&win, x) * p->in_c, end = ek_window_tap_end(&win, x) * p->in_c;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        const int8_t *const src = in[ky] != NULL ? in[ky] + x * p->in_c : NULL;
        for (int i = 0; i < length; ++i) {
            *to++ = (int8_t)(src != NULL && i >= first && i < end ? src[i] : p->in_zero);
        }
    }
}

/* The same where no pixel is cut off. */
EK_KERNEL void ek_conv2d_copy(const ek_conv2d_t *p, const int8_t *const in[], int8_t *to, int x)
{
    const int length = p->kernel[1] * p->in_c;
    for (int ky = 0; ky < p->kernel[0]; ++ky, to += length) {
        if (in[ky] != NULL) {
            __builtin_memcpy(to, in[ky] + x * p->in_c, (size_t)length); /* freestanding */
        } else {
            __builtin_memset(to, p->in_zero, (size_t)length);
        }
    }
}

EK_KERNEL ek_pairs_t ek_conv2d_pairs(const ek_conv2d_t *p)
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
    ek_pairs_single(&pairs, runs, (int)(last - runs), dst, w, q, p->in_zero, 0, skip * EK_TILE * EK_BLOCK);
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

/* The inputs of pixel x of two, which is the k-th, from to[k] on: as ek_pairs_widen, and 0 for taps that are padding.
 * rows: of the window, those that are there, `count` of them */
EK_SHARED void ek_conv2d_widen_border(const ek_conv2d_t *p, const int8_t *const rows[], int count, uint32_t *to, int x)
{
    const uint32_t zero = ek_pairs_lanes(-p->in_zero);
    for (int i = 0; i < count * p->kernel[1]; ++i) {
        const int at = x + i % p->kernel[1];
        const uint32_t mask = at >= 0 && at < p->in_w ? UINT32_MAX : 0;
        const int8_t *src = rows[i / p->kernel[1]] + (mask != 0 ? at : 0) * p->in_c;
        for (const int8_t *const end = src + p->in_c; src != end; src += EK_BLOCK, to += EK_BLOCK) {
            const uint32_t word = ek_word(src);
            to[0] = ek_sxtab16(zero, word) & mask;
            to[2] = ek_sxtab16_odd(zero, word) & mask;
        }
    }
}

/* One pixel without a partner, whose window is whole. */
EK_SHARED void ek_conv2d_alone(const ek_conv2d_t *p, const int8_t *const in[], int8_t *dst, int x, const int8_t *w,
                               const ek_requant_t *q)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    ek_run_t runs[EK_RUNS], *last = runs;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        last = ek_pairs_run(last, in[ky] + x * p->in_c, p->kernel[1] * p->in_c);
    }
    ek_pairs_last(&pairs, runs, last, dst, w, q);
}

/* ek_conv2d_roomy_row; `some` computes quads whose inputs are widened. One copy serves all layers. */
EK_SHARED void ek_conv2d_wide_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                  const void *w, const ek_requant_t *q, void *scratch, void (*some)(const ek_quads_t *))
{
    const int length = p->kernel[1] * p->in_c, blocks = ek_pairs_blocks(length);
    const int stride = p->stride[1], pad = p->pad[1], in_c = p->in_c, out_c = p->out_c;
    const int far = p->in_w - p->kernel[1] - stride;
    const uint32_t zero = ek_pairs_lanes(-p->in_zero);
    const int8_t *rows[EK_RUNS];
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    int32_t skip = pairs.gap, gap = 0; /* the other biases; weights of missing rows */
    int x = x0, count = 0;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        if (in[ky] != NULL) {
            rows[count++] = in[ky];
        } else if (count == 0) {
            skip += blocks * EK_TILE * EK_BLOCK;
        } else {
            gap += blocks * EK_TILE * EK_BLOCK;
        }
    }
    ek_quads_t quads = ek_pairs_quads(&pairs, scratch, count * blocks, skip, gap, w, q);
    for (; x + 1 < x1 && count != 0; x += 2) {
        const int begin = x * stride - pad;
        uint32_t *to = scratch;
        if (begin < 0 || begin > far) { /* blocks fill rows */
            ek_conv2d_widen_border(p, rows, count, to, begin);
            ek_conv2d_widen_border(p, rows, count, to + 1, begin + stride);
        } else {
            for (int i = 0; i < count; ++i) {
                to = ek_pairs_widen_row(to, rows[i] + begin * in_c, length, stride * in_c, zero);
            }
        }
        ek_pairs_write(&pairs, &quads, out + x * out_c, some);
    }
    for (; x < x1; ++x) {
        if (p->form == EK_CONV2D_PADDED_PAIRS) {
            ek_conv2d_padded(p, in, out + x * out_c, x * stride - pad, w, q);
        } else {
            ek_conv2d_alone(p, in, out + x * out_c, x * stride - pad, w, q);
        }
    }
}

/* ek_conv2d_roomy_rows in the same way, for the first `width` pixels of each row. */
EK_SHARED void ek_conv2d_wide_rows(const ek_conv2d_t *p, const int8_t *const in[], int8_t *const out[], int rows,
                                   int width, const void *w, const ek_requant_t *q, void *scratch,
                                   void (*some)(const ek_quads_t *))
{
    const int8_t *src = in[0];
    int8_t *dst = out[0];
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int in_c = p->in_c, out_c = p->out_c;
    ek_quads_t quads = ek_pairs_quads(&pairs, scratch, ek_pairs_blocks(in_c), 0, 0, w, q);
    int x = 0;
    for (const int n = width * rows; x + 1 < n; x += 2) {
        const bool seam = x == width - 1;
        quads.out_c = seam ? (int32_t)(out[1] - dst) : out_c;
        ek_pairs_widen_row(scratch, src, in_c, seam ? (int32_t)(in[1] - src) : in_c, 0);
        ek_pairs_write(&pairs, &quads, dst, some);
        src = (seam ? in[1] - in_c : src) + 2 * in_c;
        dst = (seam ? out[1] - out_c : dst) + 2 * out_c;
    }
    if (x != width * rows) {
        ek_run_t run[2];
        ek_pairs_last(&pairs, run, ek_pairs_run(run, src, in_c), dst, w, q);
    }
}

/* ek_conv2d_row for pairs whose outputs are clamped to int8 and no further, of four channels at least. scratch: 16
 * bytes for every block of a window; there the inputs of two pixels are widened before any of their outputs is written.
 */
EK_KERNEL void ek_conv2d_roomy_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   const void *w, const ek_requant_t *q, void *scratch)
{
    if (EK_SMALL && p->form == EK_CONV2D_PAIRS && p->kernel[0] * p->kernel[1] * p->stride[1] == 1) {
        const int8_t *const from = in[0] + x0 * p->in_c;
        int8_t *const to = out + x0 * p->out_c;
        ek_conv2d_wide_rows(p, &from, &to, 1, x1 - x0, w, q, scratch, ek_pairs_some(p->out_zero));
        return;
    }
    ek_conv2d_wide_row(p, in, out, x0, x1, w, q, scratch, ek_pairs_some(p->out_zero));
}

/* ek_conv2d_rows in the same way. */
EK_KERNEL void ek_conv2d_roomy_rows(const ek_conv2d_t *p, const int8_t *const in[], int8_t *const out[], int rows,
                                    const void *w, const ek_requant_t *q, void *scratch)
{
    ek_conv2d_wide_rows(p, in, out, rows, p->in_w, w, q, scratch, ek_pairs_some(p->out_zero));
}

#else

/* The windows of two pixels are copied; padding has the input's zero point. */
EK_SHARED void ek_conv2d_roomy_row(const ek_conv2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int length = p->kernel[1] * p->in_c, blocks = ek_pairs_blocks(length);
    int8_t *const windows = scratch;
    const ek_run_t run = {windows, p->kernel[0] * blocks * EK_BLOCK, 0};
    for (int x = x0; x < x1; x += 2) {
        int8_t *to = windows;
        for (int k = 0; k < 2; ++k) {
            const int begin = (x + k) * p->stride[1] - p->pad[1];
            for (int ky = 0; ky < p->kernel[0]; ++ky) {
                for (int i = 0; i < EK_BLOCK * blocks; ++i, ++to) {
                    const int at = begin * p->in_c + (i < (length & -EK_BLOCK) ? i : i + length - EK_BLOCK * blocks);
                    const bool inside = x + k < x1 && in[ky] != NULL && at >= 0 && at < p->in_w * p->in_c;
                    *to = (int8_t)(inside ? in[ky][at] : p->in_zero);
                }
            }
        }
        if (x + 1 < x1) {
            ek_pairs_pixels(&pairs, &run, &run + 1, out + x * p->out_c, w, q, run.n);
        } else {
            ek_pairs_last(&pairs, &run, &run + 1, out + x * p->out_c, w, q);
        }
    }
}

EK_SHARED void ek_conv2d_roomy_rows(const ek_conv2d_t *p, const int8_t *const in[], int8_t *const out[], int rows,
                                    const void *w, const ek_requant_t *q, void *scratch)
{
    for (int y = 0; y < rows; ++y) {
        ek_conv2d_roomy_row(p, in + y, out[y], 0, p->in_w, w, q, scratch);
    }
}

#endif

#if EK_DSP
/* The inputs of a window if they are widened on the stack, else 0. */
EK_KERNEL int ek_conv2d_widened(const ek_conv2d_t *p)
{
    const ek_pairs_t pairs = ek_conv2d_pairs(p);
    const int inputs = (pairs.tile - 1) * EK_BLOCK - pairs.gap / EK_TILE;
    const bool many = p->out_c >= (EK_SMALL ? 1 : 3) * EK_TILE && p->act_min == -128 && p->act_max == 127;
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
