/* ek_columns.h: a 3x3 window that slides along a row, one channel after the other.
 *
 * A column of inputs is read once and multiplied into the pixels that it belongs to. Two of its rows are the lanes of a
 * word, so that one instruction multiplies both. What is padding has the input's zero point, which is folded into the
 * biases; the weights of a missing row are left out.
 */
#ifndef EK_COLUMNS_H
#define EK_COLUMNS_H

#include "ek_dsp.h"

/* Bytes of a channel: the weights of taps (0,0) (0,1) (1,0) (1,1) (0,2) (2,0) (1,2) (2,1), the shift to the right and
 * tap (2,2) in 16 bits each, then the multiplier, the rounding (see ek_finish_narrow) and the bias in 32 bits each. */
#define EK_COLUMNS_CHANNEL 24

#if EK_DSP

/* A strip of a row. Columns are counted from the first pixel's window; the first and the last one may be padding. */
typedef struct {
    const int8_t *row[3]; /* behind the last column that pixels other than one with `right` read; any where missing */
    int8_t *out; /* where column i = 0 is a pixel's last, that pixel's; at stride 2 half a pixel on if it is not */
    int32_t channels;
    int32_t first;   /* i of column 0, negative */
    int32_t step;    /* i from one column to the next: the channels */
    int32_t left;    /* whether column 0 is padding */
    int32_t right;   /* whether the last column is padding */
    int32_t missing; /* rows that are padding: bit ky; never row 1 */
    int32_t zero;    /* of the input, in both lanes */
    const int8_t *w;
} ek_columns_t;

/* Stride 1 and 2. After column i the pixel at out + i or, rounded down, out + i / 2 is complete. The others are for
 * outputs whose zero point is -128. */
void ek_columns_1(const ek_columns_t *strip);
void ek_columns_2(const ek_columns_t *strip);
void ek_columns_1_low(const ek_columns_t *strip);
void ek_columns_2_low(const ek_columns_t *strip);

/* clang-format off */
/* r0 r1 r2 rows, r3 i, r4 r5 r6 weights of rows 0 and 1 by column, r7 of row 2 columns 0 and 1, r8 of its column 2
 * above the shift, r9 r10 r11 sums, r12 and lr a column; on the stack the bias, the step, the multiplier, the rounding,
 * then the strip */
#define EK_COLUMNS_LOAD                                                                                                \
    "ldrsb r12, [r0, r3]\n"                                                                                            \
    "ldrsb lr, [r1, r3]\n"                                                                                             \
    "pkhbt r12, r12, lr, lsl #16\n"                                                                                    \
    "ldrsb lr, [r2, r3]\n"
#define EK_COLUMNS_PADDING                                                                                             \
    "ldr r12, [sp, #56]\n"                                                                                             \
    "mov lr, r12\n"
#define EK_COLUMNS_0(sum)                                                                                              \
    "smlad " sum ", r12, r4, " sum "\n"                                                                                \
    "smlabb " sum ", lr, r7, " sum "\n"
#define EK_COLUMNS_1(sum)                                                                                              \
    "smlad " sum ", r12, r5, " sum "\n"                                                                                \
    "smlabt " sum ", lr, r7, " sum "\n"
#define EK_COLUMNS_2(sum)                                                                                              \
    "smlad " sum ", r12, r6, " sum "\n"                                                                                \
    "smlabt " sum ", lr, r8, " sum "\n"
#define EK_COLUMNS_NEXT                                                                                                \
    "ldr lr, [sp, #4]\n"                                                                                               \
    "adds r3, r3, lr\n"
#define EK_COLUMNS_NUDGE(sum) "add r12, r12, " sum ", asr #31\n"
#define EK_COLUMNS_LOW(sum) /* what is negative is clamped, however it was rounded */
#define EK_COLUMNS_FINISH(sum, nudge)                                                                                  \
    "ldrd r12, lr, [sp, #8]\n"                                                                                         \
    "lsl " sum ", " sum ", #1\n"                                                                                       \
    "smmlar r12, " sum ", r12, lr\n"                                                                                   \
    nudge(sum)                                                                                                         \
    "asr r12, r12, r8\n"                                                                                               \
    "ldr lr, [sp, #28]\n"                                                                                              \
    "ssat r12, #8, r12\n"
#define EK_COLUMNS_STORE_1 "strb r12, [lr, r3]\n"
#define EK_COLUMNS_STORE_2                                                                                             \
    "add lr, lr, r3, asr #1\n"                                                                                         \
    "strb r12, [lr]\n"

