/* ek_v6m.h: sums of products of two pixels at once on cores that multiply 32 bits by 32 bits into 32 and no more.
 *
 * Inputs of two pixels, a and b, stand in one word, a + 2^16 * b, so that one product with a weight adds to both sums.
 * Of a group, two taps, the sums fit in 16 bits each and are taken apart: one is the upper half, the other what remains
 * of the sum of words. Weights are kept as w + 128, which is a byte without sign: a group begins with 2^15 - 128 times
 * the sum of its two words, so that its lower half is the first pixel's sum + 2^15 and never borrows from the upper
 * one.
 */
#ifndef EK_V6M_H
#define EK_V6M_H

#include "ek_requant.h"

#if defined(__ARM_ARCH_6M__) && (defined(__GNUC__) || defined(__clang__))
#define EK_V6M 1
#else
#define EK_V6M 0
#endif

/* Words of a group of two taps */
#define EK_V6M_GROUP 3

/* Bits of a multiplier's lower digits, where it has two digits and where it has three. A sum is scaled by them one
 * after the other, so that nothing needs more than 32 bits. */
#define EK_V6M_DIGIT 12
#define EK_V6M_DIGITS 10

/* Output channels one after the other, of two pixels whose inputs are widened. */
typedef struct {
    const uint32_t *wide; /* groups, one at least */
    const uint32_t *end;
    const uint8_t *w; /* channel by channel, two weights a group */
    const int32_t *q; /* epilogues */
    int8_t *dst;      /* the first pixel's outputs */
    int8_t *last;     /* behind them */
    int32_t step;     /* to the second pixel's */
    int32_t start;    /* -2^15 for every group */
    int32_t centre;   /* see ek_v6m_scale */
    int32_t skip;     /* what groups lack of a multiple of 8 */
} ek_v6m_t;

/* A sum -> int8. q: its epilogue of so many words: the bias, the multiplier's digits from the highest on, two in 3
 * words and else three, the last one times 256 and above the shift to the right, and, in 5 words, what is subtracted
 * where the scaled sum is negative. centre: what is added then, times 2 to the power of the shift - 1; 0 where the bias
 * has it. */
static inline int8_t ek_v6m_scale(int32_t sum, const int32_t *q, int32_t words, int32_t centre)
{
    const int32_t last = words == 3 ? q[2] : q[3], shift = last & 31;
    int32_t low = sum * (last >> 8);
    if (words == 3) {
        low >>= EK_V6M_DIGIT;
    } else {
        low = (sum * q[2] + (low >> EK_V6M_DIGITS)) >> EK_V6M_DIGITS;
    }
    int32_t scaled = sum * q[1] + low + q[0];
    if (words == 5) {
        scaled -= scaled < 0 ? q[4] : 0;
        scaled += (int32_t)((uint32_t)centre << shift) >> 1;
    }
    return (int8_t)ek_clamp(scaled >> shift, -128, 127);
}

#if EK_V6M

/* For epilogues of so many words. */
void ek_v6m_channels_3(const ek_v6m_t *t);
void ek_v6m_channels_4(const ek_v6m_t *t);
void ek_v6m_channels_5(const ek_v6m_t *t);

/* The sums of each channel, the second pixel's first, from dst to last as int32. */
void ek_v6m_sums(const ek_v6m_t *t);

/* The groups of two pixels, the second one's inputs `step` bytes behind the first one's x. Returns what lies behind
 * them. */
uint32_t *ek_v6m_widen(uint32_t *to, const int8_t *x, const int8_t *end, int32_t step);

/* clang-format off */
#define EK_V6M_FUNCTION(name)                                                                                          \
    ".pushsection .text." name ", \"ax\", %progbits\n"                                                                 \
    ".syntax unified\n"                                                                                                \
    ".thumb\n"                                                                                                         \
    ".balign 4\n"                                                                                                      \
    ".thumb_func\n"                                                                                                    \
    ".type " name ", %function\n"                                                                                      \
    name ":\n"
#define EK_V6M_END(name)                                                                                               \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"
#define EK_V6M_PUSH                                                                                                    \
    "push {r4, r5, r6, r7, lr}\n"                                                                                      \
    "mov r4, r8\n"                                                                                                     \
    "mov r5, r9\n"                                                                                                     \
    "mov r6, r10\n"                                                                                                    \
    "mov r7, r11\n"                                                                                                    \
    "push {r4, r5, r6, r7}\n"
#define EK_V6M_POP                                                                                                     \
    "pop {r4, r5, r6, r7}\n"                                                                                           \
    "mov r8, r4\n"                                                                                                     \
    "mov r9, r5\n"                                                                                                     \
    "mov r10, r6\n"                                                                                                    \
    "mov r11, r7\n"                                                                                                    \
    "pop {r4, r5, r6, r7, pc}\n"

