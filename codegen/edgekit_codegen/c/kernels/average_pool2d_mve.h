/* average_pool2d_mve.h: averages over a window of an int8 image on cores with MVE. */
#ifndef EK_AVERAGE_POOL2D_MVE_H
#define EK_AVERAGE_POOL2D_MVE_H

#include "average_pool2d.h"
#include "ek_scale_mve.h"

#define EK_AVERAGE_POOL2D_MVE_LANES 8

/* The sums of at most so many channels, `step` bytes from one pixel to the next; windows are 255 elements at most. */
EK_KERNEL void ek_average_pool2d_mve_sums(const ek_average_pool2d_t *p, const int8_t *const in[], int first, int end,
                                          int c, int16_t *sums)
{
    const mve_pred16_t some = vctp16q((uint32_t)(p->channels - c));
    int16x8_t sum = vdupq_n_s16(0);
    for (int ky = 0; ky < p->kernel[0]; ++ky) {
        if (in[ky] == NULL) {
            continue;
        }
        const int8_t *pixel = in[ky] + first * p->channels + c;
        for (int i = end - first; i > 0; --i, pixel += p->channels) {
            sum = vaddq_s16(sum, vldrbq_z_s16(pixel, some));
        }
    }
    vst1q_s16(sums, sum);
}

/* As ek_average_pool2d_row. */
EK_KERNEL void ek_average_pool2d_mve_row(const ek_average_pool2d_t *p, const int8_t *const in[], int8_t *out, int x0,
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
        for (int c = 0; c < p->channels; c += EK_AVERAGE_POOL2D_MVE_LANES) {
            int16_t sums[EK_AVERAGE_POOL2D_MVE_LANES];
            ek_average_pool2d_mve_sums(p, in, first, end, c, sums);
            for (int i = 0; i < ek_mve_least(p->channels - c, EK_AVERAGE_POOL2D_MVE_LANES); ++i) {
                const int32_t mean = ek_rounded_mean(sums[i], rows * (end - first));
                out[x * p->channels + c + i] = (int8_t)ek_clamp(mean, p->act_min, p->act_max);
            }
        }
    }
}

/* As ek_average_pool2d_add_row. */
EK_KERNEL void ek_average_pool2d_mve_add_row(const ek_average_pool2d_t *p, const int8_t *const in[], int8_t *out, int y,
                                             int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int32_t *const sum = scratch;
    (void)w;
    (void)q;
    ek_mve_add_pixels(in[0], x0, x1, p->channels, y == 0 && x0 == 0, scratch);
    if (y == p->kernel[0] - 1 && x1 == p->in_w) {
        for (int c = 0; c < p->channels; ++c) {
            const int32_t mean = ek_rounded_mean(sum[c], p->kernel[0] * p->in_w);
            out[c] = (int8_t)ek_clamp(mean, p->act_min, p->act_max);
        }
    }
}

#endif
