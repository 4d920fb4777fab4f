/* ek_memory.h: how much memory was touched, found by painting it first. */
#ifndef EK_MEMORY_H
#define EK_MEMORY_H

#include <stdint.h>

/* Fill n bytes with EK_PAINT. */
void ek_memory_paint(uint8_t *base, uint32_t n);

/* Bytes from base to the highest one that is no longer EK_PAINT, inclusive; 0 when none was touched. A buffer whose
 * last bytes hold EK_PAINT by chance reads that much lower. */
uint32_t ek_memory_high_water(const uint8_t *base, uint32_t n);

/* Paint the stack below the caller's frame. Once, early in main. */
void ek_memory_paint_stack(void);

/* The stack's bytes and the most of them in use since it was painted; both 0 where the port cannot tell. */
void ek_memory_stack(uint32_t *used, uint32_t *size);

#endif
