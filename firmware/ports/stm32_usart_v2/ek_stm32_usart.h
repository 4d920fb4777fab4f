/* ek_stm32_usart.h: the second generation of ST's USART (STM32F0, F3, F7, L4 and others), as ek_stm32.c drives it. */
#ifndef EK_STM32_USART_H
#define EK_STM32_USART_H

#include "ek_cortex_m.h"

/* A USART, UART or LPUART at `base`. */
#define USART_CR1(base) EK_REGISTER((base) + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR2(base) EK_REGISTER((base) + 0x04u)
#define USART_CR3(base) EK_REGISTER((base) + 0x08u)
#define USART_BRR(base) EK_REGISTER((base) + 0x0Cu)
#define USART_ISR(base) EK_REGISTER((base) + 0x1Cu)
#define USART_ISR_PE (1u << 0)
#define USART_ISR_FE (1u << 1)
#define USART_ISR_NE (1u << 2)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR(base) EK_REGISTER((base) + 0x20u) /* the error flags have the same bits as in ISR */
#define USART_RDR(base) EK_REGISTER((base) + 0x24u)
#define USART_TDR(base) EK_REGISTER((base) + 0x28u)

/* A byte that has arrived, or a negative number. */
static inline int ek_stm32_usart_take(uint32_t uart)
{
    const uint32_t errors = USART_ISR_PE | USART_ISR_FE | USART_ISR_NE | USART_ISR_ORE;
    const uint32_t isr = USART_ISR(uart);
    if (isr & errors) {
        USART_ICR(uart) = isr & errors; /* the frame that lost bytes fails its CRC; reception goes on */
    }
    return isr & USART_ISR_RXNE ? (int)(USART_RDR(uart) & 0xFFu) : -1;
}

static inline void ek_stm32_usart_put(uint32_t uart, uint8_t byte)
{
    while (!(USART_ISR(uart) & USART_ISR_TXE)) {
    }
    USART_TDR(uart) = byte;
}

/* Whether the last byte has left. */
static inline int ek_stm32_usart_sent(uint32_t uart)
{
    return (USART_ISR(uart) & USART_ISR_TC) != 0;
}

#endif
