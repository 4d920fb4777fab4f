/* ek_pairs_quad.h: four channels at once of what ek_pairs.h computes, in the DSP extension's instructions.
 *
 * It is assembly because compilers spill: sums of two pixels need all of 14 registers. Where the core lacks the
 * extension there are the types only.
 */
#ifndef EK_PAIRS_QUAD_H
#define EK_PAIRS_QUAD_H

#include "ek_dot.h"
#include "ek_dsp.h"

#define EK_BLOCK 4

/* The most runs that a window has. */
#define EK_RUNS 8

/* Inputs that lie side by side: `n` of them, a positive multiple of EK_BLOCK, after `skip` blocks without inputs. */
typedef struct {
    const int8_t *x;
    int32_t n;
    int32_t skip;
} ek_run_t;

/* The accumulators of a tile. Channel pair by channel pair: S_even of each pixel, then 256 * S_odd + S_even of each. */
typedef struct {
    int32_t sum[2 * EK_TILE];
} ek_sums_t;

#if EK_DSP

/* The sums of two pixels whose inputs lie `step` bytes apart, 32 instructions for 32 products and 3 each turn of two
 * blocks; and of one pixel, `zero` being added to each input in both lanes, 18 instructions for 16 products. `end` is
 * an address, as compilers warn of a pointer to what is not written. */
void ek_pairs_quad_2(ek_sums_t *sums, const ek_run_t *run, uintptr_t end, const int8_t *w, int32_t step);
void ek_pairs_quad_1(ek_sums_t *sums, const ek_run_t *run, uintptr_t end, const int8_t *w, uint32_t zero);

/* Quads one after the other, with their epilogues: outputs are clamped to int8 and no further. */
typedef struct {
    const void *begin; /* the first run, or words of ek_pairs_widen */
    const void *end;   /* behind the last; of two pixels there is one at least */
    int32_t step;      /* of two pixels, the bytes from one's inputs to the other's; of one pixel `zero` */
    int32_t gap;       /* bytes of weights between what is read of a quad and the next quad */
    const ek_requant_t *q;
    int8_t *dst;
    int32_t out_c; /* from one pixel's outputs to the other's */
    int32_t quads; /* one at least */
    const int8_t *w;
} ek_quads_t;

void ek_pairs_quads_2(const ek_quads_t *quads);
void ek_pairs_quads_1(const ek_quads_t *quads);

/* As ek_pairs_quads_2 with inputs in lanes already: 24 instructions for 32 products. `step` is twice the bytes of
 * weights between biases and what is read first, + 1 where the blocks are odd in number. The second one is for outputs
 * whose zero point is -128. */
void ek_pairs_quads_wide(const ek_quads_t *quads);
void ek_pairs_quads_wide_low(const ek_quads_t *quads);

/* The inputs from x to `end`, a block at least, of two pixels in lanes: of each block inputs 0 and 2 of one pixel and
 * the other, which lie `step` bytes apart, then inputs 1 and 3. `zero` is added to each input, in both lanes. Returns
 * what lies behind them. */
uint32_t *ek_pairs_widen(uint32_t *to, const int8_t *x, const int8_t *end, int32_t step, uint32_t zero);

/* clang-format off */
#define EK_PAIRS_FUNCTION(name)                                                                                        \
    ".pushsection .text." name ", \"ax\", %progbits\n"                                                                 \
    ".syntax unified\n"                                                                                                \
    ".thumb\n"                                                                                                         \
    ".balign 4\n"                                                                                                      \
    ".thumb_func\n"                                                                                                    \
    ".type " name ", %function\n"                                                                                      \
    name ":\n"
#define EK_PAIRS_END(name)                                                                                             \
    ".size " name ", . - " name "\n"                                                                                   \
    ".popsection\n"

