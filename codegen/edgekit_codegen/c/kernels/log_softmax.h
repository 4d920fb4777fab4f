/* log_softmax.h: one row of logarithms of probabilities from int8 logits, in fixed point.
 *
 * Results have scale 1/16 and zero point 127. Qm.n as in ek_exp.h.
 */
#ifndef EK_LOG_SOFTMAX_H
#define EK_LOG_SOFTMAX_H

#include "ek_exp.h"

typedef struct {
    int32_t channels;   /* what one softmax runs over; below 4096 */
    int32_t multiplier; /* difference from the maximum -> Q5.26 */
    int32_t shift;
    int32_t lowest;             /* the lowest difference that still counts */
    int32_t reverse_multiplier; /* Q5.26 -> difference */
    int32_t reverse_shift;
} ek_log_softmax_t;

/* value * 2^exponent, saturated; 0 <= exponent <= 30 and 0 <= value. */
static inline int32_t ek_saturating_left_shift(int32_t value, int32_t exponent)
{
    return value > INT32_MAX >> exponent ? INT32_MAX : (int32_t)((uint32_t)value << exponent);
}

/* log(x) in Q5.26 of x >= 1 in Q12.19.
 *
 * x = 2^k * r with r around 2^(-1/4), taken in two ways of which one has r in a good range: from x itself and from
 * x / sqrt(2). Then k * log(2) and a rational function of r. */
static inline int32_t ek_log(int32_t x)
{
    const int32_t log_2 = 1488522236;          /* Q0.31, as are those below */
    const int32_t sqrt_half = 1518500250;      /* 2^(-1/2) */
    const int32_t sqrt_sqrt_half = 1805811301; /* 2^(-1/4) */
    const int32_t quarter = INT32_C(1) << 23;  /* Q6.25 */
    int32_t zeros_a = 0, zeros_b = 0;          /* above the leading one, of 31 bits */
    const int32_t scaled = ek_doubling_high_mul(x, sqrt_half);
    while (x << zeros_a <= INT32_MAX >> 1) {
        ++zeros_a;
    }
    while (scaled << zeros_b <= INT32_MAX >> 1) {
        ++zeros_b;
    }
    const int32_t r_a = ek_saturating_left_shift(ek_doubling_high_mul(x << zeros_a, sqrt_half), 1);
    const int32_t r_b = ek_saturating_left_shift(x, zeros_b);
    const int32_t k_a = (11 - zeros_a) * (1 << 25) + quarter;
    const int32_t k_b = (12 - zeros_b) * (1 << 25) - quarter;
    const int32_t r = r_a < r_b ? r_a : r_b;
    const int32_t k = k_a > k_b ? k_a : k_b;
    const int32_t p = (int32_t)(((int64_t)r + sqrt_sqrt_half + 1) >> 1);
    const int32_t q = (r - sqrt_sqrt_half) * 2;
    const int32_t q2 = ek_doubling_high_mul(q, q);
    const int32_t numerator = ek_doubling_high_mul(q, r) + ek_doubling_high_mul(ek_doubling_high_mul(q, q2), 117049297);
    const int32_t inner = 1057819769 + q + ek_doubling_high_mul(127690142, q2);
    const int32_t denominator = ek_doubling_high_mul(p, inner) + ek_doubling_high_mul(638450708, q); /* less 1 */
    const int32_t quotient =
        ek_doubling_high_mul(ek_rounding_shift(numerator, 6), ek_reciprocal_of_one_plus(denominator)); /* Q6.25 */
    return (ek_doubling_high_mul(k, log_2) + quotient) * 2;
}

/* Pixels x0 .. x1-1 in ascending order; a pixel's sum is complete before its first output: `out` may be the input. */
EK_KERNEL void ek_log_softmax_row(const ek_log_softmax_t *p, const int8_t *const in[], int8_t *out, int x0, int x1,
                                  const void *w, const ek_requant_t *q, void *scratch)
{
    (void)w;
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        const int8_t *const logits = in[0] + x * p->channels;
        int8_t *const result = out + x * p->channels;
        const int32_t largest = ek_largest(logits, p->channels);
        const int32_t log_sum =
            ek_log(ek_sum_of_exponentials(logits, p->channels, largest, p->lowest, p->multiplier, p->shift));
        /* Below this the logarithm is beyond the reach of Q5.26. */
        const int32_t bound = ek_requantize(log_sum + INT32_MIN, p->reverse_multiplier, p->reverse_shift);
        const int32_t least = bound > p->lowest - 1 ? bound : p->lowest - 1;
        for (int c = 0; c < p->channels; ++c) {
            const int32_t difference = logits[c] - largest;
            int32_t value = -128;
            if (difference > least) {
                value = ek_requantize(difference, p->multiplier, p->shift) - log_sum;
                value = ek_clamp(ek_rounding_shift(value, 22) + 127, -128, 127);
            }
            result[c] = (int8_t)value;
        }
    }
}

#endif
