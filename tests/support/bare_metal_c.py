"""C in front of every bare-metal image: registers, a vector table, and the UART."""

from __future__ import annotations

# `test` runs first and ends in a BKPT in `done`.
_CORE = r"""
typedef unsigned int u32;
typedef unsigned char u8;
#define REG(address) (*(volatile u32 *)(address))
#define SCB_AIRCR REG(0xE000ED0C)
#define SCB_CCR REG(0xE000ED14)
#define SCB_CPACR REG(0xE000ED88)
#define DEMCR REG(0xE000EDFC)
#define DWT_CTRL REG(0xE0001000)
#define DWT_CYCCNT REG(0xE0001004)
#define DWT_LAR REG(0xE0001FB0)
#define NOINLINE __attribute__((noinline, used))
#define NAKED __attribute__((naked, noinline, used))
void test(void);
extern u32 stack_top[];
NAKED void done(void) { __asm volatile("bkpt #0"); }
NAKED void reset(void) { __asm volatile("bl test\n bl done"); }
typedef struct { u32 *stack; void (*reset)(void); } vectors_t;
__attribute__((section(".vectors"), used)) const vectors_t vectors = {stack_top, reset};

static inline void count_cycles(void)
{
    DEMCR |= 1u << 24;
    DWT_LAR = 0xC5ACCE55;
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1;
}
"""

_LINE = r"""
static inline int ready(void) { return UART(0x1C) >> 5 & 1; }
static inline u8 get(void)
{
    while (!ready()) {
    }
    return (u8)UART(0x24);
}
static inline void put(u8 byte)
{
    while (!(UART(0x1C) & 0x80)) {
    }
    UART(0x28) = byte;
}
"""

# HSI at 16 MHz is the clock after a reset.
PRELUDE = (
    _CORE
    + r"""
#define RCC_CR REG(0x40023800)
#define RCC_PLLCFGR REG(0x40023804)
#define RCC_CFGR REG(0x40023808)
#define RCC_AHB1ENR REG(0x40023830)
#define RCC_APB1ENR REG(0x40023840)
#define RCC_APB2ENR REG(0x40023844)
#define PWR_CR1 REG(0x40007000)
#define PWR_CSR1 REG(0x40007004)
#define FLASH_ACR REG(0x40023C00)
#define GPIOA(offset) REG(0x40020000 + offset)
#define GPIOB(offset) REG(0x40020400 + offset)
#define USART1(offset) REG(0x40011000 + offset)
#define UART USART1

static inline void pins(void)
{
    RCC_AHB1ENR |= 3;
    GPIOA(0x00) = (GPIOA(0x00) & ~(3u << 18)) | 2u << 18;
    GPIOA(0x24) = (GPIOA(0x24) & ~0xF0u) | 7u << 4;
    GPIOB(0x00) = (GPIOB(0x00) & ~(3u << 14)) | 2u << 14;
    GPIOB(0x20) = (GPIOB(0x20) & ~0xF0000000u) | 7u << 28;
}
static inline void uart(void)
{
    pins();
    RCC_APB2ENR |= 1u << 4;
    USART1(0x0C) = 139; /* 16 MHz / 139 = 115108 baud */
    USART1(0x00) = 0xD;
}
"""
    + _LINE
)

# MSI at 4 MHz is the clock after a reset.
PRELUDE_L4 = (
    _CORE
    + r"""
#define RCC_CR REG(0x40021000)
#define RCC_CFGR REG(0x40021008)
#define RCC_PLLCFGR REG(0x4002100C)
#define RCC_AHB2ENR REG(0x4002104C)
#define RCC_APB1ENR1 REG(0x40021058)
#define RCC_APB1ENR2 REG(0x4002105C)
#define RCC_CCIPR REG(0x40021088)
#define PWR_CR1 REG(0x40007000)
#define PWR_CR2 REG(0x40007004)
#define PWR_CR5 REG(0x40007080)
#define FLASH_ACR REG(0x40022000)
#define GPIOG(offset) REG(0x48001800 + offset)
#define LPUART1(offset) REG(0x40008000 + offset)
#define UART LPUART1

static inline void supply(void)
{
    RCC_APB1ENR1 |= 1u << 28;
    PWR_CR2 |= 1u << 9;
}
static inline void pins(void)
{
    RCC_AHB2ENR |= 1u << 6;
    GPIOG(0x00) = (GPIOG(0x00) & ~(0xFu << 14)) | 0xAu << 14;
    GPIOG(0x20) = (GPIOG(0x20) & ~0xF0000000u) | 8u << 28;
    GPIOG(0x24) = (GPIOG(0x24) & ~0xFu) | 8u;
}
static inline void uart(u32 brr)
{
    pins();
    RCC_APB1ENR2 |= 1;
    LPUART1(0x0C) = brr;
    LPUART1(0x00) = 0xD;
}
"""
    + _LINE
)

# HSI16 is the clock after a reset.
PRELUDE_G0 = (
    _CORE
    + r"""
#define RCC_CR REG(0x40021000)
#define RCC_CFGR REG(0x40021008)
#define RCC_PLLCFGR REG(0x4002100C)
#define RCC_IOPENR REG(0x40021034)
#define RCC_APBENR1 REG(0x4002103C)
#define RCC_CCIPR REG(0x40021054)
#define PWR_CR1 REG(0x40007000)
#define FLASH_ACR REG(0x40022000)
#define TIM2(offset) REG(0x40000000 + offset)
#define GPIOA(offset) REG(0x50000000 + offset)
#define USART2(offset) REG(0x40004400 + offset)
#define UART USART2

static inline void pins(void)
{
    RCC_IOPENR |= 1;
    GPIOA(0x00) = (GPIOA(0x00) & ~(0xFu << 4)) | 0xAu << 4;
    GPIOA(0x20) = (GPIOA(0x20) & ~0xFF00u) | 0x1100u;
}
static inline void uart(u32 brr)
{
    pins();
    RCC_APBENR1 |= 1u << 17;
    USART2(0x0C) = brr;
    USART2(0x00) = 0xD;
}
"""
    + _LINE
)
