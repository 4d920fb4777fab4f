/* add_mve.h: one row of the sum of two int8 tensors of one shape on cores with MVE. */
#ifndef EK_ADD_MVE_H
#define EK_ADD_MVE_H

#include "add.h"
#include "ek_mve.h"

/* Eight sums or, where `all` is false, as many as `some` says. x, whose multiplier is 1/2, and y are lanes. */
EK_KERNEL void ek_add_mve_eight(const ek_add_t *p, int half, const int8_t *x, const int8_t *y, int8_t *to,
                                mve_pred16_t some, bool all)
{
    const int other = 1 - half;
    int16x8_t v = all ? vldrbq_s16(x) : vldrbq_z_s16(x, some), u = all ? vldrbq_s16(y) : vldrbq_z_s16(y, some);
    v = vshlq_n_s16(vsubq_n_s16(v, (int16_t)p->in_zero[half]), 3); /* then by 16: half of 2^20 */
    u = vshlq_n_s16(vsubq_n_s16(u, (int16_t)p->in_zero[other]), 4);
    int32x4_t even = vqrdmulhq_n_s32(vshllbq_n_s16(u, 16), p->in_multiplier[other]);
    int32x4_t odd = vqrdmulhq_n_s32(vshlltq_n_s16(u, 16), p->in_multiplier[other]);
    if (p->in_shift[other] < 0) {
        even = vrshlq_n_s32(vaddq_s32(even, vshrq_n_s32(even, 31)), p->in_shift[other]);
        odd = vrshlq_n_s32(vaddq_s32(odd, vshrq_n_s32(odd, 31)), p->in_shift[other]);
    }
    even = vqrdmulhq_n_s32(vaddq_s32(even, vshllbq_n_s16(v, 16)), p->out_multiplier);
    odd = vqrdmulhq_n_s32(vaddq_s32(odd, vshlltq_n_s16(v, 16)), p->out_multiplier);
    if (p->act_min < p->out_zero) { /* as EK_MVE_OUTPUTS_OF_TWO */
        even = vaddq_s32(even, vshrq_n_s32(even, 31));
        odd = vaddq_s32(odd, vshrq_n_s32(odd, 31));
    }
    v = vqmovnbq_s32(v, vrshlq_n_s32(even, p->out_shift));
    v = vqaddq_n_s16(vqmovntq_s32(v, vrshlq_n_s32(odd, p->out_shift)), (int16_t)p->out_zero);
    v = vminq_s16(vmaxq_s16(v, vdupq_n_s16((int16_t)p->act_min)), vdupq_n_s16((int16_t)p->act_max));
    if (all) {
        vstrbq_s16(to, v);
    } else {
        vstrbq_p_s16(to, v, some);
    }
}

/* The tensors' rows are runs, none repeats anything; the larger of their scales has the multiplier 1/2 and no shift;
 * the output's shift is negative. In ascending order, so that `out` may be a row of the inputs. */
EK_KERNEL void ek_add_mve_row(const ek_add_t *p, const int8_t *const in[], int8_t *out, int x0, int x1, const void *w,
                              const ek_requant_t *q, void *scratch)
{
    const int half = p->in_multiplier[0] == 1 << 30 && p->in_shift[0] == 0 ? 0 : 1;
    const int first = x0 * p->channels, n = (x1 - x0) * p->channels;
    const int8_t *x = in[half] + first, *y = in[1 - half] + first;
    (void)w;
    (void)q;
    (void)scratch;
    out += first;
    for (int i = n / 8; i > 0; --i, x += 8, y += 8, out += 8) {
        ek_add_mve_eight(p, half, x, y, out, 0, true);
    }
    if (n % 8 != 0) {
        ek_add_mve_eight(p, half, x, y, out, vctp16q((uint32_t)(n % 8)), false);
    }
}

#endif
