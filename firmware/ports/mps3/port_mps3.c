/* port_mps3.c: Arm's MPS3 board with the FPGA image AN547 (Cortex-M55 in an SSE-300 subsystem), as QEMU models it.
 * The core starts in the Secure state and stays in it, so all addresses here are the Secure ones. The link is UART 0.
 * QEMU models no cycle counter, so the ticks are those of the system counter.
 */
#include "ek_cmsdk.h"
#include "ek_port.h"

#define SYSTEM_COUNTER_CNTCR EK_REGISTER(0x58100000u)
#define SYSTEM_COUNTER_CNTCR_EN (1u << 0)
#define SYSTEM_COUNTER_CNTCV_LOW EK_REGISTER(0x58100008u)

#define S32K_TIMER_BASE 0x5802F000u /* a CMSDK APB timer, clocked at 32 kHz */
#define WAKE_TICKS 8u

#define UART0_BASE 0x59303000u
#define UART_CLOCK_HZ 25000000u /* the peripherals', not the core's */

_Static_assert(UART_CLOCK_HZ / EK_UART_BAUD >= 16, "the UART divides its clock by no less than 16");

void ek_port_init(void)
{
    ek_cmsdk_start_link(UART0_BASE, UART_CLOCK_HZ / EK_UART_BAUD, S32K_TIMER_BASE, WAKE_TICKS);
    SYSTEM_COUNTER_CNTCR = SYSTEM_COUNTER_CNTCR_EN;
}

uint32_t ek_port_ticks(void)
{
    return SYSTEM_COUNTER_CNTCV_LOW;
}