/* r0 groups, r1 weights; r8 the sum of words, r9 of their upper halves */
#define EK_V6M_TAPS(first, second)                                                                                     \
    "ldmia r0!, {r3, r4, r5}\n"                                                                                        \
    "ldrb r2, [r1, #" first "]\n"                                                                                      \
    "muls r4, r2, r4\n"                                                                                                \
    "adds r3, r3, r4\n"                                                                                                \
    "ldrb r2, [r1, #" second "]\n"                                                                                     \
    "muls r5, r2, r5\n"                                                                                                \
    "adds r3, r3, r5\n"                                                                                                \
    "asrs r2, r3, #16\n"                                                                                               \
    "add r9, r2\n"                                                                                                     \
    "add r8, r3\n"
/* Into int8 */
#define EK_V6M_CLAMP(value, other)                                                                                     \
    "sxtb " other ", " value "\n"                                                                                      \
    "cmp " other ", " value "\n"                                                                                       \
    "beq 4f\n"                                                                                                         \
    "asrs " value ", " value ", #31\n"                                                                                 \
    "movs " other ", #127\n"                                                                                           \
    "eors " value ", " value ", " other "\n"                                                                           \
    "4:\n"
/* The sums r4 and r3 by the epilogue at r2, which moves on; r6 or r7 is the shift at last */
#define EK_V6M_SCALE_3                                                                                                 \
    "ldmia r2!, {r0, r5, r6}\n"                                                                                        \
    "str r2, [sp]\n"                                                                                                   \
    "asrs r7, r6, #8\n"                                                                                                \
    "movs r2, r4\n"                                                                                                    \
    "muls r2, r7, r2\n"                                                                                                \
    "asrs r2, r2, #12\n"                                                                                               \
    "muls r4, r5, r4\n"                                                                                                \
    "adds r4, r4, r2\n"                                                                                                \
    "adds r4, r4, r0\n"                                                                                                \
    "asrs r4, r4, r6\n"                                                                                                \
    "muls r7, r3, r7\n"                                                                                                \
    "asrs r7, r7, #12\n"                                                                                               \
    "muls r3, r5, r3\n"                                                                                                \
    "adds r3, r3, r7\n"                                                                                                \
    "adds r3, r3, r0\n"                                                                                                \
    "asrs r3, r3, r6\n"
#define EK_V6M_SCALE_DIGITS                                                                                            \
    "ldmia r2!, {r0, r5, r6, r7}\n"                                                                                    \
    "str r2, [sp]\n"                                                                                                   \
    "asrs r1, r7, #8\n"                                                                                                \
    "movs r2, r4\n"                                                                                                    \
    "muls r2, r1, r2\n"                                                                                                \
    "asrs r2, r2, #10\n"                                                                                               \
    "mov r8, r4\n"                                                                                                     \
    "muls r4, r6, r4\n"                                                                                                \
    "adds r2, r2, r4\n"                                                                                                \
    "asrs r2, r2, #10\n"                                                                                               \
    "mov r4, r8\n"                                                                                                     \
    "muls r4, r5, r4\n"                                                                                                \
    "adds r4, r4, r2\n"                                                                                                \
    "adds r4, r4, r0\n"                                                                                                \
    "muls r1, r3, r1\n"                                                                                                \
    "asrs r1, r1, #10\n"                                                                                               \
    "muls r6, r3, r6\n"                                                                                                \
    "adds r6, r6, r1\n"                                                                                                \
    "asrs r6, r6, #10\n"                                                                                               \
    "muls r3, r5, r3\n"                                                                                                \
    "adds r3, r3, r6\n"                                                                                                \
    "adds r3, r3, r0\n"
#define EK_V6M_SCALE_4                                                                                                 \
    EK_V6M_SCALE_DIGITS                                                                                                \
    "asrs r4, r4, r7\n"                                                                                                \
    "asrs r3, r3, r7\n"
#define EK_V6M_SCALE_5                                                                                                 \
    EK_V6M_SCALE_DIGITS                                                                                                \
    "ldr r2, [sp]\n"                                                                                                   \
    "ldmia r2!, {r0}\n"                                                                                                \
    "str r2, [sp]\n"                                                                                                   \
    "ldr r1, [sp, #20]\n"                                                                                              \
    "lsls r1, r1, r7\n"                                                                                                \
    "asrs r1, r1, #1\n"                                                                                                \
    "asrs r5, r4, #31\n"                                                                                               \
    "ands r5, r5, r0\n"                                                                                                \
    "subs r4, r4, r5\n"                                                                                                \
    "adds r4, r4, r1\n"                                                                                                \
    "asrs r4, r4, r7\n"                                                                                                \
    "asrs r5, r3, #31\n"                                                                                               \
    "ands r5, r5, r0\n"                                                                                                \
    "subs r3, r3, r5\n"                                                                                                \
    "adds r3, r3, r1\n"                                                                                                \
    "asrs r3, r3, r7\n"

