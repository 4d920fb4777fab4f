/* quantize.h: one row of float32, or of int8 in another scale, as int8. */
#ifndef EK_QUANTIZE_H
#define EK_QUANTIZE_H

#include "ek_dsp.h"
#include "ek_float.h"

typedef struct {
    int32_t channels;
    int32_t from_float; /* 1: the input is float32; 0: int8 */
    float scale;        /* of the output, for float32 */
    int32_t in_zero;    /* from here: for int8 */
    int32_t multiplier;
    int32_t shift;
    int32_t out_zero; /* for both */
} ek_quantize_t;

/* The nearest integer, halves away from zero; at most 256 from 0, and 0 for NaN. */
static inline int32_t ek_round_near_zero(float value)
{
    if (!(value > -256.0f && value < 256.0f)) {
        return value >= 256.0f ? 256 : value <= -256.0f ? -256 : 0;
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    return whole + (int32_t)(rest + rest);
}

/* Pixels x0 .. x1-1 in ascending order, element by element: `out` may begin where the input row begins. */
EK_KERNEL void ek_quantize_row(const ek_quantize_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                               const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    if (p->from_float) {
        const ek_float_t *const values = (const void *)in[0];
        for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
            out[i] = ek_saturate(ek_round_near_zero(values[i] / p->scale) + p->out_zero, -128, 127);
        }
        return;
    }
    if (p->shift <= 0) {
        for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
            const int32_t scaled = ek_requantize_narrow(in[0][i] - p->in_zero, p->multiplier, p->shift);
            out[i] = ek_saturate(scaled + p->out_zero, -128, 127);
        }
        return;
    }
    for (int i = x0 * p->channels; i < x1 * p->channels; ++i) {
        const int32_t scaled = ek_requantize(in[0][i] - p->in_zero, p->multiplier, p->shift);
        out[i] = (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), -128, 127);
    }
}

#endif
