/* port_mps2.c: Arm's MPS2 boards with the FPGA images AN386 (Cortex-M4) and AN500 (Cortex-M7), as QEMU models them.
 * The link is UART 0, a CMSDK APB UART. QEMU models no DWT, so the ticks are those of timer 0, a CMSDK APB timer.
 */
#include "ek_cortex_m.h"
#include "ek_port.h"

/* CMSDK APB timers count down from RELOAD with the system clock. */
#define TIMER_CTRL EK_REGISTER(0x40000000u)
#define TIMER_CTRL_EN (1u << 0)
#define TIMER_VALUE EK_REGISTER(0x40000004u)
#define TIMER_RELOAD EK_REGISTER(0x40000008u)
#define TIMER1_CTRL EK_REGISTER(0x40001000u)
#define TIMER1_RELOAD EK_REGISTER(0x40001008u)
#define WAKE_TICKS 6400u

/* CMSDK APB UART 0. */
#define UART_DATA EK_REGISTER(0x40004000u)
#define UART_STATE EK_REGISTER(0x40004004u)
#define UART_STATE_TXFULL (1u << 0)
#define UART_STATE_RXFULL (1u << 1)
#define UART_CTRL EK_REGISTER(0x40004008u)
#define UART_CTRL_TX_EN (1u << 0)
#define UART_CTRL_RX_EN (1u << 1)
#define UART_BAUDDIV EK_REGISTER(0x40004010u)

_Static_assert(EK_CLOCK_HZ / EK_UART_BAUD >= 16, "the UART divides the clock by no less than 16");

void ek_port_init(void)
{
    UART_BAUDDIV = EK_CLOCK_HZ / EK_UART_BAUD;
    UART_CTRL = UART_CTRL_TX_EN | UART_CTRL_RX_EN;
    TIMER_RELOAD = 0xFFFFFFFFu;
    TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CTRL = TIMER_CTRL_EN;
    TIMER1_RELOAD = WAKE_TICKS;
}

/* Waits for ever: the machine's clock passes with its instructions, not with the host's time, so that a timeout would
 * tell nothing about the host. QEMU's UART takes one byte at a time, and QEMU looks for the next one when something
 * wakes it up: here timer 1, whose expiry does nothing else. */
int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms)
{
    (void)timeout_ms;
    (void)n;
    if (!(UART_STATE & UART_STATE_RXFULL)) {
        TIMER1_CTRL = TIMER_CTRL_EN;
        while (!(UART_STATE & UART_STATE_RXFULL)) {
        }
        TIMER1_CTRL = 0;
    }
    *dst = (uint8_t)UART_DATA;
    return 1;
}

void ek_port_write(const uint8_t *src, int n)
{
    for (int i = 0; i < n; ++i) {
        while (UART_STATE & UART_STATE_TXFULL) {
        }
        UART_DATA = src[i];
    }
}

uint32_t ek_port_ticks(void)
{
    return ~TIMER_VALUE;
}

uint32_t ek_port_ticks_hz(void)
{
    return EK_CLOCK_HZ;
}

uint32_t ek_port_clock_hz(void)
{
    return EK_CLOCK_HZ;
}

_Noreturn void ek_port_reset(void)
{
    ek_cortex_m_reset();
}
