/* port_stm32g0.c: clocks, ticks and the UART of an STM32G0B1.
 *
 * The board's file decides, through the build:
 *   EK_CLOCK_HZ                          core clock, made from the internal 16 MHz oscillator (HSI16)
 *   EK_UART_USART2, EK_UART_BAUD         the UART (only USART2 is written here) and its rate
 *   EK_UART_TX_PORT, EK_UART_TX_PIN      0 is port A; likewise RX
 *   EK_UART_ALTERNATE_FUNCTION           of both pins
 *
 * Where the PLL or the flash's wait states do not come up within their wait, the part stays on HSI16, which it starts
 * on, and ek_port_clock_hz says so: the host sees a clock that is not the board's.
 */
#include "ek_port.h"

#include "stm32g0b1_registers.h"

#ifndef EK_UART_USART2
#error "this port knows USART2 only: name it in [serial] of the board's file"
#endif

#define HSI_HZ 16000000u

#define PLL_M 1u
#define PLL_N (2u * EK_CLOCK_HZ / HSI_HZ) /* R divides by 2 */

_Static_assert(2u * EK_CLOCK_HZ % HSI_HZ == 0, "no PLLN makes the core clock");
_Static_assert(PLL_N >= 8u, "PLLN is at least 8");
_Static_assert(EK_CLOCK_HZ <= 64000000u, "the part runs at up to 64 MHz");

#define BRR(hz) (((hz) + EK_UART_BAUD / 2u) / EK_UART_BAUD) /* 16 samples a bit */

static uint32_t clock_hz = HSI_HZ;

/* HSI16 runs after a reset, and voltage range 1 is on: the part needs no more for its highest clock. */
static int start_pll(void)
{
    RCC_CR |= RCC_CR_HSION;
    if (!ek_stm32_reaches(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY)) {
        return 0;
    }
    const uint32_t kept = RCC_PLLCFGR & ~(RCC_PLLCFGR_PLLSRC | RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLR);
    RCC_PLLCFGR = kept | RCC_PLLCFGR_PLLSRC_HSI | (PLL_M - 1u) << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos |
                  RCC_PLLCFGR_PLLR_DIV2;
    RCC_CR |= RCC_CR_PLLON;
    RCC_PLLCFGR |= RCC_PLLCFGR_PLLREN;
    return ek_stm32_reaches(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

static int set_flash(void)
{
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | FLASH_ACR_LATENCY_2WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN;
    return ek_stm32_reaches(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_2WS);
}

static void set_clock(void)
{
    if (!start_pll() || !set_flash()) {
        return;
    }
    RCC_CFGR &= ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE);
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
    clock_hz = EK_CLOCK_HZ;
}

/* A Cortex-M0+ has no cycle counter. TIM2 runs at the core's clock, as no prescaler divides that of its bus. */
static void start_ticks(void)
{
    RCC_APBENR1 |= RCC_APBENR1_TIM2EN;
    (void)RCC_APBENR1;
    TIM2_ARR = 0xFFFFFFFFu;
    TIM2_CNT = 0;
    TIM2_CR1 |= TIM2_CR1_CEN;
}

uint32_t ek_port_ticks(void)
{
    return TIM2_CNT;
}

static void set_pin(uint32_t port, uint32_t pin)
{
    RCC_IOPENR |= 1u << port;
    (void)RCC_IOPENR; /* the clock runs by the time the read is back */
    ek_stm32_set_pin(GPIO_BASE(port), pin, EK_UART_ALTERNATE_FUNCTION);
}

/* From PCLK, which no prescaler divides: it is the core clock. */
static void set_uart(void)
{
    set_pin(EK_UART_TX_PORT, EK_UART_TX_PIN);
    set_pin(EK_UART_RX_PORT, EK_UART_RX_PIN);
    RCC_CCIPR &= ~RCC_CCIPR_USART2SEL;
    RCC_APBENR1 |= RCC_APBENR1_USART2EN;
    (void)RCC_APBENR1;
    ek_stm32_start_link(USART2_BASE, clock_hz == HSI_HZ ? BRR(HSI_HZ) : BRR(EK_CLOCK_HZ), clock_hz, clock_hz);
}

void ek_port_init(void)
{
    set_clock();
    start_ticks();
    set_uart();
}
