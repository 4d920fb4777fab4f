/* conv2d_v6m.h: one row of a dense int8 convolution on cores of Armv6-M. */
#ifndef EK_CONV2D_V6M_H
#define EK_CONV2D_V6M_H

#include "ek_v6m.h"

#include <stdbool.h>

/* Pairs are (rows, pixels). Rows are the caller's business: in[] holds kernel[0] of them, NULL where padding. */
typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t out_c;
    int32_t kernel[2];
    int32_t stride; /* of pixels */
    int32_t pad;    /* pixels before the row */
    int32_t in_zero;
    int32_t words; /* of epilogues as ek_v6m_scale has them, for outputs that are clamped to int8 and no further; 0
                    * where they are ek_requant_t */
    int32_t centre;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_conv2d_v6m_t;

/* Taps of a window that are widened on the stack. */
#define EK_CONV2D_V6M_TAPS 160

/* Groups of a row of the window; an odd last tap is one of its own. */
static inline int ek_conv2d_v6m_groups(const ek_conv2d_v6m_t *p)
{
    return (p->kernel[1] * p->in_c + 1) / 2;
}

/* An input of the pixel whose window begins at input pixel x, or padding. */
static inline int32_t ek_conv2d_v6m_input(const ek_conv2d_v6m_t *p, const int8_t *row, int x, int i)
{
    const int at = x * p->in_c + i;
    return row != NULL && at >= 0 && at < p->in_w * p->in_c ? row[at] : p->in_zero;
}

/* The groups of a row of two windows, which begin at input pixel x and `next` pixels further on. One copy serves all
 * layers. */
EK_SHARED uint32_t *ek_conv2d_v6m_widen(const ek_conv2d_v6m_t *p, const int8_t *row, uint32_t *to, int x, int next)
{
    const int length = p->kernel[1] * p->in_c, whole = length & ~1;
    if (row == NULL || x < 0 || x + next + p->kernel[1] > p->in_w) {
        for (int i = 0; i < length; i += 2) {
            uint32_t words[2] = {0, 0};
            for (int k = 0; k < 2 && i + k < length; ++k) {
                words[k] =
                    ek_v6m_word(ek_conv2d_v6m_input(p, row, x, i + k), ek_conv2d_v6m_input(p, row, x + next, i + k));
            }
            to = ek_v6m_group(to, words[0], words[1]);
        }
        return to;
    }
    const int8_t *const src = row + x * p->in_c;
    const int step = next * p->in_c;
    if (whole != 0) {
        to = ek_v6m_widen(to, src, src + whole, step);
    }
    return whole == length ? to : ek_v6m_group(to, ek_v6m_word(src[whole], src[step + whole]), 0);
}

static inline int ek_conv2d_v6m_words(const ek_conv2d_v6m_t *p)
{
    return p->words != 0 ? p->words : (int)(sizeof(ek_requant_t) / sizeof(int32_t));
}

/* What is the same for all pairs of pixels. Epilogues come before weights. */
EK_KERNEL ek_v6m_t ek_conv2d_v6m_layer(const ek_conv2d_v6m_t *p, const uint32_t *wide, const void *w)
{
    const int groups = p->kernel[0] * ek_conv2d_v6m_groups(p);
    const int words = p->out_c * ek_conv2d_v6m_words(p);
    const int32_t *const q = w;
    return (ek_v6m_t){
        .wide = wide,
        .end = wide + groups * EK_V6M_GROUP,
        .w = (const uint8_t *)(q + words),
        .q = q,
        .start = groups * -0x8000,
        .centre = p->centre,
        .skip = -groups & 7,
    };
}

/* Channels whose sums are kept at once. */
#define EK_CONV2D_V6M_TILE 8

