/* ek_dsp.h: instructions of the DSP extension (Armv7E-M, Armv8-M) as functions, with the same result in plain C.
 *
 * EK_DSP says whether the core has them. Lanes are the two halves of a word. Where it is 1, kernels read words of
 * inputs wherever these lie: unaligned accesses must not trap (CCR.UNALIGN_TRP, which is off after reset).
 */
#ifndef EK_DSP_H
#define EK_DSP_H

#include "ek_requant.h"

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && (defined(__GNUC__) || defined(__clang__))
#define EK_DSP 1
#else
#define EK_DSP 0
#endif

/* Loops over taps that are unrolled where their number is a constant and code need not be small. */
#if EK_SMALL
#define EK_UNROLL
#elif defined(__clang__)
#define EK_UNROLL _Pragma("clang loop unroll_count(8)")
#elif defined(__GNUC__)
#define EK_UNROLL _Pragma("GCC unroll 8")
#else
#define EK_UNROLL
#endif

/* The high word of a * b + c * 2^32, rounded; halves go towards plus infinity, and overflow wraps. */
static inline int32_t ek_smmlar(int32_t a, int32_t b, int32_t c)
{
#if EK_DSP
    int32_t high;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(a), "r"(b), "r"(c));
    return high;
#else
    return ek_wrapping_add((int32_t)(((int64_t)a * b + (INT64_C(1) << 31)) >> 32), c);
#endif
}

/* A number of 32 bits among weights: on a multiple of 4, its lowest byte first. */
static inline int32_t ek_int32(const int8_t *w)
{
    const uint32_t low = (uint32_t)(uint8_t)w[0] | (uint32_t)(uint8_t)w[1] << 8;
    return (int32_t)(low | (uint32_t)(uint8_t)w[2] << 16 | (uint32_t)(uint8_t)w[3] << 24);
}

#if EK_DSP
/* Four bytes from anywhere. */
static inline uint32_t ek_word(const int8_t *bytes)
{
    uint32_t word;
    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

/* Bytes 0 and 2 with their signs, each added to a lane of `to`. */
static inline uint32_t ek_sxtab16(uint32_t to, uint32_t bytes)
{
    uint32_t lanes;
    __asm__("sxtab16 %0, %1, %2" : "=r"(lanes) : "r"(to), "r"(bytes));
    return lanes;
}

/* Bytes 1 and 3 with their signs, each added to a lane of `to`. */
static inline uint32_t ek_sxtab16_odd(uint32_t to, uint32_t bytes)
{
    uint32_t lanes;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(lanes) : "r"(to), "r"(bytes));
    return lanes;
}

static inline uint32_t ek_sxtb16(uint32_t bytes)
{
    uint32_t lanes;
    __asm__("sxtb16 %0, %1" : "=r"(lanes) : "r"(bytes));
    return lanes;
}

static inline uint32_t ek_sxtb16_odd(uint32_t bytes)
{
    uint32_t lanes;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(bytes));
    return lanes;
}

/* acc + the products of both lanes. */
static inline int32_t ek_smlad(uint32_t a, uint32_t b, int32_t acc)
{
    int32_t sum;
    __asm__("smlad %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(acc));
    return sum;
}
#endif

/* The clamp into int8; `low` and `high` are constants where this is inlined. */
static inline int8_t ek_saturate(int32_t value, int32_t low, int32_t high)
{
#if EK_DSP
    if (low == -128 && high == 127) {
        int32_t clamped;
        __asm__("ssat %0, #8, %1" : "=r"(clamped) : "r"(value));
        return (int8_t)clamped;
    }
#endif
    return (int8_t)ek_clamp(value, low, high);
}

/* ek_requantize for values less than 2^30 in size and shifts that are not positive. */
static inline int32_t ek_requantize_narrow(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t twice = value * 2;
    if (shift == 0) {
        return ek_smmlar(twice, multiplier, 0);
    }
    return (ek_smmlar(twice, multiplier, (int32_t)1 << (-shift - 1)) + (twice >> 31)) >> -shift;
}

/* Twice an accumulator, with its bias -> int8, equal to ek_finish. What it needs was proved when the model was
 * compiled: the accumulator is less than 2^30 in size, q->shift (here to the right) is not 0, and q->bias, which is not
 * the bias here but 2^(shift - 1) + zero * 2^shift, is at most 2^30 in size. */
static inline int8_t ek_finish_narrow(int32_t twice, const ek_requant_t *q, int32_t zero, int32_t low, int32_t high)
{
    int32_t scaled = ek_smmlar(twice, q->multiplier, q->bias);
    if (low < zero) { /* else what is negative is clamped, however it was rounded */
        scaled += twice >> 31;
    }
    return ek_saturate(scaled >> q->shift, low, high);
}

#endif
