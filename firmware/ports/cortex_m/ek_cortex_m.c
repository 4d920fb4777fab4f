/* ek_cortex_m.c: the parts of ek_port.h that depend on the core alone. */
#include "ek_cortex_m.h"

#include "ek_port.h"

#define CACHE_LINE 32u

extern uint8_t __ek_stack_low[];
extern uint8_t __ek_stack_high[];

void ek_port_stack(uint8_t **low, uint8_t **high)
{
    *low = __ek_stack_low;
    *high = __ek_stack_high;
}

_Noreturn void ek_cortex_m_reset(void)
{
    ek_dsb(); /* what was written reaches memory before the reset does */
    SCB_AIRCR = SCB_AIRCR_VECTKEY | SCB_AIRCR_SYSRESETREQ;
    ek_dsb();
    for (;;) {
    }
}

#if defined(__ARM_ARCH_6M__)

void ek_port_cache_clean(const void *address, uint32_t bytes)
{
    (void)address;
    (void)bytes;
}

void ek_port_cache_invalidate(void *address, uint32_t bytes)
{
    (void)address;
    (void)bytes;
}

#else

void ek_cortex_m_enable_faults(void)
{
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    SCB_SHCSR |= SCB_SHCSR_MEMFAULTENA | SCB_SHCSR_BUSFAULTENA | SCB_SHCSR_USGFAULTENA;
    ek_dsb();
    ek_isb();
}

void ek_cortex_m_start_ticks(void)
{
    DCB_DEMCR |= DCB_DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_KEY; /* a Cortex-M7 ignores writes to the DWT until its lock is open */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

/* Weak: a port for a part without a DWT has ticks of its own. */
__attribute__((weak)) uint32_t ek_port_ticks(void)
{
    return DWT_CYCCNT;
}

/* A data cache holds garbage after power-up: every line is invalidated, by set and way, before the cache goes on. */
static void invalidate_data_cache(void)
{
    SCB_CSSELR = 0; /* level 1, data */
    ek_dsb();
    const uint32_t ccsidr = SCB_CCSIDR;
    const uint32_t last_set = ccsidr >> 13 & 0x7FFFu;
    const uint32_t last_way = ccsidr >> 3 & 0x3FFu;
    const int set_shift = (int)(ccsidr & 7u) + 4;
    const int way_shift = last_way ? __builtin_clz(last_way) : 0;
    for (uint32_t set = 0; set <= last_set; ++set) {
        for (uint32_t way = 0; way <= last_way; ++way) {
            SCB_DCISW = way << way_shift | set << set_shift;
        }
    }
    ek_dsb();
}

void ek_cortex_m_enable_caches(void)
{
    ek_dsb();
    ek_isb();
    SCB_ICIALLU = 0;
    ek_dsb();
    ek_isb();
    SCB_CCR |= SCB_CCR_IC;
    ek_dsb();
    ek_isb();

    invalidate_data_cache();
    SCB_CCR |= SCB_CCR_DC;
    ek_dsb();
    ek_isb();
}

static void each_line(volatile uint32_t *operation, const void *address, uint32_t bytes)
{
    const uint32_t first = (uint32_t)(uintptr_t)address;
    ek_dsb();
    for (uint32_t at = first & ~(CACHE_LINE - 1); at - first < bytes || at < first; at += CACHE_LINE) {
        *operation = at;
    }
    ek_dsb();
    ek_isb();
}

void ek_port_cache_clean(const void *address, uint32_t bytes)
{
    if (SCB_CCR & SCB_CCR_DC) {
        each_line(&SCB_DCCMVAC, address, bytes);
    }
}

void ek_port_cache_invalidate(void *address, uint32_t bytes)
{
    if (SCB_CCR & SCB_CCR_DC) {
        each_line(&SCB_DCIMVAC, address, bytes);
    }
}

#endif
