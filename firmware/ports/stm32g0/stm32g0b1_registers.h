/* stm32g0b1_registers.h: the registers of an STM32G0B1 that this port uses, under the vendor's names. */
#ifndef STM32G0B1_REGISTERS_H
#define STM32G0B1_REGISTERS_H

#include "ek_stm32.h"

/* Reset and clock control. */
#define RCC_BASE 0x40021000u
#define RCC_CR EK_REGISTER(RCC_BASE + 0x00u)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR EK_REGISTER(RCC_BASE + 0x08u)
#define RCC_CFGR_SW (7u << 0)
#define RCC_CFGR_SW_PLL (2u << 0)
#define RCC_CFGR_SWS (7u << 3)
#define RCC_CFGR_SWS_PLL (2u << 3)
#define RCC_CFGR_HPRE (0xFu << 8)
#define RCC_CFGR_PPRE (7u << 12)
#define RCC_PLLCFGR EK_REGISTER(RCC_BASE + 0x0Cu)
#define RCC_PLLCFGR_PLLSRC (3u << 0)
#define RCC_PLLCFGR_PLLSRC_HSI (2u << 0)
#define RCC_PLLCFGR_PLLM_Pos 4 /* holds M - 1 */
#define RCC_PLLCFGR_PLLM (7u << RCC_PLLCFGR_PLLM_Pos)
#define RCC_PLLCFGR_PLLN_Pos 8
#define RCC_PLLCFGR_PLLN (0xFFu << RCC_PLLCFGR_PLLN_Pos)
#define RCC_PLLCFGR_PLLREN (1u << 28)
#define RCC_PLLCFGR_PLLR (7u << 29)
#define RCC_PLLCFGR_PLLR_DIV2 (1u << 29)
#define RCC_IOPENR EK_REGISTER(RCC_BASE + 0x34u)
#define RCC_APBENR1 EK_REGISTER(RCC_BASE + 0x3Cu)
#define RCC_APBENR1_TIM2EN (1u << 0)
#define RCC_APBENR1_USART2EN (1u << 17)
#define RCC_CCIPR EK_REGISTER(RCC_BASE + 0x54u)
#define RCC_CCIPR_USART2SEL (3u << 2) /* 0: PCLK */

/* Flash interface: wait states, prefetch and the instruction cache. */
#define FLASH_ACR EK_REGISTER(0x40022000u)
#define FLASH_ACR_LATENCY (7u << 0)
#define FLASH_ACR_LATENCY_2WS (2u << 0)
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)

/* The timer with 32 bits. */
#define TIM2_BASE 0x40000000u
#define TIM2_CR1 EK_REGISTER(TIM2_BASE + 0x00u)
#define TIM2_CR1_CEN (1u << 0)
#define TIM2_CNT EK_REGISTER(TIM2_BASE + 0x24u)
#define TIM2_ARR EK_REGISTER(TIM2_BASE + 0x2Cu)

/* Ports; 0 is GPIOA, and so on. Their clock's bit in RCC_IOPENR has the same number. */
#define GPIO_BASE(port) (0x50000000u + 0x400u * (port))

#define USART2_BASE 0x40004400u

#endif
