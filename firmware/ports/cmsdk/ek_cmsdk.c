/* ek_cmsdk.c: the parts of ek_port.h that Arm's FPGA images have in common. */
#include "ek_cmsdk.h"

#include "ek_port.h"

static uint32_t uart;
static uint32_t waker;

void ek_cmsdk_start_link(uint32_t uart_base, uint32_t divider, uint32_t timer_base, uint32_t wake_ticks)
{
    uart = uart_base;
    waker = timer_base;
    CMSDK_UART_BAUDDIV(uart) = divider;
    CMSDK_UART_CTRL(uart) = CMSDK_UART_CTRL_TX_EN | CMSDK_UART_CTRL_RX_EN;
    CMSDK_TIMER_RELOAD(waker) = wake_ticks;
}

/* Waits for ever: the machine's clock passes with its instructions, not with the host's time, so that a timeout would
 * tell nothing about the host. QEMU's UART takes one byte at a time, and QEMU looks for the next one when something
 * wakes it up: here a timer, whose expiry does nothing else. */
int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms)
{
    (void)timeout_ms;
    (void)n;
    if (!(CMSDK_UART_STATE(uart) & CMSDK_UART_STATE_RXFULL)) {
        CMSDK_TIMER_CTRL(waker) = CMSDK_TIMER_CTRL_EN;
        while (!(CMSDK_UART_STATE(uart) & CMSDK_UART_STATE_RXFULL)) {
        }
        CMSDK_TIMER_CTRL(waker) = 0;
    }
    *dst = (uint8_t)CMSDK_UART_DATA(uart);
    return 1;
}

void ek_port_write(const uint8_t *src, int n)
{
    for (int i = 0; i < n; ++i) {
        while (CMSDK_UART_STATE(uart) & CMSDK_UART_STATE_TXFULL) {
        }
        CMSDK_UART_DATA(uart) = src[i];
    }
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