/* r10 the first group, r11 behind the last, r12 what brings r1 to where the weights of 8 groups would begin, lr the
 * first group's place among 8, with the Thumb bit; on the stack q, dst, last, step, start, centre and the next weights */
/* To where r4 and r3 are the first and the second pixel's sum */
#define EK_V6M_SUMS(name)                                                                                              \
    EK_V6M_FUNCTION(name)                                                                                              \
    EK_V6M_PUSH                                                                                                        \
    "sub sp, #28\n"                                                                                                    \
    "ldmia r0!, {r1, r2, r3}\n"                                                                                        \
    "mov r10, r1\n"                                                                                                    \
    "mov r11, r2\n"                                                                                                    \
    "mov r4, sp\n"                                                                                                     \
    "ldmia r0!, {r1, r2, r5, r6, r7}\n"                                                                                \
    "stmia r4!, {r1, r2, r5, r6, r7}\n"                                                                                \
    "ldmia r0!, {r1, r5}\n"                                                                                            \
    "stmia r4!, {r1}\n"                                                                                                \
    "adr r7, 2f\n"                                                                                                     \
    "movs r6, #20\n"                                                                                                   \
    "muls r6, r5, r6\n"                                                                                                \
    "adds r7, r7, r6\n"                                                                                                \
    "adds r7, r7, #1\n"                                                                                                \
    "mov lr, r7\n"                                                                                                     \
    "lsls r5, r5, #1\n"                                                                                                \
    "rsbs r5, r5, #0\n"                                                                                                \
    "mov r12, r5\n"                                                                                                    \
    "movs r1, r3\n"                                                                                                    \
    "1:\n"                                                                                                             \
    "ldr r2, [sp, #16]\n"                                                                                              \
    "mov r8, r2\n"                                                                                                     \
    "movs r2, #0\n"                                                                                                    \
    "mov r9, r2\n"                                                                                                     \
    "mov r0, r10\n"                                                                                                    \
    "add r1, r12\n"                                                                                                    \
    "bx lr\n"                                                                                                          \
    ".balign 4\n"                                                                                                      \
    "2:\n"                                                                                                             \
    EK_V6M_TAPS("0", "1")                                                                                              \
    EK_V6M_TAPS("2", "3")                                                                                              \
    EK_V6M_TAPS("4", "5")                                                                                              \
    EK_V6M_TAPS("6", "7")                                                                                              \
    EK_V6M_TAPS("8", "9")                                                                                              \
    EK_V6M_TAPS("10", "11")                                                                                            \
    EK_V6M_TAPS("12", "13")                                                                                            \
    EK_V6M_TAPS("14", "15")                                                                                            \
    "adds r1, r1, #16\n"                                                                                               \
    "cmp r0, r11\n"                                                                                                    \
    "bne 2b\n"                                                                                                         \
    "str r1, [sp, #24]\n"                                                                                              \
    "mov r3, r9\n"                                                                                                     \
    "lsls r2, r3, #16\n"                                                                                               \
    "mov r4, r8\n"                                                                                                     \
    "subs r4, r4, r2\n"

#define EK_V6M_CHANNELS(name, scale)                                                                                   \
    EK_V6M_SUMS(name)                                                                                                  \
    "ldr r2, [sp]\n"                                                                                                   \
    scale                                                                                                              \
    EK_V6M_CLAMP("r4", "r5")                                                                                           \
    EK_V6M_CLAMP("r3", "r5")                                                                                           \
    "ldr r0, [sp, #4]\n"                                                                                               \
    "ldr r1, [sp, #12]\n"                                                                                              \
    "strb r3, [r0, r1]\n"                                                                                              \
    "strb r4, [r0]\n"                                                                                                  \
    "adds r0, r0, #1\n"                                                                                                \
    "str r0, [sp, #4]\n"                                                                                               \
    "ldr r2, [sp, #8]\n"                                                                                               \
    "ldr r1, [sp, #24]\n"                                                                                              \
    "cmp r0, r2\n"                                                                                                     \
    "beq 5f\n"                                                                                                         \
    "b 1b\n"                                                                                                           \
    "5:\n"                                                                                                             \
    "add sp, #28\n"                                                                                                    \
    EK_V6M_POP                                                                                                         \
    EK_V6M_END(name)

__asm__(EK_V6M_CHANNELS("ek_v6m_channels_3", EK_V6M_SCALE_3));
__asm__(EK_V6M_CHANNELS("ek_v6m_channels_4", EK_V6M_SCALE_4));
__asm__(EK_V6M_CHANNELS("ek_v6m_channels_5", EK_V6M_SCALE_5));

