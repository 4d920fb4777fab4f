/* depthwise_conv2d_v6m.h: one row of an int8 convolution of every channel alone on cores of Armv6-M. */
#ifndef EK_DEPTHWISE_CONV2D_V6M_H
#define EK_DEPTHWISE_CONV2D_V6M_H

#include "ek_v6m_columns.h"
#include "ek_v6m_taps.h"
#include "ek_window.h"

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding. Each
 * channel has one output, clamped to int8 and no further; how sums become outputs is as ek_v6m.h has it. */
typedef struct {
    int32_t in_w;
    int32_t channels;
    int32_t kernel[2];
    int32_t stride;   /* of pixels */
    int32_t dilation; /* of pixels */
    int32_t pad;      /* pixels before the row */
    int32_t in_zero;
    int32_t words; /* of an epilogue */
    int32_t centre;
    int32_t columns; /* 1: ek_v6m_columns.h, where a window is 3x3 without dilation, steps 1 or 2 pixels and reaches
                      * over the image by one row or pixel at most; 0: ek_v6m_taps.h */
} ek_depthwise_conv2d_v6m_t;

/* The rows of a window. */
#define EK_DEPTHWISE_V6M_ROWS 8

#if EK_V6M

/* Pixels x0 .. x1-1, of which there is one at least. One copy serves all layers. */
EK_SHARED void ek_depthwise_conv2d_v6m_strip(const ek_depthwise_conv2d_v6m_t *p, const int8_t *const in[], int8_t *out,
                                             int x0, int x1, const int8_t *w, void (*columns)(const ek_v6m_columns_t *))
{
    const int begin = x0 * p->stride - p->pad, last = (x1 - 1) * p->stride - p->pad + 2;
    const int right = last >= p->in_w;
    const int count = p->stride == 1 ? x1 - x0 + 2 - right : 2 * (x1 - x0 - right) + 1;
    const int behind = (begin + count) * p->channels;
    const ek_v6m_columns_t strip = {
        .row = {(in[0] != NULL ? in[0] : in[1]) + behind, in[1] + behind, (in[2] != NULL ? in[2] : in[1]) + behind},
        .out = out + x0 * p->channels,
        .channels = p->channels,
        .w = w,
        .first = -count * p->channels,
        .step = p->channels,
        .left = begin < 0,
        .right = right,
        .missing = (in[0] == NULL) | (in[2] == NULL) << 2,
        .zero = p->in_zero,
        .centre = p->centre,
    };
    columns(&strip);
}

EK_KERNEL void ek_depthwise_conv2d_v6m_columns(const ek_depthwise_conv2d_v6m_t *p, const int8_t *const in[],
                                               int8_t *out, int x0, int x1, const int8_t *w)
{
    if (x0 == x1) {
        return;
    }
    if (p->stride == 1) {
        ek_depthwise_conv2d_v6m_strip(p, in, out, x0, x1, w,
                                      p->words == 3   ? ek_v6m_columns_1_3
                                      : p->words == 4 ? ek_v6m_columns_1_4
                                                      : ek_v6m_columns_1_5);
    } else {
        ek_depthwise_conv2d_v6m_strip(p, in, out, x0, x1, w,
                                      p->words == 3   ? ek_v6m_columns_2_3
                                      : p->words == 4 ? ek_v6m_columns_2_4
                                                      : ek_v6m_columns_2_5);
    }
}

#else

static inline void ek_depthwise_conv2d_v6m_columns(const ek_depthwise_conv2d_v6m_t *p, const int8_t *const in[],
                                                   int8_t *out, int x0, int x1, const int8_t *w)
{
    const int words = p->words;
    for (int c = 0; c < p->channels; ++c, w += EK_V6M_COLUMNS_WEIGHTS) {
        const int32_t *const q = (const int32_t *)(const void *)w;
        w += 4 * words;
        for (int x = x0; x < x1; ++x) {
            int32_t sum = 0;
            for (int tap = 0; tap < 9; ++tap) {
                const int8_t *const row = in[tap / 3];
                const int at = x * p->stride - p->pad + tap % 3;
                const int32_t value = row != NULL && at >= 0 && at < p->in_w ? row[at * p->channels + c] : p->in_zero;
                sum += value * w[tap];
            }
            out[x * p->channels + c] = ek_v6m_scale(sum, q, words, p->centre);
        }
    }
}

#endif

/* A pixel by ek_v6m_taps.h. One copy serves all layers. */
EK_SHARED void ek_depthwise_conv2d_v6m_pixel(const ek_depthwise_conv2d_v6m_t *p, const int8_t *const in[], int8_t *dst,
                                             int x, const int8_t *w)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, p->dilation, p->pad};
    const int first = ek_window_tap_first(&win, x), end = ek_window_tap_end(&win, x);
    const int pitch = p->dilation * p->channels, words = p->words;
    const int taps = p->kernel[0] * p->kernel[1];
    ek_v6m_taps_row_t rows[EK_DEPTHWISE_V6M_ROWS], *last = rows;
    for (int ky = 0; ky < p->kernel[0] && first != end; ++ky) {
        if (in[ky] != NULL) {
            *last++ =
                (ek_v6m_taps_row_t){in[ky] + x * p->channels + first * pitch, first - end, ky * p->kernel[1] + end};
        }
    }
    const ek_v6m_taps_t t = {
        .rows = rows,
        .end = last,
        .w = w,
        .dst = dst,
        .last = dst + p->channels,
        .pitch = pitch,
        .zero = p->in_zero,
        .size = 4 * words + (taps + 3) / 4 * 4,
        .centre = p->centre,
    };
    if (words == 3) {
        ek_v6m_taps_3(&t);
    } else if (words == 4) {
        ek_v6m_taps_4(&t);
    } else {
        ek_v6m_taps_5(&t);
    }
}

/* Pixels x0 .. x1-1 in ascending order, or channel by channel. Weights: channel by channel the epilogue, then
 * [kernel rows][kernel pixels], filled up to whole words. */
EK_KERNEL void ek_depthwise_conv2d_v6m_row(const ek_depthwise_conv2d_v6m_t *p, const int8_t *const in[], int8_t *out,
                                           int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    (void)q;
    (void)scratch;
    if (p->columns) {
        ek_depthwise_conv2d_v6m_columns(p, in, out, x0, x1, w);
        return;
    }
    for (int x = x0; x < x1; ++x) {
        ek_depthwise_conv2d_v6m_pixel(p, in, out + x * p->channels, x * p->stride - p->pad, w);
    }
}

#endif
