/* quantize_mve.h: one row of int8 in another scale on cores with MVE. */
#ifndef EK_QUANTIZE_MVE_H
#define EK_QUANTIZE_MVE_H

#include "ek_scale_mve.h"
#include "quantize.h"

/* As ek_quantize_row for int8 and shifts of 22 at most. */
EK_KERNEL void ek_quantize_mve_row(const ek_quantize_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                   const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *from = in[0] + x0 * p->channels;
    (void)w;
    (void)q;
    (void)scratch;
    out += x0 * p->channels;
    for (int n = (x1 - x0) * p->channels; n > 0; n -= EK_MVE_WORDS, from += EK_MVE_WORDS, out += EK_MVE_WORDS) {
        const mve_pred16_t some = vctp32q((uint32_t)n);
        const int32x4_t value = vsubq_n_s32(vldrbq_z_s32(from, some), p->in_zero);
        ek_mve_store_words(out, ek_mve_scaled(value, p->multiplier, p->shift), p->out_zero, -128, 127, some);
    }
}

#endif
