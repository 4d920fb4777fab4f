/* ek_fault.h: what a port hands over when the processor faults. */
#ifndef EK_FAULT_H
#define EK_FAULT_H

#include <stdint.h>

/* Registers at the fault, as the core saved them; a port leaves 0 where its core has no such register. */
typedef struct {
    uint32_t pc;        /* the instruction that faulted */
    uint32_t lr;        /* the interrupted code's link register */
    uint32_t sp;        /* the interrupted code's stack pointer */
    uint32_t xpsr;      /* the interrupted code's program status */
    uint32_t cfsr;      /* Armv7-M and Armv8-M CFSR */
    uint32_t hfsr;      /* HFSR */
    uint32_t mmfar;     /* MMFAR, valid where CFSR.MMARVALID is set */
    uint32_t bfar;      /* BFAR, valid where CFSR.BFARVALID is set */
    uint32_t exception; /* IPSR's exception number (3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault); a signal number
                           in a process */
} ek_fault_t;

/* Report the fault to the host and answer every further command with the same report, until a RESET restarts the
 * firmware. Called by the port's fault handler, with a stack that works (about 200 bytes). Uses ek_port_read and
 * ek_port_write, which therefore must poll: no interrupt of a lower priority runs while a fault is handled. */
_Noreturn void ek_agent_fault(const ek_fault_t *fault);

#endif
