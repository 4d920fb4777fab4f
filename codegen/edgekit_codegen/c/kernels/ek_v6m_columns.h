/* ek_v6m_columns.h: a 3x3 window that slides along a row, one channel after the other, on cores of Armv6-M.
 *
 * A column of inputs is read once and multiplied into the pixels that it belongs to. What is padding has the input's
 * zero point; the weights of a missing row are left out, and what they would add is there from the begin.
 */
#ifndef EK_V6M_COLUMNS_H
#define EK_V6M_COLUMNS_H

#include "ek_v6m.h"

/* Bytes of a channel's weights behind its epilogue, three of which are none. */
#define EK_V6M_COLUMNS_WEIGHTS 12

#if EK_V6M

/* A strip of a row. Columns are counted from the first pixel's window; the first and the last one may be padding. */
typedef struct {
    const int8_t *row[3]; /* behind the last column that pixels other than one with `right` read; any where missing */
    int8_t *out;          /* the first pixel's output */
    int32_t channels;
    const int8_t *w; /* epilogue and weights, channel by channel */
    int32_t first;   /* from there back to column 0 */
    int32_t step;    /* from one column to the next: the channels */
    int32_t left;    /* whether column 0 is padding */
    int32_t right;   /* whether the last column is padding */
    int32_t missing; /* rows that are padding: bit ky; never row 1 */
    int32_t zero;
    int32_t centre;
} ek_v6m_columns_t;

/* Stride 1 and 2, for epilogues of so many words. */
void ek_v6m_columns_1_3(const ek_v6m_columns_t *strip);
void ek_v6m_columns_1_4(const ek_v6m_columns_t *strip);
void ek_v6m_columns_1_5(const ek_v6m_columns_t *strip);
void ek_v6m_columns_2_3(const ek_v6m_columns_t *strip);
void ek_v6m_columns_2_4(const ek_v6m_columns_t *strip);
void ek_v6m_columns_2_5(const ek_v6m_columns_t *strip);

/* clang-format off */
/* r0 r1 r2 rows, r3 from the end to the column, r8 r9 r10 sums, r11 what a sum begins with, r12 the step, lr the output;
 * on the stack nine weights, an epilogue of up to five words, then the strip from `out` on */
#define EK_V6M_PRODUCT(weight, sum)                                                                                    \
    "ldr r5, [sp, #" weight "]\n"                                                                                      \
    "muls r5, r4, r5\n"                                                                                                \
    "add " sum ", r5\n"
#define EK_V6M_PRODUCT_LAST(weight, sum)                                                                               \
    "ldr r5, [sp, #" weight "]\n"                                                                                      \
    "muls r4, r5, r4\n"                                                                                                \
    "add " sum ", r4\n"
