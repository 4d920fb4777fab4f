/* ek_stm32_usart.h: the first generation of ST's USART (STM32F1, F2, F4, L1), as ek_stm32.c drives it. */
#ifndef EK_STM32_USART_H
#define EK_STM32_USART_H

#include "ek_cortex_m.h"

/* A USART or UART at `base`. */
#define USART_SR(base) EK_REGISTER((base) + 0x00u)
#define USART_SR_PE (1u << 0)
#define USART_SR_FE (1u << 1)
#define USART_SR_NF (1u << 2)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_DR(base) EK_REGISTER((base) + 0x04u)
#define USART_BRR(base) EK_REGISTER((base) + 0x08u)
#define USART_CR1(base) EK_REGISTER((base) + 0x0Cu)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_UE (1u << 13)
#define USART_CR2(base) EK_REGISTER((base) + 0x10u)
#define USART_CR3(base) EK_REGISTER((base) + 0x14u)

/* A byte that has arrived, or a negative number. Reading DR after SR also clears what SR told of errors: the frame that
 * lost bytes fails its CRC, and reception goes on. */
static inline int ek_stm32_usart_take(uint32_t uart)
{
    const uint32_t sr = USART_SR(uart);
    if (!(sr & (USART_SR_RXNE | USART_SR_PE | USART_SR_FE | USART_SR_NF | USART_SR_ORE))) {
        return -1;
    }
    const int byte = (int)(USART_DR(uart) & 0xFFu);
    return sr & USART_SR_RXNE ? byte : -1;
}

static inline void ek_stm32_usart_put(uint32_t uart, uint8_t byte)
{
    while (!(USART_SR(uart) & USART_SR_TXE)) {
    }
    USART_DR(uart) = byte;
}

/* Whether the last byte has left. */
static inline int ek_stm32_usart_sent(uint32_t uart)
{
    return (USART_SR(uart) & USART_SR_TC) != 0;
}

#endif
