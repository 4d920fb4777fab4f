#include "ek_memory.h"

#include "ek_port.h"
#include "ek_protocol.h"

/* Left unpainted below the frame that paints: room for what it calls. */
#define STACK_MARGIN 64

void ek_memory_paint(uint8_t *base, uint32_t n)
{
    /* Volatile, so that no compiler makes it a call of memset, which would run on the stack being painted. */
    volatile uint8_t *bytes = base;
    for (uint32_t i = 0; i < n; ++i) {
        bytes[i] = EK_PAINT;
    }
}

uint32_t ek_memory_high_water(const uint8_t *base, uint32_t n)
{
    while (n > 0 && base[n - 1] == EK_PAINT) {
        --n;
    }
    return n;
}

void ek_memory_paint_stack(void)
{
    uint8_t *low = 0;
    uint8_t *high = 0;
    ek_port_stack(&low, &high);
    uint8_t *const here = (uint8_t *)__builtin_frame_address(0);
    if (low && here > low + STACK_MARGIN && here <= high) {
        ek_memory_paint(low, (uint32_t)(here - low) - STACK_MARGIN);
    }
}

void ek_memory_stack(uint32_t *used, uint32_t *size)
{
    uint8_t *low = 0;
    uint8_t *high = 0;
    ek_port_stack(&low, &high);
    if (!low) {
        *used = 0;
        *size = 0;
        return;
    }
    const uint8_t *touched = low;
    while (touched < high && *touched == EK_PAINT) {
        ++touched;
    }
    *size = (uint32_t)(high - low);
    *used = (uint32_t)(high - touched);
}
