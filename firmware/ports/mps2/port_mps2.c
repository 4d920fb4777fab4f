/* port_mps2.c: Arm's MPS2 boards with the FPGA images AN386 (Cortex-M4) and AN500 (Cortex-M7), as QEMU models them.
 * The link is UART 0. QEMU models no DWT, so the ticks are those of timer 0.
 */
#include "ek_cmsdk.h"
#include "ek_port.h"

#define TIMER0_BASE 0x40000000u
#define TIMER1_BASE 0x40001000u
#define UART0_BASE 0x40004000u
#define WAKE_TICKS 6400u

_Static_assert(EK_CLOCK_HZ / EK_UART_BAUD >= 16, "the UART divides the clock by no less than 16");

void ek_port_init(void)
{
    ek_cmsdk_start_link(UART0_BASE, EK_CLOCK_HZ / EK_UART_BAUD, TIMER1_BASE, WAKE_TICKS);
    CMSDK_TIMER_RELOAD(TIMER0_BASE) = 0xFFFFFFFFu;
    CMSDK_TIMER_VALUE(TIMER0_BASE) = 0xFFFFFFFFu;
    CMSDK_TIMER_CTRL(TIMER0_BASE) = CMSDK_TIMER_CTRL_EN;
}

uint32_t ek_port_ticks(void)
{
    return ~CMSDK_TIMER_VALUE(TIMER0_BASE);
}
