/* add_v6m.h: one row of the sum of two int8 tensors on cores of Armv6-M. */
#ifndef EK_ADD_V6M_H
#define EK_ADD_V6M_H

#include "ek_requant.h"

/* Rows are runs. Each input is multiplied by its factor; the sum with `bias`, shifted to the right and clamped, is the
 * output, which was proved for all pairs of inputs when the model was compiled. */
typedef struct {
    int32_t channels;
    int32_t factor[2];
    int32_t bias;
    int32_t shift;
    int32_t act_min;
    int32_t act_max;
} ek_add_v6m_t;

/* One copy serves all layers. */
EK_SHARED void ek_add_v6m_run(const ek_add_v6m_t *p, const int8_t *a, const int8_t *b, int8_t *to, int n)
{
    const int32_t first = p->factor[0], second = p->factor[1], bias = p->bias, shift = p->shift;
    const int32_t low = p->act_min, high = p->act_max;
    for (int i = 0; i < n; ++i) {
        to[i] = (int8_t)ek_clamp((a[i] * first + b[i] * second + bias) >> shift, low, high);
    }
}

EK_KERNEL void ek_add_v6m_row(const ek_add_v6m_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                              const void *w, const ek_requant_t *q, void *scratch)
{
    const int begin = x0 * p->channels;
    (void)w;
    (void)q;
    (void)scratch;
    ek_add_v6m_run(p, in[0] + begin, in[1] + begin, out + begin, (x1 - x0) * p->channels);
}

#endif
