/* ek_scale_mve.h: sums of pixels and values of one scale, four lanes at a time, on cores with MVE. */
#ifndef EK_SCALE_MVE_H
#define EK_SCALE_MVE_H

#include "ek_mve.h"

#define EK_MVE_WORDS 4

/* As ek_requantize, where a shift to the left loses nothing. */
EK_KERNEL int32x4_t ek_mve_scaled(int32x4_t value, int32_t multiplier, int32_t shift)
{
    if (shift > 0) {
        return vqrdmulhq_n_s32(vshlq_r_s32(value, shift), multiplier);
    }
    const int32x4_t high = vqrdmulhq_n_s32(value, multiplier);
    return shift == 0 ? high : vrshlq_n_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), shift);
}

/* Some outputs, with their zero point, clamped. */
EK_KERNEL void ek_mve_store_words(int8_t *to, int32x4_t scaled, int32_t zero, int32_t low, int32_t high,
                                  mve_pred16_t some)
{
    const int32x4_t moved = vaddq_n_s32(scaled, zero);
    vstrbq_p_s32(to, vminq_s32(vmaxq_s32(moved, vdupq_n_s32(low)), vdupq_n_s32(high)), some);
}

/* sum[c] += channel c of pixels x0 .. x1-1. clear: the sums begin with this row. */
EK_KERNEL void ek_mve_add_pixels(const int8_t *row, int x0, int x1, int channels, bool clear, int32_t sum[])
{
    for (int c = 0; c < channels; c += EK_MVE_WORDS) {
        const mve_pred16_t some = vctp32q((uint32_t)(channels - c));
        const int8_t *pixel = row + x0 * channels + c;
        int32x4_t total = clear ? vdupq_n_s32(0) : vldrwq_z_s32(sum + c, some);
        for (int i = x1 - x0; i > 0; --i, pixel += channels) {
            total = vaddq_s32(total, vldrbq_z_s32(pixel, some));
        }
        vstrwq_p_s32(sum + c, total, some);
    }
}

#endif
