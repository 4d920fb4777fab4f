/* ek_stm32.c: the parts of ek_port.h that ST's families have in common. */
#include "ek_stm32.h"

#include "ek_port.h"

#define WAIT_POLLS 200000u

static uint32_t uart; /* its base address; 0 before the link is started */
static uint32_t clock_hz;
static uint32_t tick_hz;

int ek_stm32_reaches(const volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t i = 0; i < WAIT_POLLS; ++i) {
        if ((*reg & mask) == value) {
            return 1;
        }
    }
    return 0;
}

void ek_stm32_set_pin(uint32_t gpio, uint32_t pin, uint32_t function)
{
    const uint32_t nibble = 4u * (pin % 8u);
    GPIO_AFR(gpio, pin / 8u) = (GPIO_AFR(gpio, pin / 8u) & ~(0xFu << nibble)) | function << nibble;
    GPIO_OSPEEDR(gpio) = (GPIO_OSPEEDR(gpio) & ~(3u << 2u * pin)) | GPIO_OSPEEDR_MEDIUM << 2u * pin;
    GPIO_PUPDR(gpio) = (GPIO_PUPDR(gpio) & ~(3u << 2u * pin)) | GPIO_PUPDR_UP << 2u * pin;
    GPIO_MODER(gpio) = (GPIO_MODER(gpio) & ~(3u << 2u * pin)) | GPIO_MODER_ALTERNATE << 2u * pin;
}

void ek_stm32_start_link(uint32_t base, uint32_t brr, uint32_t core_hz, uint32_t ticks_hz)
{
    USART_CR1(base) = 0;
    USART_CR2(base) = 0;
    USART_CR3(base) = 0;
    USART_BRR(base) = brr;
    USART_CR1(base) = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
    uart = base;
    clock_hz = core_hz;
    tick_hz = ticks_hz;
}

static int take(uint8_t *byte)
{
    const int taken = ek_stm32_usart_take(uart);
    if (taken < 0) {
        return 0;
    }
    *byte = (uint8_t)taken;
    return 1;
}

/* A millisecond at a time, which the tick counter can always tell. */
static int take_within(uint8_t *byte, uint32_t timeout_ms)
{
    const uint32_t ticks_per_ms = tick_hz / 1000u;
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
    for (int i = 0; i < n && uart; ++i) {
        ek_stm32_usart_put(uart, src[i]);
    }
}

uint32_t ek_port_ticks_hz(void)
{
    return tick_hz;
}

uint32_t ek_port_clock_hz(void)
{
    return clock_hz;
}

_Noreturn void ek_port_reset(void)
{
    for (uint32_t i = 0; uart && i < WAIT_POLLS && !ek_stm32_usart_sent(uart); ++i) {
        /* let the last reply leave */
    }
    ek_cortex_m_reset();
}
