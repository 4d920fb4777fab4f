/* ek_fault_entry.c: save what the core stacked when it faulted, and hand it to the agent. */
#include "ek_cortex_m.h"
#include "ek_fault.h"

#include "ek_port.h"

/* Words that the core pushes on exception entry, and their order. */
enum { FRAME_LR = 5, FRAME_PC = 6, FRAME_XPSR = 7, FRAME_WORDS = 8, FRAME_WORDS_FPU = 26 };
#define XPSR_ALIGNED (1u << 9)     /* a word was skipped to align the frame */
#define EXC_RETURN_BASIC (1u << 4) /* no FPU registers in the frame */

/* The handler's own stack: a fault is often the other one's overflow. The build checks that it suffices. */
uint64_t ek_fault_stack[EK_FAULT_STACK_BYTES / 8] __attribute__((section(".noinit"), used));

extern uint32_t __ek_stack_low[];
extern uint32_t __ek_stack_high[];

void ek_fault_entry(void);
_Noreturn void ek_fault_taken(const uint32_t *frame, uint32_t exc_return);

static volatile uint32_t faults_taken;

__attribute__((used)) _Noreturn void ek_fault_taken(const uint32_t *frame, uint32_t exc_return)
{
    uint32_t ipsr;
    __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
    if (faults_taken++) {
        ek_port_reset(); /* reporting the first fault faulted */
    }
    ek_fault_t fault = {
        .sp = (uint32_t)(uintptr_t)frame,
#if !defined(__ARM_ARCH_6M__)
        .cfsr = SCB_CFSR,
        .hfsr = SCB_HFSR,
        .mmfar = SCB_MMFAR,
        .bfar = SCB_BFAR,
#endif
        .exception = ipsr & 0x1FFu,
    };
    if (frame >= __ek_stack_low && frame + FRAME_WORDS <= __ek_stack_high) {
        fault.lr = frame[FRAME_LR];
        fault.pc = frame[FRAME_PC];
        fault.xpsr = frame[FRAME_XPSR];
        fault.sp += exc_return & EXC_RETURN_BASIC ? 4u * FRAME_WORDS : 4u * FRAME_WORDS_FPU;
        fault.sp += fault.xpsr & XPSR_ALIGNED ? 4u : 0u;
    } /* else the stack overflowed and nothing was saved: pc, lr and xpsr stay 0 */
    ek_agent_fault(&fault);
}

/* Nothing is returned to, so the handler's stack starts afresh at its top. */
__attribute__((naked)) void ek_fault_entry(void)
{
    __asm__ volatile(".syntax unified\n"
                     "mov r1, lr\n"
                     "lsls r2, r1, #29\n" /* the bit that says which stack is in the sign */
                     "bmi 1f\n"
                     "mrs r0, msp\n"
                     "b 2f\n"
                     "1: mrs r0, psp\n"
                     "2: ldr r2, =ek_fault_stack + %c0\n"
                     "msr msp, r2\n"
                     "bl ek_fault_taken\n" ::"i"(EK_FAULT_STACK_BYTES));
}
