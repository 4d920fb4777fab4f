/* port_stm32l4.c: clocks and the UART of an STM32L4R5.
 *
 * The board's file decides, through the build:
 *   EK_CLOCK_HZ                          core clock, made from the internal 16 MHz oscillator (HSI16)
 *   EK_UART_LPUART1, EK_UART_BAUD        the UART (only LPUART1 is written here) and its rate
 *   EK_UART_TX_PORT, EK_UART_TX_PIN      0 is port A; likewise RX
 *   EK_UART_ALTERNATE_FUNCTION           of both pins
 *
 * Where HSI16, the PLL or voltage range 1 does not come up within its wait, the part stays on the 4 MHz oscillator that
 * it starts on (MSI), and ek_port_clock_hz says so: the host sees a clock that is not the board's.
 */
#include "ek_port.h"

#include "stm32l4r5_registers.h"

#ifndef EK_UART_LPUART1
#error "this port knows LPUART1 only: name it in [serial] of the board's file"
#endif

#define MSI_HZ 4000000u
#define HSI_HZ 16000000u
#define PLL_INPUT_HZ 4000000u

#define PLL_M (HSI_HZ / PLL_INPUT_HZ)
#define PLL_N (2u * EK_CLOCK_HZ / PLL_INPUT_HZ) /* R divides by 2 */

_Static_assert(2u * EK_CLOCK_HZ % PLL_INPUT_HZ == 0, "no PLLN makes the core clock");
_Static_assert(EK_CLOCK_HZ > 80000000u, "range 1 is boosted unconditionally, which slower clocks do not need");
_Static_assert(EK_CLOCK_HZ <= 120000000u, "the part runs at up to 120 MHz");

/* What makes the baud rate of an LPUART clocked at `hz`: its BRR counts 256ths of a clock, and must be at least 768. */
#define LPUART_BRR(hz) ((uint32_t)((256ull * (hz) + EK_UART_BAUD / 2u) / EK_UART_BAUD))

_Static_assert(LPUART_BRR(MSI_HZ) >= 768u, "the baud rate is too fast for the oscillator that the part starts on");
_Static_assert(LPUART_BRR(EK_CLOCK_HZ) <= 0xFFFFFu, "the baud rate is too slow");

static uint32_t clock_hz = MSI_HZ;

/* HSI16, range 1 with its boost, and the PLL. 1 when all of it came up. */
static int start_pll(void)
{
    RCC_CR |= RCC_CR_HSION;
    if (!ek_stm32_reaches(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY)) {
        return 0;
    }
    PWR_CR1 = (PWR_CR1 & ~PWR_CR1_VOS) | PWR_CR1_VOS_RANGE1;
    if (!ek_stm32_reaches(&PWR_SR2, PWR_SR2_VOSF, 0)) {
        return 0;
    }
    PWR_CR5 &= ~PWR_CR5_R1MODE;

    const uint32_t kept = RCC_PLLCFGR & ~(RCC_PLLCFGR_PLLSRC | RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLR);
    RCC_PLLCFGR = kept | RCC_PLLCFGR_PLLSRC_HSI | (PLL_M - 1u) << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos;
    RCC_CR |= RCC_CR_PLLON;
    RCC_PLLCFGR |= RCC_PLLCFGR_PLLREN;
    return ek_stm32_reaches(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

/* Both of the accelerator's caches are on after a reset; set here too, for images that a boot loader starts. */
static int set_flash(void)
{
    FLASH_ACR =
        (FLASH_ACR & ~FLASH_ACR_LATENCY) | FLASH_ACR_LATENCY_5WS | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    return ek_stm32_reaches(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_5WS);
}

/* The way to more than 80 MHz leads over half of it, for a microsecond, so that the core's voltage can follow. */
static void set_clock(void)
{
    if (!start_pll() || !set_flash()) {
        return;
    }
    RCC_CFGR = (RCC_CFGR & ~(RCC_CFGR_HPRE | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2)) | RCC_CFGR_HPRE_DIV2;
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
    for (uint32_t i = 0; i < EK_CLOCK_HZ / 2u / 1000000u; ++i) {
        (void)RCC_CFGR; /* at least one clock */
    }
    RCC_CFGR &= ~RCC_CFGR_HPRE;
    clock_hz = EK_CLOCK_HZ;
}

static void set_pin(uint32_t port, uint32_t pin)
{
    if (port == GPIO_PORT_G) {
        PWR_CR2 |= PWR_CR2_IOSV; /* a board that uses these pins supplies them */
    }
    RCC_AHB2ENR |= 1u << port;
    (void)RCC_AHB2ENR; /* the clock runs by the time the read is back */
    ek_stm32_set_pin(GPIO_BASE(port), pin, EK_UART_ALTERNATE_FUNCTION);
}

/* From PCLK1, which no prescaler divides: it is the core clock. */
static void set_uart(void)
{
    set_pin(EK_UART_TX_PORT, EK_UART_TX_PIN);
    set_pin(EK_UART_RX_PORT, EK_UART_RX_PIN);
    RCC_CCIPR &= ~RCC_CCIPR_LPUART1SEL;
    RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1EN;
    (void)RCC_APB1ENR2;
    const uint32_t brr = clock_hz == MSI_HZ ? LPUART_BRR(MSI_HZ) : LPUART_BRR(EK_CLOCK_HZ);
    ek_stm32_start_link(LPUART1_BASE, brr, clock_hz, clock_hz);
}

void ek_port_init(void)
{
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWREN;
    (void)RCC_APB1ENR1;
    set_clock();
    ek_cortex_m_start_ticks();
    set_uart();
}
