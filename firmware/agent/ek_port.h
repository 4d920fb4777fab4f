/* ek_port.h: what a port provides to the agent. Porting to a new family is these functions and a startup file. */
#ifndef EK_PORT_H
#define EK_PORT_H

#include <stdint.h>

/* Bring up clocks, caches, the timer and the link. Called once, before anything else. */
void ek_port_init(void);

/* Read up to n bytes from the link into dst, waiting at most timeout_ms for the first one. Returns the number read,
 * 0 on timeout, negative when the link is closed for good (a process whose stdin ended). */
int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms);

/* Write all n bytes to the link; returns when they are handed to the hardware. */
void ek_port_write(const uint8_t *src, int n);

/* A free-running 32-bit tick counter, and its rate in Hz. */
uint32_t ek_port_ticks(void);
uint32_t ek_port_ticks_hz(void);

/* The core clock in Hz, 0 where it is not known. */
uint32_t ek_port_clock_hz(void);

/* The stack's memory, lowest and highest address (exclusive). Both NULL where the port cannot tell. */
void ek_port_stack(uint8_t **low, uint8_t **high);

/* A counter that survives a reset where the memory allows it, so that the host can tell that a reset happened. */
uint32_t ek_port_boot_count(void);

/* Restart the firmware. Does not return. */
_Noreturn void ek_port_reset(void);

/* Clean and invalidate data caches over a buffer that a DMA engine shares; no-ops without caches. */
void ek_port_cache_clean(const void *address, uint32_t bytes);
void ek_port_cache_invalidate(void *address, uint32_t bytes);

#endif
