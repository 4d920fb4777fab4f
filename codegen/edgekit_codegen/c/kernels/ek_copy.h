/* ek_copy.h: runs of bytes. Freestanding: what a compiler cannot do inline, it calls memcpy and memset for. */
#ifndef EK_COPY_H
#define EK_COPY_H

#include "ek_types.h"

/* `count` elements, which do not overlap. */
static inline void ek_copy(int8_t *to, const int8_t *from, int32_t count)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_memcpy(to, from, (size_t)count);
#else
    for (int32_t i = 0; i < count; ++i) {
        to[i] = from[i];
    }
#endif
}

/* `count` elements of one value. */
static inline void ek_fill(int8_t *to, int32_t value, int32_t count)
{
#if defined(__GNUC__) || defined(__clang__)
    __builtin_memset(to, value, (size_t)count);
#else
    for (int32_t i = 0; i < count; ++i) {
        to[i] = (int8_t)value;
    }
#endif
}

/* `count` elements that lie `step` apart. */
static inline void ek_collect(int8_t *to, const int8_t *from, int32_t step, int32_t count)
{
    if (step == 1) {
        ek_copy(to, from, count);
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        to[i] = from[i * step];
    }
}

#endif