#define EK_V6M_COLUMN_0(sum)                                                                                           \
    "ldrsb r4, [r0, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("0", sum)                                                                                      \
    "ldrsb r4, [r1, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("12", sum)                                                                                     \
    "ldrsb r4, [r2, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("24", sum)
#define EK_V6M_COLUMN_1(sum)                                                                                           \
    "ldrsb r4, [r0, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("4", sum)                                                                                      \
    "ldrsb r4, [r1, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("16", sum)                                                                                     \
    "ldrsb r4, [r2, r3]\n"                                                                                             \
    EK_V6M_PRODUCT_LAST("28", sum)
#define EK_V6M_COLUMN_10(one, zero)                                                                                    \
    "ldrsb r4, [r0, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("4", one)                                                                                           \
    EK_V6M_PRODUCT_LAST("0", zero)                                                                                     \
    "ldrsb r4, [r1, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("16", one)                                                                                          \
    EK_V6M_PRODUCT_LAST("12", zero)                                                                                    \
    "ldrsb r4, [r2, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("28", one)                                                                                          \
    EK_V6M_PRODUCT_LAST("24", zero)
#define EK_V6M_COLUMN_20(two, zero)                                                                                    \
    "ldrsb r4, [r0, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("8", two)                                                                                           \
    EK_V6M_PRODUCT_LAST("0", zero)                                                                                     \
    "ldrsb r4, [r1, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("20", two)                                                                                          \
    EK_V6M_PRODUCT_LAST("12", zero)                                                                                    \
    "ldrsb r4, [r2, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("32", two)                                                                                          \
    EK_V6M_PRODUCT_LAST("24", zero)
#define EK_V6M_COLUMN_210(two, one, zero)                                                                              \
    "ldrsb r4, [r0, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("8", two)                                                                                           \
    EK_V6M_PRODUCT("4", one)                                                                                           \
    EK_V6M_PRODUCT_LAST("0", zero)                                                                                     \
    "ldrsb r4, [r1, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("20", two)                                                                                          \
    EK_V6M_PRODUCT("16", one)                                                                                          \
    EK_V6M_PRODUCT_LAST("12", zero)                                                                                    \
    "ldrsb r4, [r2, r3]\n"                                                                                             \
    EK_V6M_PRODUCT("32", two)                                                                                          \
    EK_V6M_PRODUCT("28", one)                                                                                          \
    EK_V6M_PRODUCT_LAST("24", zero)
/* A column that is padding, of which three weights are given */
#define EK_V6M_COLUMN_PADDING(a, b, c, sum)                                                                            \
    "ldr r4, [sp, #" a "]\n"                                                                                           \
    "ldr r5, [sp, #" b "]\n"                                                                                           \
    "adds r4, r4, r5\n"                                                                                                \
    "ldr r5, [sp, #" c "]\n"                                                                                           \
    "adds r4, r4, r5\n"                                                                                                \
    "ldr r5, [sp, #88]\n"                                                                                              \
    "muls r4, r5, r4\n"                                                                                                \
    "add " sum ", r4\n"
/* Without a row, of which three weights are given */
#define EK_V6M_ROW_MISSING(a, b, c)                                                                                    \
    EK_V6M_COLUMN_PADDING(a, b, c, "r11")                                                                              \
    "movs r4, #0\n"                                                                                                    \
    "str r4, [sp, #" a "]\n"                                                                                           \
    "str r4, [sp, #" b "]\n"                                                                                           \
    "str r4, [sp, #" c "]\n"

/* The sum r4 by the epilogue */
#define EK_V6M_COLUMNS_SCALE_3                                                                                         \
    "ldr r6, [sp, #44]\n"                                                                                              \
    "asrs r5, r6, #8\n"                                                                                                \
    "muls r5, r4, r5\n"                                                                                                \
    "asrs r5, r5, #12\n"                                                                                               \
    "ldr r7, [sp, #40]\n"                                                                                              \
    "muls r4, r7, r4\n"                                                                                                \
    "adds r4, r4, r5\n"                                                                                                \
    "ldr r7, [sp, #36]\n"                                                                                              \
    "adds r4, r4, r7\n"                                                                                                \
    "asrs r4, r4, r6\n"
#define EK_V6M_COLUMNS_DIGITS                                                                                          \
    "ldr r7, [sp, #48]\n"                                                                                              \
    "asrs r5, r7, #8\n"                                                                                                \
    "muls r5, r4, r5\n"                                                                                                \
    "asrs r5, r5, #10\n"                                                                                               \
    "ldr r6, [sp, #44]\n"                                                                                              \
    "muls r6, r4, r6\n"                                                                                                \
    "adds r5, r5, r6\n"                                                                                                \
    "asrs r5, r5, #10\n"                                                                                               \
    "ldr r6, [sp, #40]\n"                                                                                              \
    "muls r4, r6, r4\n"                                                                                                \
    "adds r4, r4, r5\n"                                                                                                \
    "ldr r6, [sp, #36]\n"                                                                                              \
    "adds r4, r4, r6\n"
#define EK_V6M_COLUMNS_SCALE_4                                                                                         \
    EK_V6M_COLUMNS_DIGITS                                                                                              \
    "asrs r4, r4, r7\n"
#define EK_V6M_COLUMNS_SCALE_5                                                                                         \
    EK_V6M_COLUMNS_DIGITS                                                                                              \
    "asrs r5, r4, #31\n"                                                                                               \
    "ldr r6, [sp, #52]\n"                                                                                              \
    "ands r5, r5, r6\n"                                                                                                \
    "subs r4, r4, r5\n"                                                                                                \
    "ldr r6, [sp, #92]\n"                                                                                              \
    "lsls r6, r6, r7\n"                                                                                                \
    "asrs r6, r6, #1\n"                                                                                                \
    "adds r4, r4, r6\n"                                                                                                \
    "asrs r4, r4, r7\n"
#define EK_V6M_COLUMNS_TABLE_3(four, five)
#define EK_V6M_COLUMNS_TABLE_4(four, five) four
#define EK_V6M_COLUMNS_TABLE_5(four, five) four five

/* The pixel whose sum is in r8; the next two move up. */
#define EK_V6M_COLUMNS_FINISH(scale)                                                                                   \
    "mov r4, r8\n"                                                                                                     \
    scale                                                                                                              \
    EK_V6M_CLAMP("r4", "r5")                                                                                           \
    "mov r5, lr\n"                                                                                                     \
    "strb r4, [r5]\n"                                                                                                  \
    "add lr, r12\n"                                                                                                    \
    "mov r8, r9\n"                                                                                                     \
    "mov r9, r10\n"                                                                                                    \
    "mov r10, r11\n"

#define EK_V6M_WEIGHTS(registers)                                                                                      \
    "ldrsb r6, [r4, r3]\n"                                                                                             \
    "adds r3, r3, #1\n"                                                                                                \
    "ldrsb r7, [r4, r3]\n"                                                                                             \
    "adds r3, r3, #1\n"                                                                                                \
    "stmia r5!, {" registers "}\n"

/* From the entry to where column 0 is in the first sum */
#define EK_V6M_COLUMNS_BEGIN(name, table)                                                                              \
    EK_V6M_FUNCTION(name)                                                                                              \
    EK_V6M_PUSH                                                                                                        \
    "sub sp, #96\n"                                                                                                   \
    "movs r1, r0\n"                                                                                                    \
    "adds r1, r1, #12\n"                                                                                               \
    "mov r2, sp\n"                                                                                                     \
    "adds r2, r2, #56\n"                                                                                               \
    "ldmia r1!, {r3, r4, r5, r6, r7}\n"                                                                                \
    "stmia r2!, {r3, r4, r5, r6, r7}\n"                                                                                \
    "mov r12, r7\n"                                                                                                    \
    "ldmia r1!, {r3, r4, r5, r6, r7}\n"                                                                                \
    "stmia r2!, {r3, r4, r5, r6, r7}\n"                                                                                \
    "ldmia r0!, {r1, r2, r3}\n"                                                                                        \
    "movs r0, r1\n"                                                                                                    \
    "movs r1, r2\n"                                                                                                    \
    "movs r2, r3\n"                                                                                                    \
    "1:\n"                                                                                                             \
    "ldr r4, [sp, #64]\n"                                                                                              \
    "mov r5, sp\n"                                                                                                     \
    "adds r5, r5, #36\n"                                                                                               \
    "ldmia r4!, {r3, r6, r7}\n"                                                                                        \
    "stmia r5!, {r3, r6, r7}\n"                                                                                        \
    table("ldmia r4!, {r3}\n"                                                                                          \
          "stmia r5!, {r3}\n", "ldmia r4!, {r3}\n"                                                                     \
                               "stmia r5!, {r3}\n")                                                                     \
    "mov r5, sp\n"                                                                                                     \
    "movs r3, #0\n"                                                                                                    \
    EK_V6M_WEIGHTS("r6, r7")                                                                                           \
    EK_V6M_WEIGHTS("r6, r7")                                                                                           \
    EK_V6M_WEIGHTS("r6, r7")                                                                                           \
    EK_V6M_WEIGHTS("r6, r7")                                                                                           \
    "ldrsb r6, [r4, r3]\n"                                                                                             \
    "str r6, [r5]\n"                                                                                                   \
    "adds r4, r4, #12\n"                                                                                               \
    "str r4, [sp, #64]\n"                                                                                              \
    "movs r4, #0\n"                                                                                                    \
    "mov r11, r4\n"                                                                                                    \
    "ldr r3, [sp, #84]\n"                                                                                              \
    "cmp r3, #0\n"                                                                                                     \
    "beq 3f\n"                                                                                                         \
    "lsrs r6, r3, #1\n"                                                                                                \
    "bcc 2f\n"                                                                                                         \
    EK_V6M_ROW_MISSING("0", "4", "8")                                                                                  \
    "2: lsrs r6, r3, #3\n"                                                                                             \
    "bcc 3f\n"                                                                                                         \
    EK_V6M_ROW_MISSING("24", "28", "32")                                                                               \
    "3:\n"                                                                                                             \
    "mov r8, r11\n"                                                                                                    \
    "mov r9, r11\n"                                                                                                    \
    "mov r10, r11\n"                                                                                                   \
    "ldr r3, [sp, #56]\n"                                                                                              \
    "mov lr, r3\n"                                                                                                     \
    "ldr r3, [sp, #76]\n"                                                                                              \
    "cmp r3, #0\n"                                                                                                     \
    "ldr r3, [sp, #68]\n"                                                                                              \
    "beq 5f\n"                                                                                                         \
    EK_V6M_COLUMN_PADDING("0", "12", "24", "r8")                                                                       \
    "b 6f\n"                                                                                                           \
    "5:\n"                                                                                                             \
    EK_V6M_COLUMN_0("r8")                                                                                              \
    "6:\n"                                                                                                             \
    "add r3, r12\n"

/* The next channel */
#define EK_V6M_COLUMNS_END(name)                                                                                       \
    "adds r0, r0, #1\n"                                                                                                \
    "adds r1, r1, #1\n"                                                                                                \
    "adds r2, r2, #1\n"                                                                                                \
    "ldr r4, [sp, #56]\n"                                                                                              \
    "adds r4, r4, #1\n"                                                                                                \
    "str r4, [sp, #56]\n"                                                                                              \
    "ldr r4, [sp, #60]\n"                                                                                              \
    "subs r4, r4, #1\n"                                                                                                \
    "str r4, [sp, #60]\n"                                                                                              \
    "beq 1f\n"                                                                                                         \
    "b 1b\n"                                                                                                           \
    "1:\n"                                                                                                             \
    "add sp, #96\n"                                                                                                   \
    EK_V6M_POP                                                                                                         \
    EK_V6M_END(name)

#define EK_V6M_COLUMNS_STRIDE_1(name, table, scale)                                                                    \
    EK_V6M_COLUMNS_BEGIN(name, table)                                                                                  \
    EK_V6M_COLUMN_10("r8", "r9")                                                                                       \
    "add r3, r12\n"                                                                                                    \
    "b 8f\n"                                                                                                           \
    "7:\n"                                                                                                             \
    EK_V6M_COLUMN_210("r8", "r9", "r10")                                                                               \
    EK_V6M_COLUMNS_FINISH(scale)                                                                                       \
    "add r3, r12\n"                                                                                                    \
    "8: cmp r3, #0\n"                                                                                                  \
    "bne 7b\n"                                                                                                         \
    "ldr r4, [sp, #80]\n"                                                                                              \
    "cmp r4, #0\n"                                                                                                     \
    "beq 9f\n"                                                                                                         \
    EK_V6M_COLUMN_PADDING("8", "20", "32", "r8")                                                                       \
    EK_V6M_COLUMNS_FINISH(scale)                                                                                       \
    "9:\n"                                                                                                             \
    EK_V6M_COLUMNS_END(name)

#define EK_V6M_COLUMNS_STRIDE_2(name, table, scale)                                                                    \
    EK_V6M_COLUMNS_BEGIN(name, table)                                                                                  \
    "b 8f\n"                                                                                                           \
    "7:\n"                                                                                                             \
    EK_V6M_COLUMN_1("r8")                                                                                              \
    "add r3, r12\n"                                                                                                    \
    EK_V6M_COLUMN_20("r8", "r9")                                                                                       \
    EK_V6M_COLUMNS_FINISH(scale)                                                                                       \
    "add r3, r12\n"                                                                                                    \
    "8: cmp r3, #0\n"                                                                                                  \
    "bne 7b\n"                                                                                                         \
    "ldr r4, [sp, #80]\n"                                                                                              \
    "cmp r4, #0\n"                                                                                                     \
    "beq 9f\n"                                                                                                         \
    EK_V6M_COLUMN_1("r8")                                                                                              \
    EK_V6M_COLUMN_PADDING("8", "20", "32", "r8")                                                                       \
    EK_V6M_COLUMNS_FINISH(scale)                                                                                       \
    "9:\n"                                                                                                             \
    EK_V6M_COLUMNS_END(name)

__asm__(EK_V6M_COLUMNS_STRIDE_1("ek_v6m_columns_1_3", EK_V6M_COLUMNS_TABLE_3, EK_V6M_COLUMNS_SCALE_3));
__asm__(EK_V6M_COLUMNS_STRIDE_1("ek_v6m_columns_1_4", EK_V6M_COLUMNS_TABLE_4, EK_V6M_COLUMNS_SCALE_4));
__asm__(EK_V6M_COLUMNS_STRIDE_1("ek_v6m_columns_1_5", EK_V6M_COLUMNS_TABLE_5, EK_V6M_COLUMNS_SCALE_5));
__asm__(EK_V6M_COLUMNS_STRIDE_2("ek_v6m_columns_2_3", EK_V6M_COLUMNS_TABLE_3, EK_V6M_COLUMNS_SCALE_3));
__asm__(EK_V6M_COLUMNS_STRIDE_2("ek_v6m_columns_2_4", EK_V6M_COLUMNS_TABLE_4, EK_V6M_COLUMNS_SCALE_4));
__asm__(EK_V6M_COLUMNS_STRIDE_2("ek_v6m_columns_2_5", EK_V6M_COLUMNS_TABLE_5, EK_V6M_COLUMNS_SCALE_5));
/* clang-format on */

#undef EK_V6M_PRODUCT
#undef EK_V6M_PRODUCT_LAST
#undef EK_V6M_COLUMN_0
#undef EK_V6M_COLUMN_1
#undef EK_V6M_COLUMN_10
#undef EK_V6M_COLUMN_20
#undef EK_V6M_COLUMN_210
#undef EK_V6M_COLUMN_PADDING
#undef EK_V6M_ROW_MISSING
#undef EK_V6M_COLUMNS_SCALE_3
#undef EK_V6M_COLUMNS_SCALE_4
#undef EK_V6M_COLUMNS_SCALE_5
#undef EK_V6M_COLUMNS_DIGITS
#undef EK_V6M_COLUMNS_TABLE_3
#undef EK_V6M_COLUMNS_TABLE_4
#undef EK_V6M_COLUMNS_TABLE_5
#undef EK_V6M_COLUMNS_FINISH
#undef EK_V6M_WEIGHTS
#undef EK_V6M_COLUMNS_BEGIN
#undef EK_V6M_COLUMNS_END
#undef EK_V6M_COLUMNS_STRIDE_1
#undef EK_V6M_COLUMNS_STRIDE_2

#endif

#endif
