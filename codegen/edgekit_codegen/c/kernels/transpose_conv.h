/* transpose_conv.h: one row of a transposed int8 convolution.
 *
 * Output pixel o = i * stride - crop + tap of every input pixel i and tap. With (o + crop) = n * stride + phase it sums
 * input pixels n, n - 1, .. under taps phase, phase + stride, .. as long as there are such; rows likewise.
 */
#ifndef EK_TRANSPOSE_CONV_H
#define EK_TRANSPOSE_CONV_H

#include "ek_dot.h"

/* Pairs are (rows, pixels). in[] holds ceil(kernel[0] / stride[0]) rows in ascending order, NULL outside the image. */
typedef struct {
    int32_t in_w;
    int32_t in_c;
    int32_t out_c;
    int32_t kernel[2];
    int32_t stride[2];
    int32_t crop[2];
    int32_t in_zero;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_transpose_conv_t;

/* Output channels oc .. oc+tile-1: input pixels `pixel` downward to `least` under taps kx, kx + stride, .. of the rows'
 * taps ky, ky + stride, .. */
EK_KERNEL void ek_transpose_conv_tile(const ek_transpose_conv_t *p, const int8_t *const in[], int8_t *dst, int ky,
                                      int kx, int pixel, int least, const int8_t *w, const ek_requant_t *q, int tile)
{
    int32_t acc[EK_TILE] = {0};
    const int8_t *const *row = in + (p->kernel[0] + p->stride[0] - 1) / p->stride[0];
    for (; ky < p->kernel[0]; ky += p->stride[0]) {
        if (*--row == NULL) {
            continue;
        }
        const int8_t *taps = w + (ky * p->kernel[1] + kx) * p->in_c * tile;
        for (int i = pixel; i >= least; --i, taps += p->stride[1] * p->in_c * tile) {
            ek_dot(acc, *row + i * p->in_c, taps, p->in_c, p->in_zero, tile);
        }
    }
    for (int t = 0; t < tile; ++t) {
        dst[t] = ek_finish(acc[t], &q[t], p->out_zero, p->act_min, p->act_max);
    }
}

/* Pixels x0 .. x1-1 of row y, in ascending order. Weights: groups of EK_TILE output channels interleaved, then the
 * remaining channels, each over [kernel rows][kernel pixels][in_c]. */
EK_KERNEL void ek_transpose_conv_row(const ek_transpose_conv_t *p, const int8_t *const in[], int8_t *out, int y, int x0,
                                     int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const weights = w;
    const int count = p->kernel[0] * p->kernel[1] * p->in_c;
    const int ky = (y + p->crop[0]) % p->stride[0];
    int kx = (x0 + p->crop[1]) % p->stride[1];
    int pixel = (x0 + p->crop[1]) / p->stride[1];
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        int8_t *const dst = out + x * p->out_c;
        int first = pixel, tap = kx; /* less the taps of pixels behind the row */
        if (first >= p->in_w) {
            tap += (first - p->in_w + 1) * p->stride[1];
            first = p->in_w - 1;
        }
        int taps = 0;
        if (tap < p->kernel[1]) {
            taps = (p->kernel[1] - tap + p->stride[1] - 1) / p->stride[1];
        } else {
            tap = 0;
        }
        const int least = first - taps + 1 < 0 ? 0 : first - taps + 1;
        int oc = 0;
        for (; oc + EK_TILE <= p->out_c; oc += EK_TILE) {
            ek_transpose_conv_tile(p, in, dst + oc, ky, tap, first, least, weights + oc * count, q + oc, EK_TILE);
        }
        for (; oc < p->out_c; ++oc) {
            ek_transpose_conv_tile(p, in, dst + oc, ky, tap, first, least, weights + oc * count, q + oc, 1);
        }
        if (++kx == p->stride[1]) {
            kx = 0;
            ++pixel;
        }
    }
}

#endif
