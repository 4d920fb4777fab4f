/* ek_sums.h: int32 sums in the byte storage that every tensor shares. */
#ifndef EK_SUMS_H
#define EK_SUMS_H

#include "ek_types.h"

/* Element of an int32 row; may be read and written in storage that was declared as bytes. 4-byte aligned. */
#if defined(__GNUC__) || defined(__clang__)
typedef int32_t __attribute__((may_alias)) ek_sum_t;
#else
typedef int32_t ek_sum_t;
#endif

#endif