/* Sums of two pixels in r4 to r11, with r0 inputs, r1 step, r3 weights, r2 and r12 inputs in lanes, lr weights */
#define EK_PAIRS_WORD(e0, e1, s0, s1)                                                                                  \
    "ldr lr, [r3], #4\n"                                                                                               \
    "smlad " s0 ", lr, r2, " s0 "\n"                                                                                   \
    "smlad " s1 ", lr, r12, " s1 "\n"                                                                                  \
    "sxtb16 lr, lr\n"                                                                                                  \
    "smlad " e0 ", lr, r2, " e0 "\n"                                                                                   \
    "smlad " e1 ", lr, r12, " e1 "\n"
#define EK_PAIRS_BLOCK_2                                                                                               \
    "ldr r2, [r0]\n"                                                                                                   \
    "ldr r12, [r0, r1]\n"                                                                                              \
    "sxtb16 r2, r2\n"                                                                                                  \
    "sxtb16 r12, r12\n"                                                                                                \
    EK_PAIRS_WORD("r4", "r5", "r6", "r7")                                                                              \
    EK_PAIRS_WORD("r8", "r9", "r10", "r11")                                                                            \
    "ldr r12, [r0, r1]\n"                                                                                              \
    "ldr r2, [r0], #4\n"                                                                                               \
    "sxtb16 r12, r12, ror #8\n"                                                                                        \
    "sxtb16 r2, r2, ror #8\n"                                                                                          \
    EK_PAIRS_WORD("r4", "r5", "r6", "r7")                                                                              \
    EK_PAIRS_WORD("r8", "r9", "r10", "r11")
/* From lr the first run and r3 the biases; run, end and the inputs' end are on the stack */
#define EK_PAIRS_SUM_2(run, end, last)                                                                                 \
    "ldmia r3!, {r4, r6, r8, r10}\n"                                                                                   \
    "mov r5, r4\n"                                                                                                     \
    "mov r7, r6\n"                                                                                                     \
    "mov r9, r8\n"                                                                                                     \
    "mov r11, r10\n"                                                                                                   \
    "1: ldmia lr!, {r0, r2, r12}\n"                                                                                    \
    "str lr, [sp, #" run "]\n"                                                                                         \
    "add r3, r3, r12, lsl #4\n"                                                                                        \
    "add r12, r0, r2\n"                                                                                                \
    "str r12, [sp, #" last "]\n"                                                                                       \
    "tst r2, #4\n"                                                                                                     \
    "bne 3f\n"                                                                                                         \
    "2:\n"                                                                                                             \
    EK_PAIRS_BLOCK_2                                                                                                   \
    "3:\n"                                                                                                             \
    EK_PAIRS_BLOCK_2                                                                                                   \
    "ldr lr, [sp, #" last "]\n"                                                                                        \
    "cmp r0, lr\n"                                                                                                     \
    "bne 2b\n"                                                                                                         \
    "ldrd lr, r12, [sp, #" run "]\n"                                                                                   \
    "cmp lr, r12\n"                                                                                                    \
    "bne 1b\n"

/* The same with inputs in lanes, and r1 weights as well; begin, end and step are on the stack */
#define EK_PAIRS_HALF_WIDE                                                                                             \
    "ldrd r2, r12, [r0], #8\n"                                                                                         \
    "ldrd r1, lr, [r3], #8\n"                                                                                          \
    "smlad r6, r1, r2, r6\n"                                                                                           \
    "smlad r7, r1, r12, r7\n"                                                                                          \
    "sxtb16 r1, r1\n"                                                                                                  \
    "smlad r10, lr, r2, r10\n"                                                                                         \
    "smlad r11, lr, r12, r11\n"                                                                                        \
    "sxtb16 lr, lr\n"                                                                                                  \
    "smlad r4, r1, r2, r4\n"                                                                                           \
    "smlad r5, r1, r12, r5\n"                                                                                          \
    "smlad r8, lr, r2, r8\n"                                                                                           \
    "smlad r9, lr, r12, r9\n"
