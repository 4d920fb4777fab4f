/* ek_conv2d_roomy.h: convolutions with working memory, in which the inputs of two pixels lie ready for all channels. */
#ifndef EK_CONV2D_ROOMY_H
#define EK_CONV2D_ROOMY_H

#include "ek_conv2d_window.h"
#include "ek_pairs_wide.h"

#include <stdbool.h>

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

#endif
