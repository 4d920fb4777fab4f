/* port_stm32f4.c: clocks, ticks and the UART of an STM32F405.
 *
 * The board's file decides, through the build:
 *   EK_CLOCK_HZ, EK_CRYSTAL_HZ           core clock, and the external clock it is made from
 *   EK_UART_USART1, EK_UART_BAUD         the UART (only USART1 is written here) and its rate
 *   EK_UART_TX_PORT, EK_UART_TX_PIN      0 is port A; likewise RX
 *   EK_UART_ALTERNATE_FUNCTION           of both pins
 *
 * Where the crystal, the PLL or the voltage scale does not come up within its wait, the part stays on its internal
 * 16 MHz oscillator, and ek_port_clock_hz says so: the host sees a clock that is not the board's. That is also what
 * happens on QEMU, whose clock control reads as 0.
 */
#include "ek_port.h"

#include "stm32f405_registers.h"

#ifndef EK_UART_USART1
#error "this port knows USART1 only: name it in [serial] of the board's file"
#endif

#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 1000000u

#define PLL_M (EK_CRYSTAL_HZ / PLL_INPUT_HZ)
#define PLL_N (2u * (EK_CLOCK_HZ / PLL_INPUT_HZ)) /* P divides by 2 */
#define PLL_Q 7u                                  /* 48 MHz for USB from a 336 MHz VCO; not used here */

_Static_assert(EK_CRYSTAL_HZ % PLL_INPUT_HZ == 0 && PLL_M >= 2 && PLL_M <= 63, "no PLLM makes 1 MHz of the crystal");
_Static_assert(EK_CLOCK_HZ % PLL_INPUT_HZ == 0 && PLL_N >= 192 && PLL_N <= 432, "no PLLN makes the core clock");
_Static_assert(EK_CLOCK_HZ > 150000000u, "5 wait states are set unconditionally, which slower clocks do not need");
_Static_assert(EK_CLOCK_HZ <= 168000000u, "the part runs at up to 168 MHz");

static uint32_t clock_hz = HSI_HZ;
static int counts_cycles;

/* 1 when the crystal and the PLL came up. The voltage scale may be changed while the PLL is off. */
static int start_pll(void)
{
    RCC_CR |= RCC_CR_HSEON;
    if (!ek_stm32_reaches(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        return 0;
    }
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR; /* the clock runs by the time the read is back */
    PWR_CR |= PWR_CR_VOS;

    const uint32_t kept = RCC_PLLCFGR & ~(RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLP | RCC_PLLCFGR_PLLQ);
    RCC_PLLCFGR = kept | RCC_PLLCFGR_PLLSRC | PLL_M << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos |
                  PLL_Q << RCC_PLLCFGR_PLLQ_Pos;
    RCC_CR |= RCC_CR_PLLON;
    return ek_stm32_reaches(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

/* Both of the accelerator's caches are off and empty after a reset. */
static int set_flash(void)
{
    FLASH_ACR =
        (FLASH_ACR & ~FLASH_ACR_LATENCY) | FLASH_ACR_LATENCY_5WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    return ek_stm32_reaches(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_5WS);
}

static void set_clock(void)
{
    if (!start_pll() || !set_flash()) {
        return;
    }
    RCC_CFGR =
        (RCC_CFGR & ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2)) | RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
    clock_hz = EK_CLOCK_HZ;
}

/* PCLK2, and what the timers of APB1 get (twice PCLK1): half the core clock on the PLL, where APB2 is divided by 2 and
 * APB1 by 4, and all of it on the internal oscillator, where nothing is divided. */
static uint32_t bus_clock_hz(void)
{
    return clock_hz == HSI_HZ ? HSI_HZ : clock_hz / 2;
}

/* Ticks are the core's cycles. Where the cycle counter stands still, as on QEMU, which has none, they are TIM2's. */
static void start_ticks(void)
{
    ek_cortex_m_start_ticks();
    const uint32_t before = DWT_CYCCNT;
    ek_isb();
    counts_cycles = DWT_CYCCNT != before;
    if (!counts_cycles) {
        RCC_APB1ENR |= RCC_APB1ENR_TIM2EN;
        (void)RCC_APB1ENR;
        TIM2_ARR = 0xFFFFFFFFu;
        TIM2_CR1 |= TIM2_CR1_CEN;
    }
}

uint32_t ek_port_ticks(void)
{
    return counts_cycles ? DWT_CYCCNT : TIM2_CNT;
}

static void set_pin(uint32_t port, uint32_t pin)
{
    RCC_AHB1ENR |= 1u << port;
    (void)RCC_AHB1ENR;
    ek_stm32_set_pin(GPIO_BASE(port), pin, EK_UART_ALTERNATE_FUNCTION);
}

static void set_uart(void)
{
    set_pin(EK_UART_TX_PORT, EK_UART_TX_PIN);
    set_pin(EK_UART_RX_PORT, EK_UART_RX_PIN);
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    const uint32_t brr = (bus_clock_hz() + EK_UART_BAUD / 2u) / EK_UART_BAUD; /* 16 samples a bit */
    ek_stm32_start_link(USART1_BASE, brr, clock_hz, counts_cycles ? clock_hz : bus_clock_hz());
}

void ek_port_init(void)
{
    set_clock();
    start_ticks();
    set_uart();
}