#define EK_PAIRS_SUM_WIDE(begin, end, step)                                                                            \
    "ldmia r3!, {r4, r6, r8, r10}\n"                                                                                   \
    "ldr lr, [sp, #" step "]\n"                                                                                        \
    "ldr r0, [sp, #" begin "]\n"                                                                                       \
    "lsrs lr, lr, #1\n"                                                                                                \
    "mov r5, r4\n"                                                                                                     \
    "mov r7, r6\n"                                                                                                     \
    "mov r9, r8\n"                                                                                                     \
    "mov r11, r10\n"                                                                                                   \
    "add r3, r3, lr\n"                                                                                                 \
    "bcs 3f\n"                                                                                                         \
    "2:\n"                                                                                                             \
    EK_PAIRS_HALF_WIDE                                                                                                 \
    EK_PAIRS_HALF_WIDE                                                                                                 \
    "3:\n"                                                                                                             \
    EK_PAIRS_HALF_WIDE                                                                                                 \
    EK_PAIRS_HALF_WIDE                                                                                                 \
    "ldr lr, [sp, #" end "]\n"                                                                                         \
    "cmp r0, lr\n"                                                                                                     \
    "bne 2b\n"

/* Sums of one pixel in r4 to r7, with r0 inputs, r1 zero, r2 their end, r3 weights, r8 and r9 inputs in lanes */
#define EK_PAIRS_SUM_1(run)                                                                                            \
    "ldmia r3!, {r4-r7}\n"                                                                                             \
    "cmp lr, r12\n"                                                                                                    \
    "beq 3f\n"                                                                                                         \
    "1: ldmia lr!, {r0, r2, r12}\n"                                                                                    \
    "str lr, [sp, #" run "]\n"                                                                                         \
    "add r3, r3, r12, lsl #4\n"                                                                                        \
    "add r2, r0, r2\n"                                                                                                 \
    "2: ldr r9, [r0], #4\n"                                                                                            \
    "ldmia r3!, {r10, r11, r12, lr}\n"                                                                                 \
    "sxtab16 r8, r1, r9\n"                                                                                             \
    "sxtab16 r9, r1, r9, ror #8\n"                                                                                     \
    "smlad r5, r10, r8, r5\n"                                                                                          \
    "sxtb16 r10, r10\n"                                                                                                \
    "smlad r7, r11, r8, r7\n"                                                                                          \
    "sxtb16 r11, r11\n"                                                                                                \
    "smlad r5, r12, r9, r5\n"                                                                                          \
    "sxtb16 r12, r12\n"                                                                                                \
    "smlad r7, lr, r9, r7\n"                                                                                           \
    "sxtb16 lr, lr\n"                                                                                                  \
    "smlad r4, r10, r8, r4\n"                                                                                          \
    "smlad r6, r11, r8, r6\n"                                                                                          \
    "cmp r0, r2\n"                                                                                                     \
    "smlad r4, r12, r9, r4\n"                                                                                          \
    "smlad r6, lr, r9, r6\n"                                                                                           \
    "bne 2b\n"                                                                                                         \
    "ldrd lr, r12, [sp, #" run "]\n"                                                                                   \
    "cmp lr, r12\n"                                                                                                    \
    "bne 1b\n"                                                                                                         \
    "3:\n"

/* Twice a sum -> int8, as ek_finish_narrow: r0 the rounding, r1 the multiplier, r2 the shift */
#define EK_PAIRS_FINISH(sum)                                                                                           \
    "smmlar r12, " sum ", r1, r0\n"                                                                                    \
    "add r12, r12, " sum ", asr #31\n"                                                                                 \
    "asr r12, r12, r2\n"                                                                                               \
    "ssat " sum ", #8, r12\n"
/* The same where what is negative is clamped, however it was rounded */
#define EK_PAIRS_FINISH_LOW(sum)                                                                                       \
    "smmlar r12, " sum ", r1, r0\n"                                                                                    \
    "asr r12, r12, r2\n"                                                                                               \
    "ssat " sum ", #8, r12\n"
#define EK_PAIRS_EVEN(sum, finish)                                                                                     \
    "lsl " sum ", " sum ", #1\n"                                                                                       \
    finish(sum)
#define EK_PAIRS_ODD(sum, finish)                                                                                      \
    "asr " sum ", " sum ", #7\n"                                                                                       \
    finish(sum)
