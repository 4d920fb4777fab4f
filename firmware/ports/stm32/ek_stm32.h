/* ek_stm32.h: what the ports of ST's families share: pins, and the link over a USART.
 *
 * A port for a family sets the clocks, gives the pins to the UART and starts the link; this implements the rest of
 * ek_port.h that is not the core's. Base addresses, clock enables and baud rate registers differ, and are the port's;
 * the USART's registers are those of its generation, in the ek_stm32_usart.h that the port is built with.
 */
#ifndef EK_STM32_H
#define EK_STM32_H

#include "ek_cortex_m.h"
#include "ek_stm32_usart.h"

/* A port of pins at `base`. */
#define GPIO_MODER(base) EK_REGISTER((base) + 0x00u)
#define GPIO_MODER_ALTERNATE 2u
#define GPIO_OSPEEDR(base) EK_REGISTER((base) + 0x08u)
#define GPIO_OSPEEDR_MEDIUM 1u
#define GPIO_PUPDR(base) EK_REGISTER((base) + 0x0Cu)
#define GPIO_PUPDR_UP 1u
#define GPIO_AFR(base, half) EK_REGISTER((base) + 0x20u + 4u * (half)) /* AFRL, AFRH */

/* Wait until the masked bits of a register have a value; 0 when they do not within some 100 ms at 16 MHz. */
int ek_stm32_reaches(const volatile uint32_t *reg, uint32_t mask, uint32_t value);

/* Give a pin of the port at `gpio`, whose clock runs, to an alternate function, with its pull-up on. */
void ek_stm32_set_pin(uint32_t gpio, uint32_t pin, uint32_t function);

/* Start the link over the UART at `uart`, whose clock runs and whose pins are set: 8 data bits, no parity.
 * brr is what makes the baud rate; core_hz is the clock that the core runs at from here on, ticks_hz the rate of
 * ek_port_ticks. */
void ek_stm32_start_link(uint32_t uart, uint32_t brr, uint32_t core_hz, uint32_t ticks_hz);

#endif
