/* lookup_mve.h: one row of an int8 tensor through a table of all its values on cores with MVE. */
#ifndef EK_LOOKUP_MVE_H
#define EK_LOOKUP_MVE_H

#include "ek_mve.h"
#include "lookup.h"

/* As ek_lookup_row. */
EK_KERNEL void ek_lookup_mve_row(const ek_lookup_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                 const void *w, const ek_requant_t *q, void *scratch)
{
    const int8_t *from = in[0] + x0 * p->channels;
    (void)q;
    (void)scratch;
    out += x0 * p->channels;
    for (int n = (x1 - x0) * p->channels; n > 0; n -= EK_MVE_LANES, from += EK_MVE_LANES, out += EK_MVE_LANES) {
        const mve_pred16_t some = vctp8q((uint32_t)n);
        const uint8x16_t place = veorq_u8(vreinterpretq_u8_s8(vldrbq_z_s8(from, some)), vdupq_n_u8(0x80));
        vstrbq_p_s8(out, vldrbq_gather_offset_z_s8(w, place, some), some);
    }
}

#endif
