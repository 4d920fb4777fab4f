/* ek_taps.h: the taps of a depthwise window that are inside the image, four channels at once.
 *
 * Weights are tiles of four channels: four biases, then four weights a tap. It is assembly because compilers spill.
 */
#ifndef EK_TAPS_H
#define EK_TAPS_H

#include "ek_dsp.h"

#define EK_TAPS_ROWS 16

/* Taps side by side: `n` of them, one at least, after `skip` others. */
typedef struct {
    const int8_t *x;
    int32_t n;
    int32_t skip;
} ek_taps_row_t;

/* One pixel of channels in fours; outputs are clamped to int8 and no further. */
typedef struct {
    const ek_taps_row_t *end; /* behind the last row */
    const ek_taps_row_t *row;
    int32_t zero;  /* what is added to each input, in both lanes */
    int32_t pitch; /* bytes from one tap's inputs to the next one's */
    int32_t gap;   /* bytes of weights behind the last tap */
    const ek_requant_t *q;
    int8_t *dst;
    int32_t quads; /* one at least */
    const int8_t *w;
} ek_taps_t;

#if EK_DSP

void ek_taps_quads(const ek_taps_t *taps);

/* clang-format off */
/* r0 inputs, r1 zero, r2 the row's end, r3 weights, r4 to r7 sums, r8 and r9 weights in lanes, r10 and r11 inputs in
 * lanes, r12 pitch, lr rows; ek_taps_t on the stack from 8, before it how far inputs have advanced */
#define EK_TAPS_FINISH(sum, offset)                                                                                    \
    "ldmia lr!, {r0, r1, r2}\n"                                                                                        \
    "lsl " sum ", " sum ", #1\n"                                                                                       \
    "smmlar r12, " sum ", r1, r0\n"                                                                                    \
    "add r12, r12, " sum ", asr #31\n"                                                                                 \
    "asr r12, r12, r2\n"                                                                                               \
    "ssat r12, #8, r12\n"                                                                                              \
    "strb r12, [r8, #" offset "]\n"

__asm__(".pushsection .text.ek_taps_quads, \"ax\", %progbits\n"
        ".syntax unified\n"
        ".thumb\n"
        ".balign 4\n"
        ".thumb_func\n"
        ".type ek_taps_quads, %function\n"
        "ek_taps_quads:\n"
        "push {r4-r11, lr}\n"
        "ldmia r0, {r1-r9}\n"
        "push {r1-r8}\n"
        "mov r3, r9\n"
        "mov r0, #0\n"
        "push {r0, r1}\n"
        "1: ldmia r3!, {r4-r7}\n"
        "ldr lr, [sp, #12]\n"
        "ldr r8, [sp, #8]\n"
        "ldrd r1, r12, [sp, #16]\n"
        "cmp lr, r8\n"
        "beq 4f\n"
        "2: ldmia lr!, {r0, r2, r8}\n"
        "ldr r9, [sp]\n"
        "add r3, r3, r8, lsl #2\n"
        "add r2, r3, r2, lsl #2\n"
        "add r0, r0, r9\n"
        "3: ldr r10, [r0]\n"
        "ldr r8, [r3], #4\n"
        "add r0, r0, r12\n"
        "sxtab16 r11, r1, r10, ror #8\n"
        "sxtb16 r9, r8, ror #8\n"
        "sxtab16 r10, r1, r10\n"
        "sxtb16 r8, r8\n"
        "smlabb r5, r11, r9, r5\n"
        "smlatt r7, r11, r9, r7\n"
        "cmp r3, r2\n"
        "smlabb r4, r10, r8, r4\n"
        "smlatt r6, r10, r8, r6\n"
        "bne 3b\n"
        "ldr r8, [sp, #8]\n"
        "cmp lr, r8\n"
        "bne 2b\n"
        "4: ldrd r9, lr, [sp, #24]\n"
        "ldr r8, [sp, #32]\n"
        "add r3, r3, r9\n"
        EK_TAPS_FINISH("r4", "0")
        EK_TAPS_FINISH("r5", "1")
        EK_TAPS_FINISH("r6", "2")
        EK_TAPS_FINISH("r7", "3")
        "add r8, r8, #4\n"
        "strd lr, r8, [sp, #28]\n"
        "ldr r8, [sp]\n"
        "ldr r9, [sp, #36]\n"
        "add r8, r8, #4\n"
        "subs r9, r9, #1\n"
        "str r8, [sp]\n"
        "str r9, [sp, #36]\n"
        "bne 1b\n"
        "add sp, sp, #40\n"
        "pop {r4-r11, pc}\n"
        ".size ek_taps_quads, . - ek_taps_quads\n"
        ".popsection\n");
/* clang-format on */

#undef EK_TAPS_FINISH

#endif

#endif
