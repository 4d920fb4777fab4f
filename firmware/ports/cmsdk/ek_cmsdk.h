/* ek_cmsdk.h: what the ports of Arm's FPGA images share: the link over a CMSDK APB UART, and CMSDK APB timers.
 *
 * A port for an image starts the link and counts ticks; this implements reading and writing, the clocks, which are the
 * board's and fixed, and the reset.
 */
#ifndef EK_CMSDK_H
#define EK_CMSDK_H

#include "ek_cortex_m.h"

/* A CMSDK APB timer at `base` counts down from RELOAD. */
#define CMSDK_TIMER_CTRL(base) EK_REGISTER((base) + 0x00u)
#define CMSDK_TIMER_CTRL_EN (1u << 0)
#define CMSDK_TIMER_VALUE(base) EK_REGISTER((base) + 0x04u)
#define CMSDK_TIMER_RELOAD(base) EK_REGISTER((base) + 0x08u)

/* A CMSDK APB UART at `base`. */
#define CMSDK_UART_DATA(base) EK_REGISTER((base) + 0x00u)
#define CMSDK_UART_STATE(base) EK_REGISTER((base) + 0x04u)
#define CMSDK_UART_STATE_TXFULL (1u << 0)
#define CMSDK_UART_STATE_RXFULL (1u << 1)
#define CMSDK_UART_CTRL(base) EK_REGISTER((base) + 0x08u)
#define CMSDK_UART_CTRL_TX_EN (1u << 0)
#define CMSDK_UART_CTRL_RX_EN (1u << 1)
#define CMSDK_UART_BAUDDIV(base) EK_REGISTER((base) + 0x10u)

/* Start the link over the UART at `uart`; divider is its clock over the baud rate. The timer at `waker`, which nobody
 * else uses, expires every wake_ticks of its clock while the firmware waits. */
void ek_cmsdk_start_link(uint32_t uart, uint32_t divider, uint32_t waker, uint32_t wake_ticks);

#endif