#define EK_PAIRS_EPILOGUE "ldmia lr!, {r0, r1, r2}\n"

/* The outputs of two pixels from the sums in r4 to r11 */
#define EK_PAIRS_STORE_2(finish)                                                                                       \
    "ldr lr, [sp, #24]\n"                                                                                              \
    "sub r6, r6, r4\n"                                                                                                 \
    "sub r7, r7, r5\n"                                                                                                 \
    "sub r10, r10, r8\n"                                                                                               \
    "sub r11, r11, r9\n"                                                                                               \
    EK_PAIRS_EPILOGUE                                                                                                  \
    EK_PAIRS_EVEN("r4", finish)                                                                                        \
    EK_PAIRS_EVEN("r5", finish)                                                                                        \
    EK_PAIRS_EPILOGUE                                                                                                  \
    EK_PAIRS_ODD("r6", finish)                                                                                         \
    EK_PAIRS_ODD("r7", finish)                                                                                         \
    EK_PAIRS_EPILOGUE                                                                                                  \
    EK_PAIRS_EVEN("r8", finish)                                                                                        \
    EK_PAIRS_EVEN("r9", finish)                                                                                        \
    EK_PAIRS_EPILOGUE                                                                                                  \
    EK_PAIRS_ODD("r10", finish)                                                                                        \
    EK_PAIRS_ODD("r11", finish)                                                                                        \
    "ldrd r0, r1, [sp, #28]\n"                                                                                         \
    "str lr, [sp, #24]\n"                                                                                              \
    "add r1, r0, r1\n"                                                                                                 \
    "strb r6, [r0, #1]\n"                                                                                              \
    "strb r8, [r0, #2]\n"                                                                                              \
    "strb r10, [r0, #3]\n"                                                                                             \
    "strb r4, [r0], #4\n"                                                                                              \
    "strb r5, [r1]\n"                                                                                                  \
    "strb r7, [r1, #1]\n"                                                                                              \
    "strb r9, [r1, #2]\n"                                                                                              \
    "strb r11, [r1, #3]\n"                                                                                             \
    "str r0, [sp, #28]\n"

/* ek_quads_t on the stack: 0 inputs' end, 4 run, then 8 end, 12 begin, 16 step, 20 gap, 24 q, 28 dst, 32 out_c, 36
 * quads */
#define EK_PAIRS_ENTER                                                                                                 \
    "push {r4-r11, lr}\n"                                                                                              \
    "ldmia r0, {r1-r9}\n"                                                                                              \
    "mov r0, r2\n"                                                                                                     \
    "mov r2, r3\n"                                                                                                     \
    "mov r3, r4\n"                                                                                                     \
    "push {r0-r3, r5-r8}\n"                                                                                            \
    "sub sp, sp, #8\n"                                                                                                 \
    "mov r3, r9\n"
