/* max_pool2d_mve.h: one row of maxima over a window of an int8 image on cores with MVE. */
#ifndef EK_MAX_POOL2D_MVE_H
#define EK_MAX_POOL2D_MVE_H

#include "ek_mve.h"
#include "max_pool2d.h"

/* As ek_max_pool2d_row. */
EK_KERNEL void ek_max_pool2d_mve_row(const ek_max_pool2d_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                     const void *w, const ek_requant_t *q, void *scratch)
{
    const ek_window_t win = {p->in_w, p->kernel[1], p->stride, 1, p->pad};
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int start = x * p->stride - p->pad;
        const int first = start + ek_window_tap_first(&win, start);
        const int end = start + ek_window_tap_end(&win, start);
        for (int c = 0; c < p->channels; c += EK_MVE_LANES) {
            const mve_pred16_t some = vctp8q((uint32_t)(p->channels - c));
            int8x16_t most = vdupq_n_s8((int8_t)p->act_min);
            for (int ky = 0; ky < p->kernel[0]; ++ky) {
                if (in[ky] == NULL) {
                    continue;
                }
                const int8_t *pixel = in[ky] + first * p->channels + c;
                for (int i = end - first; i > 0; --i, pixel += p->channels) {
                    most = vmaxq_s8(most, vldrbq_z_s8(pixel, some));
                }
            }
            vstrbq_p_s8(out + x * p->channels + c, vminq_s8(most, vdupq_n_s8((int8_t)p->act_max)), some);
        }
    }
}

#endif
