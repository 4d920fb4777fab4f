/* average_pool2d.h: averages over a window of an int8 image. One row of the output, or, where the window is the image,
 * one row of the input. */
#ifndef EK_AVERAGE_POOL2D_H
#define EK_AVERAGE_POOL2D_H

#include "ek_add_pixels.h"
#include "ek_dsp.h"
#include "ek_requant.h"
#include "ek_window.h"

typedef struct {
    int32_t in_w;
    int32_t channels;
    int32_t kernel[2]; /* rows, pixels */
    int32_t stride;    /* of the pixels */
    int32_t pad;       /* pixels before the row; less than the kernel */
    int32_t act_min;
    int32_t act_max;
} ek_average_pool2d_t;

/* Channels whose sums are kept at once. */
#define EK_POOL_TILE 8

/* sum / count, halves away from zero. */
static inline int32_t ek_rounded_mean(int32_t sum, int32_t count)
{
    return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

#if EK_DSP
/* The sums of EK_POOL_TILE channels over pixels first .. end-1 of rows that are there; at most 255 elements each, whose
 * sums fit 16 bits. */
EK_SHARED void ek_pool_tile(const int8_t *const in[], int rows, int first, int end, int channels, int c0, int32_t *sum)
{
    uint32_t lanes[4] = {0};
    for (int ky = 0; ky < rows; ++ky) {
        for (int i = first; in[ky] != NULL && i < end; ++i) {
            const int8_t *const pixel = in[ky] + i * channels + c0;
            const uint32_t low = ek_word(pixel), high = ek_word(pixel + 4);
            lanes[0] = ek_sxtab16(lanes[0], low);
            lanes[1] = ek_sxtab16_odd(lanes[1], low);
            lanes[2] = ek_sxtab16(lanes[2], high);
            lanes[3] = ek_sxtab16_odd(lanes[3], high);
        }
    }
    for (int k = 0; k < 4; ++k) {
        sum[k / 2 * 4 + k % 2] = (int16_t)lanes[k];
        sum[k / 2 * 4 + k % 2 + 2] = (int16_t)(lanes[k] >> 16);
    }
}
#endif

/* Only elements inside the image count. */
EK_KERNEL void ek_average_pool2d_row(const ek_average_pool2d_t *p, const int8_t *const in[], int8_t *out, int x0,
                                     int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, 1, p->pad};
    int32_t rows = 0;
    (void)w;
    (void)q;
    (void)scratch;
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        rows += in[ky] != NULL;
    }
    for (int x = x0; x < x1; ++x) {
        const int start = x * p->stride - p->pad;
        const int first = start + ek_window_tap_first(&win, start);
        const int end = start + ek_window_tap_end(&win, start);
        const int32_t count = rows * (end - first);
        for (int c0 = 0; c0 < p->channels; c0 += EK_POOL_TILE) {
            const int n = p->channels - c0 < EK_POOL_TILE ? p->channels - c0 : EK_POOL_TILE;
            int32_t sum[EK_POOL_TILE] = {0};
            int ky = 0;
#if EK_DSP
            if (n == EK_POOL_TILE && count <= 255) {
                ek_pool_tile(in, p->kernel[0], first, end, p->channels, c0, sum);
                ky = p->kernel[0];
            }
#endif
            for (; ky < p->kernel[0]; ++ky) {
                if (in[ky] == NULL) {
                    continue;
                }
                for (int i = first; i < end; ++i) {
                    const int8_t *const pixel = in[ky] + i * p->channels + c0;
                    for (int c = 0; c < n; ++c) {
                        sum[c] += pixel[c];
                    }
                }
            }
            for (int c = 0; c < n; ++c) {
                const int32_t mean = ek_rounded_mean(sum[c], count);
                out[x * p->channels + c0 + c] = (int8_t)ek_clamp(mean, p->act_min, p->act_max);
            }
        }
    }
}

/* in[0] is row y of an image that one window covers; pixels x0 .. x1-1 are added. The scratch holds the sums, one int32
 * per channel: the first pixel of all clears them, the last one completes the output. */
EK_KERNEL void ek_average_pool2d_add_row(const ek_average_pool2d_t *p, const int8_t *const in[], int8_t *out, int y,
                                         int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    int32_t *const sum = scratch;
    (void)w;
    (void)q;
    ek_add_pixels(in[0], x0, x1, p->channels, y == 0 && x0 == 0, sum);
    if (y == p->kernel[0] - 1 && x1 == p->in_w) {
        for (int c = 0; c < p->channels; ++c) {
            const int32_t mean = ek_rounded_mean(sum[c], p->kernel[0] * p->in_w);
            out[c] = (int8_t)ek_clamp(mean, p->act_min, p->act_max);
        }
    }
}

#endif
