/* port_mps2.c: Arm's MPS2 board with a Cortex-M7 (AN500) as QEMU models it, for tests of what all Cortex-M ports share.
 * Its UART 0 is a CMSDK APB UART. */
#include "ek_cortex_m.h"
#include "ek_port.h"

#define UART_DATA EK_REGISTER(0x40004000u)
#define UART_STATE EK_REGISTER(0x40004004u)
#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_CTRL EK_REGISTER(0x40004008u)
#define UART_CTRL_TX_RX_ON (3u << 0)
#define UART_BAUDDIV EK_REGISTER(0x40004010u)

void ek_port_init(void)
{
    UART_BAUDDIV = 16;
    UART_CTRL = UART_CTRL_TX_RX_ON;
    ek_cortex_m_enable_caches();
    ek_cortex_m_start_ticks();
}

int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms)
{
    (void)timeout_ms;
    (void)n;
    while (!(UART_STATE & UART_STATE_RX_FULL)) {
    }
    *dst = (uint8_t)UART_DATA;
    return 1;
}

void ek_port_write(const uint8_t *src, int n)
{
    for (int i = 0; i < n; ++i) {
        while (UART_STATE & UART_STATE_TX_FULL) {
        }
        UART_DATA = src[i];
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
