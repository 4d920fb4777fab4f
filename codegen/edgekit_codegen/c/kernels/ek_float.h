/* ek_float.h: float32 elements in the byte storage that every tensor shares. */
#ifndef EK_FLOAT_H
#define EK_FLOAT_H

#include "ek_types.h"

/* Element of a float32 row; may be read and written in storage that was declared as bytes. 4-byte aligned. */
#if defined(__GNUC__) || defined(__clang__)
typedef float __attribute__((may_alias)) ek_float_t;
#else
typedef float ek_float_t;
#endif

#endif
