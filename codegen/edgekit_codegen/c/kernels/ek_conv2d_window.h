/* ek_conv2d_window.h: what a convolution is told, and its windows as runs of inputs. */
#ifndef EK_CONV2D_WINDOW_H
#define EK_CONV2D_WINDOW_H

#include "ek_pairs.h"
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

#endif
