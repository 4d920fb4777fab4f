/* ek_reduce.h: how reductions walk over their input, which is whole and contiguous. */
#ifndef EK_REDUCE_H
#define EK_REDUCE_H

#include "ek_types.h"

/* Channels that are reduced side by side where they lie side by side. */
#define EK_REDUCE_TILE 8

/* The first element of output row y: `rows` rows lie step[1] apart, groups of that many step[0]. */
static inline const int8_t *ek_reduce_row(const int8_t *in, int y, int32_t rows, const int32_t step[2])
{
    return in + y / rows * step[0] + y % rows * step[1];
}

#endif
