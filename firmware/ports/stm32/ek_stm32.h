/* ek_stm32.h: what the ports of ST's families share: pins, and the link over the second generation of ST's USART.
 *
 * A port for a family sets the clocks, gives the pins to the UART and starts the link; this implements the rest of
 * ek_port.h that is not the core's. Base addresses, clock enables and baud rate registers differ, and are the port's.
 */
#ifndef EK_STM32_H
#define EK_STM32_H

#include "ek_cortex_m.h"

/* A port of pins at `base`. */
#define GPIO_MODER(base) EK_REGISTER((base) + 0x00u)
#define GPIO_MODER_ALTERNATE 2u
#define GPIO_OSPEEDR(base) EK_REGISTER((base) + 0x08u)
#define GPIO_OSPEEDR_MEDIUM 1u
#define GPIO_PUPDR(base) EK_REGISTER((base) + 0x0Cu)
#define GPIO_PUPDR_UP 1u
#define GPIO_AFR(base, half) EK_REGISTER((base) + 0x20u + 4u * (half)) /* AFRL, AFRH */

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

/* Wait until the masked bits of a register have a value; 0 when they do not within some 100 ms at 16 MHz. */
int ek_stm32_reaches(const volatile uint32_t *reg, uint32_t mask, uint32_t value);

/* Give a pin of the port at `gpio`, whose clock runs, to an alternate function, with its pull-up on. */
void ek_stm32_set_pin(uint32_t gpio, uint32_t pin, uint32_t function);

/* Start the link over the UART at `uart`, whose clock runs and whose pins are set: 8 data bits, no parity.
 * brr is what makes the baud rate; core_hz is the clock that the core runs at from here on. */
void ek_stm32_start_link(uint32_t uart, uint32_t brr, uint32_t core_hz);

#endif
