/* ek_types.h: what every kernel header starts from. C11, freestanding.
 *
 * A kernel computes pixels x0 .. x1-1 of one output row, all channels. `in[]` holds one pointer to pixel 0 per input
 * row; a row that lies in the true padding is NULL. `out` points to pixel 0 of the output row.
 */
#ifndef EK_TYPES_H
#define EK_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* Kernels are specialised by inlining them where their parameters are constant. */
#if defined(__GNUC__) || defined(__clang__)
#define EK_KERNEL static inline __attribute__((always_inline))
#else
#define EK_KERNEL static inline
#endif

/* Whether code is to be small rather than fast: compilers say so at -Os. */
#if defined(__OPTIMIZE_SIZE__)
#define EK_SMALL 1
#else
#define EK_SMALL 0
#endif

/* Functions of which one copy serves all layers, whatever parameters these have. */
#if defined(__clang__)
#define EK_SHARED static __attribute__((noinline, unused))
#elif defined(__GNUC__)
#define EK_SHARED static __attribute__((noinline, noclone, unused))
#else
#define EK_SHARED static inline
#endif

/* Functions that are inlined where that is faster, and have one copy where code is to be small. */
#if EK_SMALL
#define EK_HELPER EK_SHARED
#else
#define EK_HELPER static inline
#endif

/* The epilogue of one output channel: bias, then scaling by multiplier * 2^(shift - 31); shift > 0 is left. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t shift;
} ek_requant_t;

#endif
