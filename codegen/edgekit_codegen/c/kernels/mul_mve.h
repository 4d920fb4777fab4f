/* mul_mve.h: one row of the product of two int8 tensors on cores with MVE. */
#ifndef EK_MUL_MVE_H
#define EK_MUL_MVE_H

#include "ek_scale_mve.h"
#include "mul.h"

/* As ek_mul_row where neither operand repeats channels, and products may be shifted to the left. */
EK_KERNEL void ek_mul_mve_row(const ek_mul_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                              const ek_requant_t *q, void *scratch)
{
    const int pixels = p->run ? 1 : x1 - x0, span = p->run ? (x1 - x0) * p->channels : p->channels;
    const int8_t *a = in[0] + x0 * p->pixel_step[0], *b = in[1] + x0 * p->pixel_step[1];
    (void)w;
    (void)q;
    (void)scratch;
    out += x0 * p->channels;
    for (int x = 0; x < pixels; ++x, a += p->pixel_step[0], b += p->pixel_step[1], out += span) {
        for (int i = 0; i < span; i += EK_MVE_WORDS) {
            const mve_pred16_t some = vctp32q((uint32_t)(span - i));
            const int32x4_t one = vsubq_n_s32(vldrbq_z_s32(a + i, some), p->in_zero[0]);
            const int32x4_t other = vsubq_n_s32(vldrbq_z_s32(b + i, some), p->in_zero[1]);
            const int32x4_t scaled = ek_mve_scaled(vmulq_s32(one, other), p->multiplier, p->shift);
            ek_mve_store_words(out + i, scaled, p->out_zero, p->act_min, p->act_max, some);
        }
    }
}

#endif
