/* ek_requant.h: fixed-point scaling with two roundings, and the clamp into int8. */
#ifndef EK_REQUANT_H
#define EK_REQUANT_H

#include "ek_types.h"

static inline int32_t ek_clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* a + b modulo 2^32: accumulators wrap, they never overflow. */
static inline int32_t ek_wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* round(a * b / 2^31), halves towards plus infinity; saturates where a == b == INT32_MIN. */
static inline int32_t ek_doubling_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* round(value / 2^exponent), halves away from zero; 0 <= exponent <= 31 and value > INT32_MIN. */
static inline int32_t ek_rounding_shift(int32_t value, int32_t exponent)
{
    if (exponent == 0) {
        return value;
    }
    /* One less where negative: then halves go towards plus infinity, which is what the bit below the cut says. */
    const int32_t biased = value - (value < 0 ? 1 : 0);
    return (biased >> exponent) + ((biased >> (exponent - 1)) & 1);
}

/* value * multiplier * 2^(shift - 31), rounded twice: as ek_doubling_high_mul, then as ek_rounding_shift.
 * 0 <= multiplier, so nothing saturates; -31 <= shift <= 30. A left shift wraps modulo 2^32. */
static inline int32_t ek_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t scaled = (int32_t)((uint32_t)value << left);
    const int32_t high = (int32_t)(((int64_t)scaled * multiplier + (INT64_C(1) << 30)) >> 31);
    return ek_rounding_shift(high, right);
}

/* An accumulator without its bias -> int8, through one channel's epilogue. */
static inline int8_t ek_finish(int32_t acc, const ek_requant_t *q, int32_t zero, int32_t low, int32_t high)
{
    const int32_t scaled = ek_requantize(ek_wrapping_add(acc, q->bias), q->multiplier, q->shift);
    return (int8_t)ek_clamp(ek_wrapping_add(scaled, zero), low, high);
}

#endif