/* All channels of two pixels where epilogues are ek_requant_t. */
EK_SHARED void ek_conv2d_v6m_finish(const ek_conv2d_v6m_t *p, const ek_v6m_t *t, int8_t *dst, int32_t step)
{
    const ek_requant_t *q = (const ek_requant_t *)(const void *)t->q;
    int32_t sums[2 * EK_CONV2D_V6M_TILE];
    ek_v6m_t some = *t;
    for (int oc = 0; oc < p->out_c; oc += EK_CONV2D_V6M_TILE) {
        const int n = p->out_c - oc < EK_CONV2D_V6M_TILE ? p->out_c - oc : EK_CONV2D_V6M_TILE;
        some.dst = (int8_t *)sums;
        some.last = (int8_t *)(sums + 2 * n);
        ek_v6m_sums(&some);
        some.w += n * (t->end - t->wide) / EK_V6M_GROUP * 2;
        for (int i = 0; i < n; ++i, ++q, ++dst) {
            dst[step] = ek_finish(sums[2 * i], q, p->out_zero, p->act_min, p->act_max);
            dst[0] = ek_finish(sums[2 * i + 1], q, p->out_zero, p->act_min, p->act_max);
        }
    }
}

EK_KERNEL void ek_conv2d_v6m_write(const ek_conv2d_v6m_t *p, ek_v6m_t *t, int8_t *dst, int32_t step)
{
    if (p->words == 0) {
        ek_conv2d_v6m_finish(p, t, dst, step);
        return;
    }
    t->dst = dst;
    t->last = dst + p->out_c;
    t->step = step;
    if (p->words == 3) {
        ek_v6m_channels_3(t);
    } else if (p->words == 4) {
        ek_v6m_channels_4(t);
    } else {
        ek_v6m_channels_5(t);
    }
}

/* ek_conv2d_v6m_row with 6 bytes of scratch for every tap of a window, rows of which are of an even number; there the
 * inputs of two pixels are widened before any of their outputs is written. A last pixel is computed twice. */
EK_SHARED void ek_conv2d_v6m_roomy_row(const ek_conv2d_v6m_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                       const void *w, const ek_requant_t *q, void *scratch)
{
    ek_v6m_t t = ek_conv2d_v6m_layer(p, scratch, w);
    (void)q;
    for (int x = x0; x < x1; x += 2) {
        const int next = x + 1 < x1;
        uint32_t *to = scratch;
        for (int ky = 0; ky < p->kernel[0]; ++ky) {
            to = ek_conv2d_v6m_widen(p, in[ky], to, x * p->stride - p->pad, next * p->stride);
        }
        ek_conv2d_v6m_write(p, &t, out + x * p->out_c, next * p->out_c);
    }
}

/* ek_conv2d_v6m_rows in the same way. */
EK_SHARED void ek_conv2d_v6m_roomy_rows(const ek_conv2d_v6m_t *p, const int8_t *const in[], int8_t *const out[],
                                        int rows, const void *w, const ek_requant_t *q, void *scratch)
{
    ek_v6m_t t = ek_conv2d_v6m_layer(p, scratch, w);
    const int8_t *src = in[0];
    int8_t *dst = out[0];
    const int whole = p->in_c & ~1;
    (void)q;
    for (int x = 0, n = p->in_w * rows; x < n; x += 2) {
        const bool seam = x == p->in_w - 1, alone = x + 1 == n;
        const int32_t from = alone ? 0 : seam ? (int32_t)(in[1] - src) : p->in_c;
        const int32_t step = alone ? 0 : seam ? (int32_t)(out[1] - dst) : p->out_c;
        uint32_t *const to = whole == 0 ? scratch : ek_v6m_widen(scratch, src, src + whole, from);
        if (whole != p->in_c) {
            ek_v6m_group(to, ek_v6m_word(src[whole], src[from + whole]), 0);
        }
        ek_conv2d_v6m_write(p, &t, dst, step);
        src = (seam && !alone ? in[1] - p->in_c : src) + 2 * p->in_c;
        dst = (seam && !alone ? out[1] - p->out_c : dst) + 2 * p->out_c;
    }
}

