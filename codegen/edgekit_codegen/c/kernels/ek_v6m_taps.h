/* ek_v6m_taps.h: one pixel under a window of any size, one channel after the other, on cores of Armv6-M. */
#ifndef EK_V6M_TAPS_H
#define EK_V6M_TAPS_H

#include "ek_v6m.h"

/* The taps of a row of the window that are inside the image, one at least. */
typedef struct {
    const int8_t *x; /* the first one's input */
    int32_t n;       /* their number, negative */
    int32_t end;     /* of their weights */
} ek_v6m_taps_row_t;

/* All channels of a pixel. */
typedef struct {
    const ek_v6m_taps_row_t *rows;
    const ek_v6m_taps_row_t *end;
    const int8_t *w; /* epilogue and weights, channel by channel */
    int8_t *dst;
    int8_t *last;  /* behind the outputs */
    int32_t pitch; /* from the inputs of one tap to those of the next */
    int32_t zero;  /* subtracted from each input */
    int32_t size;  /* bytes of a channel's epilogue and weights */
    int32_t centre;
} ek_v6m_taps_t;

#if EK_V6M

/* For epilogues of so many words. */
void ek_v6m_taps_3(const ek_v6m_taps_t *t);
void ek_v6m_taps_4(const ek_v6m_taps_t *t);
void ek_v6m_taps_5(const ek_v6m_taps_t *t);

/* clang-format off */
/* The sum r5 by the epilogue at r1, into r0 */
#define EK_V6M_TAPS_SCALE_3                                                                                            \
    "ldr r2, [r1, #8]\n"                                                                                               \
    "asrs r3, r2, #8\n"                                                                                                \
    "muls r3, r5, r3\n"                                                                                                \
    "asrs r3, r3, #12\n"                                                                                               \
    "ldr r0, [r1, #4]\n"                                                                                               \
    "muls r0, r5, r0\n"                                                                                                \
    "adds r0, r0, r3\n"                                                                                                \
    "ldr r4, [r1]\n"                                                                                                   \
    "adds r0, r0, r4\n"                                                                                                \
    "asrs r0, r0, r2\n"
#define EK_V6M_TAPS_DIGITS                                                                                             \
    "ldr r2, [r1, #12]\n"                                                                                              \
    "asrs r3, r2, #8\n"                                                                                                \
    "muls r3, r5, r3\n"                                                                                                \
    "asrs r3, r3, #10\n"                                                                                               \
    "ldr r4, [r1, #8]\n"                                                                                               \
    "muls r4, r5, r4\n"                                                                                                \
    "adds r3, r3, r4\n"                                                                                                \
    "asrs r3, r3, #10\n"                                                                                               \
    "ldr r0, [r1, #4]\n"                                                                                               \
    "muls r0, r5, r0\n"                                                                                                \
    "adds r0, r0, r3\n"                                                                                                \
    "ldr r4, [r1]\n"                                                                                                   \
    "adds r0, r0, r4\n"
#define EK_V6M_TAPS_SCALE_4                                                                                            \
    EK_V6M_TAPS_DIGITS                                                                                                 \
    "asrs r0, r0, r2\n"
#define EK_V6M_TAPS_SCALE_5                                                                                            \
    EK_V6M_TAPS_DIGITS                                                                                                 \
    "asrs r3, r0, #31\n"                                                                                               \
    "ldr r4, [r1, #16]\n"                                                                                              \
    "ands r3, r3, r4\n"                                                                                                \
    "subs r0, r0, r3\n"                                                                                                \
    "ldr r4, [sp, #20]\n"                                                                                              \
    "lsls r4, r4, r2\n"                                                                                                \
    "asrs r4, r4, #1\n"                                                                                                \
    "adds r0, r0, r4\n"                                                                                                \
    "asrs r0, r0, r2\n"

/* r0 inputs, r1 the end of their weights, r2 taps to come, negative, r5 the sum, r6 the zero point, r7 from the first
 * input; r8 the channel, r9 its weights, r10 the pitch, r11 rows, lr their end; on the stack rows, epilogue, output and
 * its end, the bytes of a channel, centre */
