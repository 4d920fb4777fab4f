/* stm32f405_registers.h: the registers of an STM32F405 that this port uses, under the vendor's names. */
#ifndef STM32F405_REGISTERS_H
#define STM32F405_REGISTERS_H

#include "ek_stm32.h"

/* Reset and clock control. */
#define RCC_BASE 0x40023800u
#define RCC_CR EK_REGISTER(RCC_BASE + 0x00u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR EK_REGISTER(RCC_BASE + 0x04u)
#define RCC_PLLCFGR_PLLM_Pos 0
#define RCC_PLLCFGR_PLLM (0x3Fu << RCC_PLLCFGR_PLLM_Pos)
#define RCC_PLLCFGR_PLLN_Pos 6
#define RCC_PLLCFGR_PLLN (0x1FFu << RCC_PLLCFGR_PLLN_Pos)
#define RCC_PLLCFGR_PLLP (3u << 16)   /* 0: divides by 2 */
#define RCC_PLLCFGR_PLLSRC (1u << 22) /* 1: HSE */
#define RCC_PLLCFGR_PLLQ_Pos 24
#define RCC_PLLCFGR_PLLQ (0xFu << RCC_PLLCFGR_PLLQ_Pos)
#define RCC_CFGR EK_REGISTER(RCC_BASE + 0x08u)
#define RCC_CFGR_SW (3u << 0)
#define RCC_CFGR_SW_PLL (2u << 0)
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_HPRE (0xFu << 4)
#define RCC_CFGR_PPRE1 (7u << 10)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2 (7u << 13)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1ENR EK_REGISTER(RCC_BASE + 0x30u)
#define RCC_APB1ENR EK_REGISTER(RCC_BASE + 0x40u)
#define RCC_APB1ENR_TIM2EN (1u << 0)
#define RCC_APB1ENR_PWREN (1u << 28)
#define RCC_APB2ENR EK_REGISTER(RCC_BASE + 0x44u)
#define RCC_APB2ENR_USART1EN (1u << 4)

/* Power control: voltage scale. */
#define PWR_BASE 0x40007000u
#define PWR_CR EK_REGISTER(PWR_BASE + 0x00u)
#define PWR_CR_VOS (1u << 14) /* scale 1 */

/* Flash interface: wait states, prefetch and the accelerator's two caches. */
#define FLASH_ACR EK_REGISTER(0x40023C00u)
#define FLASH_ACR_LATENCY (7u << 0)
#define FLASH_ACR_LATENCY_5WS (5u << 0)
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

/* A 32-bit timer on APB1. */
#define TIM2_BASE 0x40000000u
#define TIM2_CR1 EK_REGISTER(TIM2_BASE + 0x00u)
#define TIM2_CR1_CEN (1u << 0)
#define TIM2_CNT EK_REGISTER(TIM2_BASE + 0x24u)
#define TIM2_ARR EK_REGISTER(TIM2_BASE + 0x2Cu)

/* Ports; 0 is GPIOA, and so on. Their clock's bit in RCC_AHB1ENR has the same number. */
#define GPIO_BASE(port) (0x40020000u + 0x400u * (port))

#define USART1_BASE 0x40011000u /* on APB2 */

#endif
