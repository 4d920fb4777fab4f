/* port_stm32f7.c: clocks and the UART of an STM32F746.
 *
 * The board's file decides, through the build:
 *   EK_CLOCK_HZ, EK_CRYSTAL_HZ           core clock, and the external clock it is made from
 *   EK_UART_USART1, EK_UART_BAUD         the UART (only USART1 is written here) and its rate
 *   EK_UART_TX_PORT, EK_UART_TX_PIN      0 is port A; likewise RX
 *   EK_UART_ALTERNATE_FUNCTION           of both pins
 *
 * Where the crystal, the PLL or the over-drive does not come up within its wait, the part stays on its internal 16 MHz
 * oscillator, and ek_port_clock_hz says so: the host sees a clock that is not the board's.
 */
#include "ek_port.h"

#include "stm32f746_registers.h"

#ifndef EK_UART_USART1
#error "this port knows USART1 only: name it in [serial] of the board's file"
#endif

#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 1000000u

#define PLL_M (EK_CRYSTAL_HZ / PLL_INPUT_HZ)
#define PLL_N (2u * (EK_CLOCK_HZ / PLL_INPUT_HZ)) /* P divides by 2 */
#define PLL_Q 9u                                  /* 48 MHz for USB from a 432 MHz VCO; not used here */

_Static_assert(EK_CRYSTAL_HZ % PLL_INPUT_HZ == 0 && PLL_M >= 2 && PLL_M <= 63, "no PLLM makes 1 MHz of the crystal");
_Static_assert(EK_CLOCK_HZ % PLL_INPUT_HZ == 0 && PLL_N >= 100 && PLL_N <= 432, "no PLLN makes the core clock");
_Static_assert(EK_CLOCK_HZ > 180000000u, "over-drive is entered unconditionally, which slower clocks do not need");

static uint32_t clock_hz = HSI_HZ;

/* The PLL runs before over-drive is entered, and both before the core switches over. 1 when all of it came up. */
static int start_pll(void)
{
    RCC_CR |= RCC_CR_HSEON;
    if (!ek_stm32_reaches(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        return 0;
    }
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR; /* the clock runs by the time the read is back */
    PWR_CR1 |= PWR_CR1_VOS;

    const uint32_t kept = RCC_PLLCFGR & ~(RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLP | RCC_PLLCFGR_PLLQ);
    RCC_PLLCFGR = kept | RCC_PLLCFGR_PLLSRC_HSE | PLL_M << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos |
                  PLL_Q << RCC_PLLCFGR_PLLQ_Pos;
    RCC_CR |= RCC_CR_PLLON;
    if (!ek_stm32_reaches(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return 0;
    }
    PWR_CR1 |= PWR_CR1_ODEN;
    if (!ek_stm32_reaches(&PWR_CSR1, PWR_CSR1_ODRDY, PWR_CSR1_ODRDY)) {
        return 0;
    }
    PWR_CR1 |= PWR_CR1_ODSWEN;
    return ek_stm32_reaches(&PWR_CSR1, PWR_CSR1_ODSWRDY, PWR_CSR1_ODSWRDY);
}

static void set_flash(void)
{
    FLASH_ACR |= FLASH_ACR_ARTRST; /* the accelerator is off after a reset: its content may be dropped now */
    FLASH_ACR &= ~FLASH_ACR_ARTRST;
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | FLASH_ACR_LATENCY_7WS | FLASH_ACR_PRFTEN | FLASH_ACR_ARTEN;
}

static void set_clock(void)
{
    if (!start_pll()) {
        return;
    }
    set_flash();
    if (!ek_stm32_reaches(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_7WS)) {
        return;
    }
    RCC_CFGR =
        (RCC_CFGR & ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2)) | RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
    clock_hz = EK_CLOCK_HZ;
}

/* PCLK2: APB2 is divided by 2 on the PLL and not at all on the internal oscillator. */
static uint32_t uart_clock_hz(void)
{
    return clock_hz == HSI_HZ ? HSI_HZ : clock_hz / 2;
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
    RCC_DCKCFGR2 &= ~RCC_DCKCFGR2_USART1SEL;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    const uint32_t brr = (uart_clock_hz() + EK_UART_BAUD / 2u) / EK_UART_BAUD; /* 16 samples a bit */
    ek_stm32_start_link(USART1_BASE, brr, clock_hz, clock_hz);
}

void ek_port_init(void)
{
    set_clock();
    ek_cortex_m_enable_caches();
    ek_cortex_m_start_ticks();
    set_uart();
}