#define EK_V6M_TAPS_FUNCTION(name, bytes, scale)                                                                       \
    EK_V6M_FUNCTION(name)                                                                                              \
    EK_V6M_PUSH                                                                                                        \
    "sub sp, #24\n"                                                                                                    \
    "ldmia r0!, {r1, r2, r3, r4, r5, r6, r7}\n"                                                                        \
    "mov lr, r2\n"                                                                                                     \
    "mov r10, r6\n"                                                                                                    \
    "mov r2, sp\n"                                                                                                     \
    "stmia r2!, {r1, r3, r4, r5}\n"                                                                                    \
    "movs r6, r7\n"                                                                                                    \
    "ldmia r0!, {r3, r4}\n"                                                                                            \
    "str r3, [sp, #16]\n"                                                                                              \
    "str r4, [sp, #20]\n"                                                                                              \
    "movs r5, #0\n"                                                                                                    \
    "mov r8, r5\n"                                                                                                     \
    "1:\n"                                                                                                             \
    "ldr r7, [sp]\n"                                                                                                   \
    "ldr r1, [sp, #4]\n"                                                                                               \
    "adds r1, r1, #" bytes "\n"                                                                                        \
    "mov r9, r1\n"                                                                                                     \
    "movs r5, #0\n"                                                                                                    \
    "b 5f\n"                                                                                                           \
    "2:\n"                                                                                                             \
    "ldmia r7!, {r0, r2, r3}\n"                                                                                        \
    "mov r11, r7\n"                                                                                                    \
    "add r0, r8\n"                                                                                                     \
    "mov r1, r9\n"                                                                                                     \
    "adds r1, r1, r3\n"                                                                                                \
    "movs r7, #0\n"                                                                                                    \
    "3:\n"                                                                                                             \
    "ldrsb r3, [r0, r7]\n"                                                                                             \
    "subs r3, r3, r6\n"                                                                                                \
    "ldrsb r4, [r1, r2]\n"                                                                                             \
    "muls r3, r4, r3\n"                                                                                                \
    "adds r5, r5, r3\n"                                                                                                \
    "add r7, r10\n"                                                                                                    \
    "adds r2, r2, #1\n"                                                                                                \
    "bne 3b\n"                                                                                                         \
    "mov r7, r11\n"                                                                                                    \
    "5: cmp r7, lr\n"                                                                                                  \
    "bne 2b\n"                                                                                                         \
    "ldr r1, [sp, #4]\n"                                                                                               \
    scale                                                                                                              \
    EK_V6M_CLAMP("r0", "r3")                                                                                           \
    "ldr r2, [sp, #16]\n"                                                                                              \
    "adds r1, r1, r2\n"                                                                                                \
    "str r1, [sp, #4]\n"                                                                                               \
    "movs r2, #1\n"                                                                                                    \
    "add r8, r2\n"                                                                                                     \
    "ldr r2, [sp, #8]\n"                                                                                               \
    "strb r0, [r2]\n"                                                                                                  \
    "adds r2, r2, #1\n"                                                                                                \
    "str r2, [sp, #8]\n"                                                                                               \
    "ldr r3, [sp, #12]\n"                                                                                              \
    "cmp r2, r3\n"                                                                                                     \
    "bne 1b\n"                                                                                                         \
    "add sp, #24\n"                                                                                                    \
    EK_V6M_POP                                                                                                         \
    EK_V6M_END(name)

__asm__(EK_V6M_TAPS_FUNCTION("ek_v6m_taps_3", "12", EK_V6M_TAPS_SCALE_3));
__asm__(EK_V6M_TAPS_FUNCTION("ek_v6m_taps_4", "16", EK_V6M_TAPS_SCALE_4));
__asm__(EK_V6M_TAPS_FUNCTION("ek_v6m_taps_5", "20", EK_V6M_TAPS_SCALE_5));
/* clang-format on */

#undef EK_V6M_TAPS_SCALE_3
#undef EK_V6M_TAPS_SCALE_4
#undef EK_V6M_TAPS_SCALE_5
#undef EK_V6M_TAPS_DIGITS
#undef EK_V6M_TAPS_FUNCTION

#else

static inline void ek_v6m_taps(const ek_v6m_taps_t *t, int32_t words)
{
    const int8_t *w = t->w;
    for (int c = 0; t->dst + c != t->last; ++c, w += t->size) {
        const int32_t *const q = (const int32_t *)(const void *)w;
        const int8_t *const weights = w + 4 * words;
        int32_t sum = 0;
        for (const ek_v6m_taps_row_t *row = t->rows; row != t->end; ++row) {
            const int8_t *x = row->x + c;
            for (int32_t i = row->n; i != 0; ++i, x += t->pitch) {
                sum += (*x - t->zero) * weights[row->end + i];
            }
        }
        t->dst[c] = ek_v6m_scale(sum, q, words, t->centre);
    }
}

static inline void ek_v6m_taps_3(const ek_v6m_taps_t *t)
{
    ek_v6m_taps(t, 3);
}

static inline void ek_v6m_taps_4(const ek_v6m_taps_t *t)
{
    ek_v6m_taps(t, 4);
}

static inline void ek_v6m_taps_5(const ek_v6m_taps_t *t)
{
    ek_v6m_taps(t, 5);
}

#endif

#endif