#define EK_PAIRS_NEXT                                                                                                  \
    "ldr r0, [sp, #36]\n"                                                                                              \
    "ldr r1, [sp, #20]\n"                                                                                              \
    "subs r0, r0, #1\n"                                                                                                \
    "add r3, r3, r1\n"                                                                                                 \
    "str r0, [sp, #36]\n"                                                                                              \
    "bne 4b\n"                                                                                                         \
    "add sp, sp, #40\n"                                                                                                \
    "pop {r4-r11, pc}\n"

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quad_2")
        "push {r0-r11, lr}\n"
        "mov lr, r1\n"
        "ldr r1, [sp, #52]\n"
        EK_PAIRS_SUM_2("4", "8", "12")
        "ldr r0, [sp]\n"
        "stmia r0, {r4-r11}\n"
        "add sp, sp, #16\n"
        "pop {r4-r11, pc}\n"
        EK_PAIRS_END("ek_pairs_quad_2"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quad_1")
        "push {r0-r2, r4-r11, lr}\n"
        "mov lr, r1\n"
        "mov r12, r2\n"
        "ldr r1, [sp, #48]\n"
        EK_PAIRS_SUM_1("4")
        "ldr r0, [sp]\n"
        "stmia r0, {r4-r7}\n"
        "add sp, sp, #12\n"
        "pop {r4-r11, pc}\n"
        EK_PAIRS_END("ek_pairs_quad_1"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quads_2")
        EK_PAIRS_ENTER
        "4: ldrd lr, r1, [sp, #12]\n"
        EK_PAIRS_SUM_2("4", "8", "0")
        EK_PAIRS_STORE_2(EK_PAIRS_FINISH)
        EK_PAIRS_NEXT
        EK_PAIRS_END("ek_pairs_quads_2"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quads_wide")
        EK_PAIRS_ENTER
        "4:\n"
        EK_PAIRS_SUM_WIDE("12", "8", "16")
        EK_PAIRS_STORE_2(EK_PAIRS_FINISH)
        EK_PAIRS_NEXT
        EK_PAIRS_END("ek_pairs_quads_wide"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quads_wide_low")
        EK_PAIRS_ENTER
        "4:\n"
        EK_PAIRS_SUM_WIDE("12", "8", "16")
        EK_PAIRS_STORE_2(EK_PAIRS_FINISH_LOW)
        EK_PAIRS_NEXT
        EK_PAIRS_END("ek_pairs_quads_wide_low"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_widen")
        "push {r4-r7, lr}\n"
        "ldr lr, [sp, #20]\n"
        "1: ldr r7, [r1, r3]\n"
        "ldr r6, [r1], #4\n"
        "sxtab16 r5, lr, r7\n"
        "sxtab16 r7, lr, r7, ror #8\n"
        "sxtab16 r4, lr, r6\n"
        "sxtab16 r6, lr, r6, ror #8\n"
        "cmp r1, r2\n"
        "stmia r0!, {r4-r7}\n"
        "bne 1b\n"
        "pop {r4-r7, pc}\n"
        EK_PAIRS_END("ek_pairs_widen"));

__asm__(EK_PAIRS_FUNCTION("ek_pairs_quads_1")
        EK_PAIRS_ENTER
        "4: ldrd lr, r1, [sp, #12]\n"
        "ldr r12, [sp, #8]\n"
        EK_PAIRS_SUM_1("4")
        "ldr lr, [sp, #24]\n"
        "sub r5, r5, r4\n"
        "sub r7, r7, r6\n"
        EK_PAIRS_EPILOGUE
        EK_PAIRS_EVEN("r4", EK_PAIRS_FINISH)
        EK_PAIRS_EPILOGUE
        EK_PAIRS_ODD("r5", EK_PAIRS_FINISH)
        EK_PAIRS_EPILOGUE
        EK_PAIRS_EVEN("r6", EK_PAIRS_FINISH)
        EK_PAIRS_EPILOGUE
        EK_PAIRS_ODD("r7", EK_PAIRS_FINISH)
        "ldr r0, [sp, #28]\n"
        "str lr, [sp, #24]\n"
        "strb r5, [r0, #1]\n"
        "strb r6, [r0, #2]\n"
        "strb r7, [r0, #3]\n"
        "strb r4, [r0], #4\n"
        "str r0, [sp, #28]\n"
        EK_PAIRS_NEXT
        EK_PAIRS_END("ek_pairs_quads_1"));
/* clang-format on */

#undef EK_PAIRS_FUNCTION
#undef EK_PAIRS_END
#undef EK_PAIRS_WORD
#undef EK_PAIRS_BLOCK_2
#undef EK_PAIRS_SUM_2
#undef EK_PAIRS_SUM_1
#undef EK_PAIRS_HALF_WIDE
#undef EK_PAIRS_SUM_WIDE
#undef EK_PAIRS_STORE_2
#undef EK_PAIRS_FINISH
#undef EK_PAIRS_FINISH_LOW
#undef EK_PAIRS_EVEN
#undef EK_PAIRS_ODD
#undef EK_PAIRS_EPILOGUE
#undef EK_PAIRS_ENTER
#undef EK_PAIRS_NEXT

#endif

#endif
