/* softmax.h: one row of probabilities from int8 logits, in fixed point.
 *
 * Qm.n has m integer and n fractional bits in an int32. Probabilities have scale 1/256 and zero point -128.
 */
#ifndef EK_SOFTMAX_H
#define EK_SOFTMAX_H

#include "ek_requant.h"

typedef struct {
    int32_t channels;   /* what one softmax runs over; below 4096 */
    int32_t multiplier; /* difference from the maximum -> Q5.26 */
    int32_t shift;
    int32_t lowest; /* the lowest difference that still counts */
} ek_softmax_t;

/* exp(x) in Q0.31 of x <= 0 in Q5.26: a polynomial around -1/8 on [-1/4, 0), times exp of the powers of two left. */
static inline int32_t ek_exp_of_negative(int32_t x)
{
    /* exp(-1/4), exp(-1/2), exp(-1) .. exp(-16) in Q0.31 */
    static const int32_t powers[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t exp_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t quarter = INT32_C(1) << 24;
    if (x == 0) {
        return INT32_MAX;
    }
    const int32_t fraction = (int32_t)((uint32_t)x & (uint32_t)(quarter - 1)) - quarter;
    const uint32_t left = (uint32_t)(fraction - x);
    const int32_t y = fraction * 32 + (INT32_C(1) << 28);
    const int32_t y2 = ek_doubling_high_mul(y, y);
    const int32_t y3 = ek_doubling_high_mul(y2, y);
    const int32_t y4_over_4 = ek_rounding_shift(ek_doubling_high_mul(y2, y2), 2);
    const int32_t tail = ek_rounding_shift(ek_doubling_high_mul(y4_over_4 + y3, third) + y2, 1);
    int32_t result = exp_minus_eighth + ek_doubling_high_mul(exp_minus_eighth, y + tail);
    for (int i = 0; i < 7; ++i) {
        if (left >> (24 + i) & 1u) {
            result = ek_doubling_high_mul(result, powers[i]);
        }
    }
    return result;
}

/* 1 / (1 + x) in Q0.31 of 0 <= x < 1 in Q0.31: Newton and Raphson on (1 + x) / 2, the estimate in Q2.29. */
static inline int32_t ek_reciprocal_of_one_plus(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + (INT64_C(1) << 31)) >> 1);
    int32_t estimate = 1515870810 + ek_doubling_high_mul(half, -1010580540); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; ++i) {
        const int32_t error = (INT32_C(1) << 29) - ek_doubling_high_mul(half, estimate);
        estimate += ek_doubling_high_mul(estimate, error) * 4;
    }
    return estimate > INT32_MAX / 2 ? INT32_MAX : estimate * 2;
}

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
        int32_t largest = -128;
        int32_t sum = 0; /* Q12.19 */
        int32_t bits = 0;
        for (int c = 0; c < p->channels; ++c) {
            largest = logits[c] > largest ? logits[c] : largest;
        }
        for (int c = 0; c < p->channels; ++c) {
            const int32_t difference = logits[c] - largest;
            if (difference >= p->lowest) {
                sum += ek_rounding_shift(ek_exp_of_negative(ek_requantize(difference, p->multiplier, p->shift)), 12);
            }
        }
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
