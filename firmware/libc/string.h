/* string.h: what of the C library's a freestanding image offers (agent/ek_libc.c), for libraries that include it.
 *
 * Freestanding compilers know these functions by other names alone; under theirs, a copy of four bytes would be a call.
 */
#ifndef EK_STRING_H
#define EK_STRING_H

#define memcpy __builtin_memcpy
#define memmove __builtin_memmove
#define memset __builtin_memset

#endif