__asm__(
    EK_V6M_SUMS("ek_v6m_sums")
    "ldr r0, [sp, #4]\n"
    "stmia r0!, {r3, r4}\n"
    "str r0, [sp, #4]\n"
    "ldr r2, [sp, #8]\n"
    "ldr r1, [sp, #24]\n"
    "cmp r0, r2\n"
    "beq 5f\n"
    "b 1b\n"
    "5:\n"
    "add sp, #28\n"
    EK_V6M_POP
    EK_V6M_END("ek_v6m_sums"));

__asm__(
    EK_V6M_FUNCTION("ek_v6m_widen")
    "push {r4, r5, r6, r7, lr}\n"
    "mov r12, r2\n"
    "movs r6, #0\n"
    "movs r7, #128\n"
    "lsls r7, r7, #8\n"
    "1:\n"
    "ldrsb r4, [r1, r6]\n"
    "ldrsb r2, [r1, r3]\n"
    "lsls r2, r2, #16\n"
    "adds r4, r4, r2\n"
    "adds r1, r1, #1\n"
    "ldrsb r5, [r1, r6]\n"
    "ldrsb r2, [r1, r3]\n"
    "lsls r2, r2, #16\n"
    "adds r5, r5, r2\n"
    "adds r1, r1, #1\n"
    "adds r2, r4, r5\n"
    "lsls r2, r2, #7\n"
    "subs r2, r7, r2\n"
    "stmia r0!, {r2, r4, r5}\n"
    "cmp r1, r12\n"
    "bne 1b\n"
    "pop {r4, r5, r6, r7, pc}\n"
    EK_V6M_END("ek_v6m_widen"));
/* clang-format on */

#undef EK_V6M_TAPS
#undef EK_V6M_SCALE_3
#undef EK_V6M_SCALE_4
#undef EK_V6M_SCALE_5
#undef EK_V6M_SCALE_DIGITS
#undef EK_V6M_SUMS
#undef EK_V6M_CHANNELS

#endif

/* A group of two taps, whose inputs are words of two pixels. */
static inline uint32_t *ek_v6m_group(uint32_t *to, uint32_t first, uint32_t second)
{
    to[0] = 0x8000u - ((first + second) << 7);
    to[1] = first;
    to[2] = second;
    return to + EK_V6M_GROUP;
}

/* Inputs of two pixels. */
static inline uint32_t ek_v6m_word(int32_t a, int32_t b)
{
    return (uint32_t)a + ((uint32_t)b << 16);
}

#if !EK_V6M

static inline uint32_t *ek_v6m_widen(uint32_t *to, const int8_t *x, const int8_t *end, int32_t step)
{
    for (; x != end; x += 2) {
        to = ek_v6m_group(to, ek_v6m_word(x[0], x[step]), ek_v6m_word(x[1], x[step + 1]));
    }
    return to;
}

static inline void ek_v6m_sums(const ek_v6m_t *t)
{
    const uint8_t *w = t->w;
    int32_t *const last = (int32_t *)(void *)t->last;
    for (int32_t *sums = (int32_t *)(void *)t->dst; sums != last; sums += 2) {
        uint32_t both = (uint32_t)t->start;
        int32_t upper = 0;
        for (const uint32_t *group = t->wide; group != t->end; group += EK_V6M_GROUP, w += 2) {
            const uint32_t sum = group[0] + group[1] * w[0] + group[2] * w[1];
            upper += (int32_t)sum >> 16;
            both += sum;
        }
        sums[0] = upper;
        sums[1] = (int32_t)(both - ((uint32_t)upper << 16));
    }
}

static inline void ek_v6m_channels(const ek_v6m_t *t, int32_t words)
{
    ek_v6m_t one = *t;
    const int32_t *q = t->q;
    for (int8_t *dst = t->dst; dst != t->last; ++dst, q += words) {
        int32_t sums[2];
        one.dst = (int8_t *)sums;
        one.last = (int8_t *)(sums + 2);
        ek_v6m_sums(&one);
        one.w += (t->end - t->wide) / EK_V6M_GROUP * 2;
        dst[t->step] = ek_v6m_scale(sums[0], q, words, t->centre);
        dst[0] = ek_v6m_scale(sums[1], q, words, t->centre);
    }
}

static inline void ek_v6m_channels_3(const ek_v6m_t *t)
{
    ek_v6m_channels(t, 3);
}

static inline void ek_v6m_channels_4(const ek_v6m_t *t)
{
    ek_v6m_channels(t, 4);
}

static inline void ek_v6m_channels_5(const ek_v6m_t *t)
{
    ek_v6m_channels(t, 5);
}

#endif

#endif
