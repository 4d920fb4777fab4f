/* ek_cortex_m.h: what every Cortex-M port shares: start-up, faults, the cycle counter, caches and reset.
 *
 * A port for a family includes this, implements the rest of ek_port.h (clocks and the link), and is compiled with
 *   EK_N_INTERRUPTS   external interrupts of the part; the vector table covers them all
 * Registers are named as the Armv7-M architecture names them. Armv6-M has neither faults of their own kinds nor, on
 * most parts, a cycle counter: there ek_port_ticks is the port's.
 */
#ifndef EK_CORTEX_M_H
#define EK_CORTEX_M_H

#include <stdint.h>

#define EK_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* System control block. */
#define SCB_VTOR EK_REGISTER(0xE000ED08u)
#define SCB_AIRCR EK_REGISTER(0xE000ED0Cu)
#define SCB_AIRCR_VECTKEY (0x05FAu << 16)
#define SCB_AIRCR_SYSRESETREQ (1u << 2)
#define SCB_CCR EK_REGISTER(0xE000ED14u)
#define SCB_CCR_DIV_0_TRP (1u << 4)
#define SCB_CCR_DC (1u << 16)
#define SCB_CCR_IC (1u << 17)
#define SCB_SHCSR EK_REGISTER(0xE000ED24u)
#define SCB_SHCSR_MEMFAULTENA (1u << 16)
#define SCB_SHCSR_BUSFAULTENA (1u << 17)
#define SCB_SHCSR_USGFAULTENA (1u << 18)
#define SCB_CFSR EK_REGISTER(0xE000ED28u)
#define SCB_HFSR EK_REGISTER(0xE000ED2Cu)
#define SCB_MMFAR EK_REGISTER(0xE000ED34u)
#define SCB_BFAR EK_REGISTER(0xE000ED38u)

/* Level 1 caches, where the core has them. */
#define SCB_CCSIDR EK_REGISTER(0xE000ED80u)
#define SCB_CSSELR EK_REGISTER(0xE000ED84u)
#define SCB_ICIALLU EK_REGISTER(0xE000EF50u)
#define SCB_DCIMVAC EK_REGISTER(0xE000EF5Cu)
#define SCB_DCISW EK_REGISTER(0xE000EF60u)
#define SCB_DCCMVAC EK_REGISTER(0xE000EF68u)

/* Debug and trace: the cycle counter. */
#define DCB_DEMCR EK_REGISTER(0xE000EDFCu)
#define DCB_DEMCR_TRCENA (1u << 24)
#define DWT_CTRL EK_REGISTER(0xE0001000u)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT EK_REGISTER(0xE0001004u)
#define DWT_LAR EK_REGISTER(0xE0001FB0u)
#define DWT_LAR_KEY 0xC5ACCE55u

static inline void ek_dsb(void)
{
    __asm__ volatile("dsb" ::: "memory");
}

static inline void ek_isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

#if !defined(__ARM_ARCH_6M__)
/* Report memory, bus and usage faults as themselves rather than as a HardFault, and a division by zero at all. */
void ek_cortex_m_enable_faults(void);

/* Start the cycle counter that ek_port_ticks reads. */
void ek_cortex_m_start_ticks(void);

/* Invalidate and switch on both level 1 caches. Only for cores that have them. */
void ek_cortex_m_enable_caches(void);
#endif

/* Ask the part for a system reset. */
_Noreturn void ek_cortex_m_reset(void);

#endif