/* From the entry to where column 0 is in r12 and lr, and r9, r10 and r11 hold the bias */
#define EK_COLUMNS_BEGIN(name)                                                                                         \
    ".pushsection .text." name ", \"ax\", %progbits\n"                                                                 \
    ".syntax unified\n"                                                                                                \
    ".thumb\n"                                                                                                         \
    ".balign 4\n"                                                                                                      \
    ".thumb_func\n"                                                                                                    \
    ".type " name ", %function\n" name ":\n"                                                                           \
    "push {r4-r11, lr}\n"                                                                                              \
    "sub sp, sp, #64\n"                                                                                                \
    "ldmia r0!, {r1-r6}\n"                                                                                             \
    "add r12, sp, #16\n"                                                                                               \
    "stmia r12!, {r1-r6}\n"                                                                                            \
    "ldmia r0!, {r7-r11, lr}\n"                                                                                        \
    "stmia r12!, {r7-r11, lr}\n"                                                                                       \
    "str r7, [sp, #4]\n"                                                                                               \
    "mov r0, r1\n"                                                                                                     \
    "mov r1, r2\n"                                                                                                     \
    "mov r2, r3\n"                                                                                                     \
    "1: ldr lr, [sp, #60]\n"                                                                                           \
    "ldmia lr!, {r5, r7, r8, r9, r10, r11}\n"                                                                          \
    "str lr, [sp, #60]\n"                                                                                              \
    "strd r9, r10, [sp, #8]\n"                                                                                         \
    "sxtb16 r4, r5\n"                                                                                                  \
    "sxtb16 r5, r5, ror #8\n"                                                                                          \
    "sxtb16 r6, r7\n"                                                                                                  \
    "sxtb16 r7, r7, ror #8\n"                                                                                          \
    "ldrd r12, lr, [sp, #52]\n"                                                                                        \
    "cmp r12, #0\n"                                                                                                    \
    "beq 3f\n"                                                                                                         \
    "tst r12, #1\n"                                                                                                    \
    "beq 2f\n"                                                                                                         \
    "smlabb r11, lr, r4, r11\n"                                                                                        \
    "smlabb r11, lr, r5, r11\n"                                                                                        \
    "smlabb r11, lr, r6, r11\n"                                                                                        \
    "bfc r4, #0, #16\n"                                                                                                \
    "bfc r5, #0, #16\n"                                                                                                \
    "bfc r6, #0, #16\n"                                                                                                \
    "2: tst r12, #4\n"                                                                                                 \
    "beq 3f\n"                                                                                                         \
    "smlad r11, lr, r7, r11\n"                                                                                         \
    "smlabt r11, lr, r8, r11\n"                                                                                        \
    "mov r7, #0\n"                                                                                                     \
    "bfc r8, #16, #16\n"                                                                                               \
    "3: str r11, [sp]\n"                                                                                               \
    "mov r9, r11\n"                                                                                                    \
    "mov r10, r11\n"                                                                                                   \
    "ldr r12, [sp, #44]\n"                                                                                             \
    "ldr r3, [sp, #36]\n"                                                                                              \
    "cmp r12, #0\n"                                                                                                    \
    "mov r12, lr\n"                                                                                                    \
    "bne 5f\n"                                                                                                         \
    EK_COLUMNS_LOAD                                                                                                    \
    "5:\n"

/* The next channel */
#define EK_COLUMNS_END(name)                                                                                           \
    "ldrd r12, lr, [sp, #28]\n"                                                                                        \
    "add r0, r0, #1\n"                                                                                                 \
    "add r1, r1, #1\n"                                                                                                 \
    "add r2, r2, #1\n"                                                                                                 \
    "add r12, r12, #1\n"                                                                                               \
    "subs lr, lr, #1\n"                                                                                                \
    "strd r12, lr, [sp, #28]\n"                                                                                        \
    "bne 1b\n"                                                                                                         \
    "add sp, sp, #64\n"                                                                                                \
    "pop {r4-r11, pc}\n"                                                                                               \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"

/* One pixel, whose sum a is complete; b and c are the sums of the next two. */
#define EK_COLUMNS_TURN_1(a, b, c, nudge)                                                                              \
    EK_COLUMNS_LOAD                                                                                                    \
    EK_COLUMNS_2(a)                                                                                                    \
    EK_COLUMNS_1(b)                                                                                                    \
    EK_COLUMNS_0(c)                                                                                                    \
    EK_COLUMNS_FINISH(a, nudge)                                                                                        \
    EK_COLUMNS_STORE_1                                                                                                 \
    "ldrd " a ", lr, [sp]\n"                                                                                           \
    "adds r3, r3, lr\n"

