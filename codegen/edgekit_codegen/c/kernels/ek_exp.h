/* ek_exp.h: exponentials and reciprocals in fixed point.
 *
 * Qm.n has m integer and n fractional bits in an int32.
 */
#ifndef EK_EXP_H
#define EK_EXP_H

#include "ek_requant.h"

/* exp(x) in Q0.31 of x <= 0 in Q5.26: a polynomial around -1/8 on [-1/4, 0), times exp of the powers of two left. */
EK_HELPER int32_t ek_exp_of_negative(int32_t x)
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

/* The largest of n >= 1 elements. */
static inline int32_t ek_largest(const int8_t *x, int n)
{
    int32_t largest = x[0];
    for (int i = 1; i < n; ++i) {
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

/* The sum of exp(x - largest) over n < 4096 elements in Q12.19, without differences below `lowest`; multiplier and
 * shift take a difference to Q5.26. */
static inline int32_t ek_sum_of_exponentials(const int8_t *x, int n, int32_t largest, int32_t lowest,
                                             int32_t multiplier, int32_t shift)
{
    int32_t sum = 0;
    for (int i = 0; i < n; ++i) {
        const int32_t difference = x[i] - largest;
        if (difference >= lowest) {
            sum += ek_rounding_shift(ek_exp_of_negative(ek_requantize(difference, multiplier, shift)), 12);
        }
    }
    return sum;
}

#endif
