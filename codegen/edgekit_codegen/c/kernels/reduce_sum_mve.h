/* reduce_sum_mve.h: sums over whole dimensions of an int8 tensor, scaled, on cores with MVE. */
#ifndef EK_REDUCE_SUM_MVE_H
#define EK_REDUCE_SUM_MVE_H

#include "ek_scale_mve.h"
#include "reduce_sum.h"

#define EK_REDUCE_SUM_MVE_LANES 8

/* Elements whose sum fits a lane of 16 bits. */
#define EK_REDUCE_SUM_MVE_MOST 255

/* Sums of 32 bits: even lanes, then odd ones. */
typedef struct {
    int32x4_t even;
    int32x4_t odd;
} ek_reduce_sum_mve_t;

/* Of each of eight neighbours, or of those that `some` says. */
EK_KERNEL ek_reduce_sum_mve_t ek_reduce_sum_mve_eight(const ek_reduce_sum_t *p, const int8_t *first, mve_pred16_t some)
{
    ek_reduce_sum_mve_t sums = {vdupq_n_s32(p->bias), vdupq_n_s32(p->bias)};
    int16x8_t lanes = vdupq_n_s16(0);
    int left = EK_REDUCE_SUM_MVE_MOST;
    for (int i = 0; i < p->count[0]; ++i) {
        for (int j = 0; j < p->count[1]; ++j) {
            const int8_t *at = first + i * p->step[0] + j * p->step[1];
            for (int rest = p->count[2]; rest > 0;) {
                const int n = ek_mve_least(rest, left);
                for (int k = n; k > 0; --k, at += p->step[2]) {
                    lanes = vaddq_s16(lanes, vldrbq_z_s16(at, some));
                }
                rest -= n;
                left -= n;
                if (left == 0) {
                    sums.even = vaddq_s32(sums.even, vmovlbq_s16(lanes));
                    sums.odd = vaddq_s32(sums.odd, vmovltq_s16(lanes));
                    lanes = vdupq_n_s16(0);
                    left = EK_REDUCE_SUM_MVE_MOST;
                }
            }
        }
    }
    sums.even = vaddq_s32(sums.even, vmovlbq_s16(lanes));
    sums.odd = vaddq_s32(sums.odd, vmovltq_s16(lanes));
    return sums;
}

/* As ek_reduce_sum_row where channels lie side by side and the shift is not positive. */
EK_KERNEL void ek_reduce_sum_mve_row(const ek_reduce_sum_t *p, const int8_t *const in[], int8_t *out, int y, int x0,
                                     int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *const row = ek_reduce_row(in[0], y, p->rows, p->row_step);
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const pixel = row + x * p->pixel_step;
        for (int c = 0; c < p->channels; c += EK_REDUCE_SUM_MVE_LANES) {
            const mve_pred16_t some = vctp16q((uint32_t)(p->channels - c));
            const ek_reduce_sum_mve_t sums = ek_reduce_sum_mve_eight(p, pixel + c, some);
            int16x8_t lanes = vqmovnbq_s32(vdupq_n_s16(0), ek_mve_scaled(sums.even, p->multiplier, p->shift));
            lanes = vqmovntq_s32(lanes, ek_mve_scaled(sums.odd, p->multiplier, p->shift));
            lanes = vqaddq_n_s16(lanes, (int16_t)p->out_zero);
            lanes = vminq_s16(vmaxq_s16(lanes, vdupq_n_s16(-128)), vdupq_n_s16(127));
            vstrbq_p_s16(out + x * p->channels + c, lanes, some);
        }
    }
}

/* As ek_reduce_sum_add_row where the shift is not positive. */
EK_KERNEL void ek_reduce_sum_mve_add_row(const ek_reduce_sum_t *p, const int8_t *const in[], int8_t *out, int y, int x0,
                                         int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    const int32_t rows = p->count[0] * p->count[1] * p->count[2] / p->in_w;
    const int32_t *const sum = scratch;
    (void)w;
    (void)q;
    ek_mve_add_pixels(in[0], x0, x1, p->channels, y == 0 && x0 == 0, scratch);
    if (y == rows - 1 && x1 == p->in_w) {
        for (int c = 0; c < p->channels; c += EK_MVE_WORDS) {
            const mve_pred16_t some = vctp32q((uint32_t)(p->channels - c));
            const int32x4_t total = vaddq_n_s32(vldrwq_z_s32(sum + c, some), p->bias);
            ek_mve_store_words(out + c, ek_mve_scaled(total, p->multiplier, p->shift), p->out_zero, -128, 127, some);
        }
    }
}

#endif