/* Pixels x0 .. x1-1 without working memory. */
EK_SHARED void ek_conv2d_v6m_plain_row(const ek_conv2d_v6m_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                       const void *w)
{
    const ek_v6m_t t = ek_conv2d_v6m_layer(p, NULL, w);
    const int length = p->kernel[1] * p->in_c, end = p->in_w * p->in_c;
    for (int x = x0; x < x1; ++x) {
        const int begin = (x * p->stride - p->pad) * p->in_c;
        const uint8_t *weights = t.w;
        const int32_t *q = t.q;
        for (int oc = 0; oc < p->out_c; ++oc, q += ek_conv2d_v6m_words(p)) {
            int32_t sum = 0;
            for (int ky = 0; ky < p->kernel[0]; ++ky, weights += length + length % 2) {
                for (int i = 0; i < length; ++i) {
                    const int at = begin + i;
                    const int32_t v = in[ky] != NULL && at >= 0 && at < end ? in[ky][at] : p->in_zero;
                    sum += v * (weights[i] - 128);
                }
            }
            const ek_requant_t *const plain = (const ek_requant_t *)(const void *)q;
            out[x * p->out_c + oc] = p->words != 0 ? ek_v6m_scale(sum, q, p->words, p->centre)
                                                   : ek_finish(sum, plain, p->out_zero, p->act_min, p->act_max);
        }
    }
}

static inline int ek_conv2d_v6m_taps(const ek_conv2d_v6m_t *p)
{
    return p->kernel[0] * ek_conv2d_v6m_groups(p) * 2;
}

/* call: with `wide`, the groups of so many taps on the stack */
#define EK_CONV2D_V6M_WIDE(taps, call)                                                                                 \
    do {                                                                                                               \
        uint32_t wide[(taps) / 2 * EK_V6M_GROUP];                                                                      \
        call;                                                                                                          \
    } while (0)
#define EK_CONV2D_V6M_ON_STACK(taps, call)                                                                             \
    do {                                                                                                               \
        if ((taps) > 112) {                                                                                            \
            EK_CONV2D_V6M_WIDE(EK_CONV2D_V6M_TAPS, call);                                                              \
        } else if ((taps) > 64) {                                                                                      \
            EK_CONV2D_V6M_WIDE(112, call);                                                                             \
        } else if ((taps) > 32) {                                                                                      \
            EK_CONV2D_V6M_WIDE(64, call);                                                                              \
        } else {                                                                                                       \
            EK_CONV2D_V6M_WIDE(32, call);                                                                              \
        }                                                                                                              \
    } while (0)

/* Pixels x0 .. x1-1 in ascending order, two at once. */
EK_KERNEL void ek_conv2d_v6m_row(const ek_conv2d_v6m_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const int taps = ek_conv2d_v6m_taps(p);
    (void)scratch;
    if (taps > EK_CONV2D_V6M_TAPS) {
        ek_conv2d_v6m_plain_row(p, in, out, x0, x1, w);
        return;
    }
    EK_CONV2D_V6M_ON_STACK(taps, ek_conv2d_v6m_roomy_row(p, in, out, x0, x1, w, q, wide));
}

/* One or two whole rows, where windows are pixels: in and out hold `rows` of them. The last pixel of the first row and
 * the first one of the second are computed at once where a row has an odd number. */
EK_KERNEL void ek_conv2d_v6m_rows(const ek_conv2d_v6m_t *p, const int8_t *const in[], int8_t *const out[], int rows,
                                  const void *w, const ek_requant_t *q, void *scratch)
{
    const int taps = ek_conv2d_v6m_taps(p);
    (void)scratch;
    if (taps > EK_CONV2D_V6M_TAPS) {
        for (int y = 0; y < rows; ++y) {
            ek_conv2d_v6m_plain_row(p, in + y, out[y], 0, p->in_w, w);
        }
        return;
    }
    EK_CONV2D_V6M_ON_STACK(taps, ek_conv2d_v6m_roomy_rows(p, in, out, rows, w, q, wide));
}

#endif
