/* ek_startup.c: from reset to main, and the vector table. */
#include "ek_cortex_m.h"

#include "ek_port.h"

#if !defined(__ARM_ARCH) || (__ARM_ARCH < 7 && !defined(__ARM_ARCH_6M__)) || defined(__ARM_ARCH_8M_BASE__)
#error "this start-up code is for Armv6-M, Armv7-M and Armv8-M Mainline"
#endif

#define BOOT_MAGIC 0x656B6263u

extern uint32_t __ek_stack_high[];
extern const uint32_t __ek_code_load[];
extern uint32_t __ek_code_start[];
extern uint32_t __ek_code_end[];
extern const uint32_t __ek_data_load[];
extern uint32_t __ek_data_start[];
extern uint32_t __ek_data_end[];
extern uint32_t __ek_bss_start[];
extern uint32_t __ek_bss_end[];

int main(void);
_Noreturn void ek_reset(void);
_Noreturn void ek_start(void);
void ek_fault_entry(void);

/* Survives a reset: start-up neither clears nor loads .noinit. The complement tells it from power-up's random bits. */
static struct {
    uint32_t magic;
    uint32_t count;
    uint32_t complement;
} boot __attribute__((section(".noinit")));

uint32_t ek_port_boot_count(void)
{
    return boot.count;
}

/* Runs with the caches off, so that the count is in the memory itself when the next reset drops what they hold. */
static void count_boot(void)
{
    const int known = boot.magic == BOOT_MAGIC && boot.count == ~boot.complement;
    boot.count = known ? boot.count + 1 : 1;
    boot.complement = ~boot.count;
    boot.magic = BOOT_MAGIC;
}

static void copy(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    while (to < end) {
        *to++ = *from++;
    }
}

__attribute__((used)) _Noreturn void ek_start(void)
{
    copy(__ek_code_start, __ek_code_end, __ek_code_load);
    ek_dsb(); /* the copied code is in its memory, and nothing of it was fetched before */
    ek_isb();
    copy(__ek_data_start, __ek_data_end, __ek_data_load);
    for (uint32_t *to = __ek_bss_start; to < __ek_bss_end; ++to) {
        *to = 0;
    }
    count_boot();
#if !defined(__ARM_ARCH_6M__)
    ek_cortex_m_enable_faults();
#endif
    main();
    ek_port_reset();
}

/* The stack pointer and VTOR are set again here for images that a debugger or a boot loader starts by a jump; a
 * Cortex-M0 has no VTOR. The FPU goes on (full access to CP10 and CP11 in CPACR), and MVE with it, before any compiled
 * code runs, which may use its registers. */
__attribute__((naked)) _Noreturn void ek_reset(void)
{
    __asm__ volatile("ldr r0, =__ek_stack_high\n"
                     "msr msp, r0\n"
                     "ldr r0, =__ek_vectors\n"
                     "ldr r1, =0xE000ED08\n" /* VTOR */
                     "str r0, [r1]\n"
#if defined(__ARM_FP)
                     "ldr r1, =0xE000ED88\n" /* CPACR */
                     "ldr r0, [r1]\n"
                     "orr r0, r0, #0xF00000\n"
                     "str r0, [r1]\n"
#endif
                     "dsb\n"
                     "isb\n"
                     "bl ek_start\n"); /* B does not reach everywhere on Armv6-M */
}

/* No interrupt is ever enabled, so whatever arrives here besides a reset is a fault and reported as one. */
typedef struct {
    uint32_t *stack;
    void (*handler[15 + EK_N_INTERRUPTS])(void);
} vectors_t;

__attribute__((section(".vectors"), used)) const vectors_t ek_vectors = {
    .stack = __ek_stack_high,
    .handler =
        {
            [0] = ek_reset,
            [1 ... 14 + EK_N_INTERRUPTS] = ek_fault_entry, /* NMI, HardFault, MemManage, BusFault, UsageFault, ... */
        },
};