#define EK_COLUMNS_STRIDE_1(name, nudge)                                                                               \
    EK_COLUMNS_BEGIN(name)                                                                                             \
    EK_COLUMNS_0("r9")                                                                                                 \
    EK_COLUMNS_NEXT                                                                                                    \
    EK_COLUMNS_LOAD                                                                                                    \
    EK_COLUMNS_1("r9")                                                                                                 \
    EK_COLUMNS_0("r10")                                                                                                \
    EK_COLUMNS_NEXT                                                                                                    \
    "beq 8f\n"                                                                                                         \
    "6:\n"                                                                                                             \
    EK_COLUMNS_TURN_1("r9", "r10", "r11", nudge)                                                                       \
    "beq 7f\n"                                                                                                         \
    EK_COLUMNS_TURN_1("r10", "r11", "r9", nudge)                                                                       \
    "itt eq\n"                                                                                                         \
    "moveq r9, r11\n"                                                                                                  \
    "beq 8f\n"                                                                                                         \
    EK_COLUMNS_TURN_1("r11", "r9", "r10", nudge)                                                                       \
    "bne 6b\n"                                                                                                         \
    "b 8f\n"                                                                                                           \
    "7: mov r9, r10\n"                                                                                                 \
    "8: ldr r12, [sp, #48]\n"                                                                                          \
    "cmp r12, #0\n"                                                                                                    \
    "beq 9f\n"                                                                                                         \
    EK_COLUMNS_PADDING                                                                                                 \
    EK_COLUMNS_2("r9")                                                                                                 \
    EK_COLUMNS_FINISH("r9", nudge)                                                                                     \
    EK_COLUMNS_STORE_1                                                                                                 \
    "9:\n"                                                                                                             \
    EK_COLUMNS_END(name)

__asm__(EK_COLUMNS_STRIDE_1("ek_columns_1", EK_COLUMNS_NUDGE));
__asm__(EK_COLUMNS_STRIDE_1("ek_columns_1_low", EK_COLUMNS_LOW));

/* Here r11 is the step. */
#define EK_COLUMNS_TURN_2(a, b, nudge)                                                                                 \
    EK_COLUMNS_LOAD                                                                                                    \
    EK_COLUMNS_1(a)                                                                                                    \
    "add r3, r3, r11\n"                                                                                                \
    EK_COLUMNS_LOAD                                                                                                    \
    EK_COLUMNS_2(a)                                                                                                    \
    EK_COLUMNS_0(b)                                                                                                    \
    EK_COLUMNS_FINISH(a, nudge)                                                                                        \
    EK_COLUMNS_STORE_2                                                                                                 \
    "ldr " a ", [sp]\n"                                                                                                \
    "adds r3, r3, r11\n"

#define EK_COLUMNS_STRIDE_2(name, nudge)                                                                               \
    EK_COLUMNS_BEGIN(name)                                                                                             \
    EK_COLUMNS_0("r9")                                                                                                 \
    "ldr r11, [sp, #4]\n"                                                                                              \
    "adds r3, r3, r11\n"                                                                                               \
    "beq 8f\n"                                                                                                         \
    "6:\n"                                                                                                             \
    EK_COLUMNS_TURN_2("r9", "r10", nudge)                                                                              \
    "beq 7f\n"                                                                                                         \
    EK_COLUMNS_TURN_2("r10", "r9", nudge)                                                                              \
    "bne 6b\n"                                                                                                         \
    "b 8f\n"                                                                                                           \
    "7: mov r9, r10\n"                                                                                                 \
    "8: ldr r12, [sp, #48]\n"                                                                                          \
    "cmp r12, #0\n"                                                                                                    \
    "beq 9f\n"                                                                                                         \
    EK_COLUMNS_LOAD                                                                                                    \
    EK_COLUMNS_1("r9")                                                                                                 \
    "add r3, r3, r11\n"                                                                                                \
    EK_COLUMNS_PADDING                                                                                                 \
    EK_COLUMNS_2("r9")                                                                                                 \
    EK_COLUMNS_FINISH("r9", nudge)                                                                                     \
    EK_COLUMNS_STORE_2                                                                                                 \
    "9:\n"                                                                                                             \
    EK_COLUMNS_END(name)

__asm__(EK_COLUMNS_STRIDE_2("ek_columns_2", EK_COLUMNS_NUDGE));
__asm__(EK_COLUMNS_STRIDE_2("ek_columns_2_low", EK_COLUMNS_LOW));
/* clang-format on */

#undef EK_COLUMNS_LOAD
#undef EK_COLUMNS_PADDING
#undef EK_COLUMNS_0
#undef EK_COLUMNS_1
#undef EK_COLUMNS_2
#undef EK_COLUMNS_NEXT
#undef EK_COLUMNS_FINISH
#undef EK_COLUMNS_NUDGE
#undef EK_COLUMNS_LOW
#undef EK_COLUMNS_STORE_1
#undef EK_COLUMNS_STORE_2
#undef EK_COLUMNS_BEGIN
#undef EK_COLUMNS_END
#undef EK_COLUMNS_TURN_1
#undef EK_COLUMNS_TURN_2
#undef EK_COLUMNS_STRIDE_1
#undef EK_COLUMNS_STRIDE_2

#endif

#endif
