/* fully_connected_v6m.h: one row of int8 vectors times a constant matrix on cores of Armv6-M. */
#ifndef EK_FULLY_CONNECTED_V6M_H
#define EK_FULLY_CONNECTED_V6M_H

#include "ek_v6m.h"

/* Vectors lie side by side in one row. The input's zero point is folded into the bias. */
typedef struct {
    int32_t in_c;
    int32_t out_c;
    int32_t words; /* of epilogues as ek_v6m_scale has them, for outputs that are clamped to int8 and no further; 0
                    * where they are ek_requant_t */
    int32_t centre;
    int32_t out_zero;
    int32_t act_min;
    int32_t act_max;
} ek_fully_connected_v6m_t;

/* Output channels computed at once; their weights, + 128, are interleaved. */
#define EK_V6M_TILE 4

/* A tile of channels. */
typedef struct {
    const int8_t *x;
    const int8_t *end;
    const uint8_t *w;
    int32_t start; /* -128 times the sum of the inputs */
    int32_t skip;  /* what the inputs lack of a multiple of 4 */
    int32_t sum[EK_V6M_TILE];
} ek_v6m_dot_t;

#if EK_V6M

/* The sums of a tile: 14 instructions an input. */
void ek_v6m_dot(ek_v6m_dot_t *t);

/* clang-format off */
#define EK_V6M_CHANNEL(weight, sum)                                                                                    \
    "ldrb r4, [r1, #" weight "]\n"                                                                                     \
    "muls r4, r3, r4\n"                                                                                                \
    "add " sum ", r4\n"
#define EK_V6M_INPUT(index, a, b, c, d)                                                                                \
    "ldrsb r3, [r0, " index "]\n"                                                                                      \
    EK_V6M_CHANNEL(a, "r8")                                                                                            \
    EK_V6M_CHANNEL(b, "r9")                                                                                            \
    EK_V6M_CHANNEL(c, "r10")                                                                                           \
    EK_V6M_CHANNEL(d, "r11")
__asm__(
    EK_V6M_FUNCTION("ek_v6m_dot")
    EK_V6M_PUSH
    "ldmia r0!, {r1, r2, r3, r4, r5}\n"
    "push {r0}\n"
    "mov r12, r2\n"
    "mov r8, r4\n"
    "mov r9, r4\n"
    "mov r10, r4\n"
    "mov r11, r4\n"
    "subs r0, r1, r5\n"
    "lsls r1, r5, #2\n"
    "subs r1, r3, r1\n"
    "adr r4, 1f\n"
    "movs r3, #26\n"
    "muls r3, r5, r3\n"
    "adds r4, r4, r3\n"
    "adds r4, r4, #1\n"
    "mov lr, r4\n"
    "movs r2, #0\n"
    "movs r5, #1\n"
    "movs r6, #2\n"
    "movs r7, #3\n"
    "bx lr\n"
    ".balign 4\n"
    "1:\n"
    EK_V6M_INPUT("r2", "0", "1", "2", "3")
    EK_V6M_INPUT("r5", "4", "5", "6", "7")
    EK_V6M_INPUT("r6", "8", "9", "10", "11")
    EK_V6M_INPUT("r7", "12", "13", "14", "15")
    "adds r0, r0, #4\n"
    "adds r1, r1, #16\n"
    "cmp r0, r12\n"
    "bne 1b\n"
    "pop {r0}\n"
    "mov r4, r8\n"
    "mov r5, r9\n"
    "mov r6, r10\n"
    "mov r7, r11\n"
    "stmia r0!, {r4, r5, r6, r7}\n"
    EK_V6M_POP
    EK_V6M_END("ek_v6m_dot"));
/* clang-format on */

#undef EK_V6M_CHANNEL
#undef EK_V6M_INPUT

#else

static inline void ek_v6m_dot(ek_v6m_dot_t *t)
{
    const uint8_t *w = t->w;
    for (int i = 0; i < EK_V6M_TILE; ++i) {
        t->sum[i] = t->start;
    }
    for (const int8_t *x = t->x; x != t->end; ++x) {
        for (int i = 0; i < EK_V6M_TILE; ++i) {
            t->sum[i] += *x * *w++;
        }
    }
}

#endif

/* One vector. One copy serves all layers. */
EK_SHARED void ek_fully_connected_v6m_vector(const ek_fully_connected_v6m_t *p, const int8_t *x, int8_t *dst,
                                             const void *w)
{
    const int32_t *q = w;
    const int words = p->words != 0 ? p->words : (int)(sizeof(ek_requant_t) / sizeof(int32_t));
    ek_v6m_dot_t t = {.x = x, .end = x + p->in_c, .w = (const uint8_t *)(q + p->out_c * words), .skip = -p->in_c & 3};
    int32_t sum = 0;
    for (const int8_t *at = x; at != t.end; ++at) {
        sum += *at;
    }
    t.start = sum * -128;
    for (int oc = 0; oc < p->out_c; oc += EK_V6M_TILE, t.w += p->in_c * EK_V6M_TILE) {
        ek_v6m_dot(&t);
        for (int i = 0; i < EK_V6M_TILE && oc + i < p->out_c; ++i, q += words) {
            const ek_requant_t *const plain = (const ek_requant_t *)(const void *)q;
            dst[oc + i] = p->words != 0 ? ek_v6m_scale(t.sum[i], q, words, p->centre)
                                        : ek_finish(t.sum[i], plain, p->out_zero, p->act_min, p->act_max);
        }
    }
}

/* Vectors x0 .. x1-1 in ascending order. Weights: epilogues, then tiles of EK_V6M_TILE output channels over [in_c];
 * channels that the layer does not have are 0. */
EK_KERNEL void ek_fully_connected_v6m_row(const ek_fully_connected_v6m_t *p, const int8_t *const in[], int8_t *out,
                                          int x0, int x1, const void *w, const ek_requant_t *q, void *scratch)
{
    (void)q;
    (void)scratch;
    for (int x = x0; x < x1; ++x) {
        ek_fully_connected_v6m_vector(p, in[0] + x * p->in_c, out + x * p->out_c, w);
    }
}

#endif
