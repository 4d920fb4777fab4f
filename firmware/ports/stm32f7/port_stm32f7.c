/* port_stm32f7.c: clocks and the link of an STM32F746.
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
#define WAIT_POLLS 200000u /* some 100 ms on the internal oscillator; a crystal takes a few ms */

#define PLL_M (EK_CRYSTAL_HZ / PLL_INPUT_HZ)
#define PLL_N (2u * (EK_CLOCK_HZ / PLL_INPUT_HZ)) /* P divides by 2 */
#define PLL_Q 9u                                  /* 48 MHz for USB from a 432 MHz VCO; not used here */

_Static_assert(EK_CRYSTAL_HZ % PLL_INPUT_HZ == 0 && PLL_M >= 2 && PLL_M <= 63, "no PLLM makes 1 MHz of the crystal");
_Static_assert(EK_CLOCK_HZ % PLL_INPUT_HZ == 0 && PLL_N >= 100 && PLL_N <= 432, "no PLLN makes the core clock");
_Static_assert(EK_CLOCK_HZ > 180000000u, "over-drive is entered unconditionally, which slower clocks do not need");

static uint32_t clock_hz = HSI_HZ;

static int reaches(const volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < WAIT_POLLS; ++i) {
        if ((*reg & mask) == value) {
            return 1;
        }
    }
    return 0;
}

/* The PLL runs before over-drive is entered, and both before the core switches over. 1 when all of it came up. */
static int start_pll(void)
{
    RCC_CR |= RCC_CR_HSEON;
    if (!reaches(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY)) {
        return 0;
    }
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR; /* the clock runs by the time the read is back */
    PWR_CR1 |= PWR_CR1_VOS;

    const uint32_t kept = RCC_PLLCFGR & ~(RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLP | RCC_PLLCFGR_PLLQ);
    RCC_PLLCFGR = kept | RCC_PLLCFGR_PLLSRC_HSE | PLL_M << RCC_PLLCFGR_PLLM_Pos | PLL_N << RCC_PLLCFGR_PLLN_Pos |
                  PLL_Q << RCC_PLLCFGR_PLLQ_Pos;
    RCC_CR |= RCC_CR_PLLON;
    if (!reaches(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return 0;
    }
    PWR_CR1 |= PWR_CR1_ODEN;
    if (!reaches(&PWR_CSR1, PWR_CSR1_ODRDY, PWR_CSR1_ODRDY)) {
        return 0;
    }
    PWR_CR1 |= PWR_CR1_ODSWEN;
    return reaches(&PWR_CSR1, PWR_CSR1_ODSWRDY, PWR_CSR1_ODSWRDY);
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
    if (!reaches(&FLASH_ACR, FLASH_ACR_LATENCY, FLASH_ACR_LATENCY_7WS)) {
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
    const uint32_t nibble = 4u * (pin % 8u);
    GPIO_AFR(port, pin / 8u) = (GPIO_AFR(port, pin / 8u) & ~(0xFu << nibble)) | EK_UART_ALTERNATE_FUNCTION << nibble;
    GPIO_OSPEEDR(port) = (GPIO_OSPEEDR(port) & ~(3u << 2u * pin)) | GPIO_OSPEEDR_MEDIUM << 2u * pin;
    GPIO_PUPDR(port) = (GPIO_PUPDR(port) & ~(3u << 2u * pin)) | GPIO_PUPDR_UP << 2u * pin;
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << 2u * pin)) | GPIO_MODER_ALTERNATE << 2u * pin;
}

static void set_uart(void)
{
    set_pin(EK_UART_TX_PORT, EK_UART_TX_PIN);
    set_pin(EK_UART_RX_PORT, EK_UART_RX_PIN);
    RCC_DCKCFGR2 &= ~RCC_DCKCFGR2_USART1SEL;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    USART1_CR1 = 0;
    USART1_CR2 = 0;
    USART1_CR3 = 0;
    USART1_BRR = (uart_clock_hz() + EK_UART_BAUD / 2u) / EK_UART_BAUD; /* 16 samples a bit */
    USART1_CR1 = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
}

void ek_port_init(void)
{
    set_clock();
    ek_cortex_m_enable_caches();
    ek_cortex_m_start_ticks();
    set_uart();
}

static int take(uint8_t *byte)
{
    const uint32_t errors = USART_ISR_PE | USART_ISR_FE | USART_ISR_NE | USART_ISR_ORE;
    const uint32_t isr = USART1_ISR;
    if (isr & errors) {
        USART1_ICR = isr & errors; /* the frame that lost bytes fails its CRC; reception goes on */
    }
    if (!(isr & USART_ISR_RXNE)) {
        return 0;
    }
    *byte = (uint8_t)USART1_RDR;
    return 1;
}

/* A millisecond at a time, which the tick counter can always tell. */
static int take_within(uint8_t *byte, uint32_t timeout_ms)
{
    const uint32_t ticks_per_ms = clock_hz / 1000u;
    for (uint32_t ms = 0;; ++ms) {
        const uint32_t since = ek_port_ticks();
        do {
            if (take(byte)) {
                return 1;
            }
        } while (ms < timeout_ms && ek_port_ticks() - since < ticks_per_ms);
        if (ms >= timeout_ms) {
            return 0;
        }
    }
}

int ek_port_read(uint8_t *dst, int n, uint32_t timeout_ms)
{
    if (n <= 0 || !take_within(dst, timeout_ms)) {
        return 0;
    }
    int got = 1;
    while (got < n && take(dst + got)) {
        ++got;
    }
    return got;
}

void ek_port_write(const uint8_t *src, int n)
{
    for (int i = 0; i < n; ++i) {
        while (!(USART1_ISR & USART_ISR_TXE)) {
        }
        USART1_TDR = src[i];
    }
}

uint32_t ek_port_ticks_hz(void)
{
    return clock_hz;
}

uint32_t ek_port_clock_hz(void)
{
    return clock_hz;
}

_Noreturn void ek_port_reset(void)
{
    if (USART1_CR1 & USART_CR1_UE) {
        (void)reaches(&USART1_ISR, USART_ISR_TC, USART_ISR_TC); /* let the last reply leave */
    }
    ek_cortex_m_reset();
}
