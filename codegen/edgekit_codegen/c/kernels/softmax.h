/* softmax.h: one row of probabilities from int8 logits, in fixed point.
 *
 * Probabilities have scale 1/256 and zero point -128. Qm.n as in ek_exp.h.
 */
#ifndef EK_SOFTMAX_H
#define EK_SOFTMAX_H

#include "ek_exp.h"

typedef struct {
    int32_t channels;   /* what one softmax runs over; below 4096 */
    int32_t multiplier; /* difference from the maximum -> Q5.26 */
    int32_t shift;
    int32_t lowest; /* the lowest difference that still counts */
} ek_softmax_t;

/* Pixels x0 .. x1-1 in ascending order; a pixel's sum is complete before its first output: `out` may be the input. */
EK_KERNEL void ek_softmax_row(const ek_softmax_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                              const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const logits = in[0] + x * p->channels;
        int8_t *const result = out + x * p->channels;
        const int32_t largest = ek_largest(logits, p->channels);
        const int32_t sum =
            ek_sum_of_exponentials(logits, p->channels, largest, p->lowest, p->multiplier, p->shift); /* Q12.19 */
        int32_t bits = 0;
        while (((uint32_t)sum << bits & UINT32_C(0x80000000)) == 0) { /* sum >= 2^19: at most 12 times */
            ++bits;
        }
        const int32_t scale = ek_reciprocal_of_one_plus((int32_t)((uint32_t)sum << bits & UINT32_C(0x7fffffff)));
        const int32_t right = 35 - bits; /* above 31 every probability is below half a step */
        for (int c = 0; c < p->channels; ++c) {
            const int32_t difference = logits[c] - largest;
            int32_t probability = 0;
            if (difference >= p->lowest && right <= 31) {
                const int32_t exponential = ek_exp_of_negative(ek_requantize(difference, p->multiplier, p->shift));
                probability = ek_rounding_shift(ek_doubling_high_mul(scale, exponential), right);
            }
            result[c] = (int8_t)ek_clamp(probability - 128, -128, 127);
        }
    }
}

#endif
