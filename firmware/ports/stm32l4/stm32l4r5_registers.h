/* stm32l4r5_registers.h: the registers of an STM32L4R5 that this port uses, under the vendor's names. */
#ifndef STM32L4R5_REGISTERS_H
#define STM32L4R5_REGISTERS_H

#include "ek_stm32.h"

/* Reset and clock control. */
#define RCC_BASE 0x40021000u
#define RCC_CR EK_REGISTER(RCC_BASE + 0x00u)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR EK_REGISTER(RCC_BASE + 0x08u)
#define RCC_CFGR_SW (3u << 0)
#define RCC_CFGR_SW_PLL (3u << 0)
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (3u << 2)
#define RCC_CFGR_HPRE (0xFu << 4)
#define RCC_CFGR_HPRE_DIV2 (8u << 4)
#define RCC_CFGR_PPRE1 (7u << 8)
#define RCC_CFGR_PPRE2 (7u << 11)
#define RCC_PLLCFGR EK_REGISTER(RCC_BASE + 0x0Cu)
#define RCC_PLLCFGR_PLLSRC (3u << 0)
#define RCC_PLLCFGR_PLLSRC_HSI (2u << 0)
#define RCC_PLLCFGR_PLLM_Pos 4 /* holds M - 1 */
#define RCC_PLLCFGR_PLLM (0xFu << RCC_PLLCFGR_PLLM_Pos)
#define RCC_PLLCFGR_PLLN_Pos 8
#define RCC_PLLCFGR_PLLN (0x7Fu << RCC_PLLCFGR_PLLN_Pos)
#define RCC_PLLCFGR_PLLREN (1u << 24)
#define RCC_PLLCFGR_PLLR (3u << 25) /* 0: divides by 2 */
#define RCC_AHB2ENR EK_REGISTER(RCC_BASE + 0x4Cu)
#define RCC_APB1ENR1 EK_REGISTER(RCC_BASE + 0x58u)
#define RCC_APB1ENR1_PWREN (1u << 28)
#define RCC_APB1ENR2 EK_REGISTER(RCC_BASE + 0x5Cu)
#define RCC_APB1ENR2_LPUART1EN (1u << 0)
#define RCC_CCIPR EK_REGISTER(RCC_BASE + 0x88u)
#define RCC_CCIPR_LPUART1SEL (3u << 10) /* 0: PCLK1 */

/* Power control: voltage range, its boost, and the supply of some pins. */
#define PWR_BASE 0x40007000u
#define PWR_CR1 EK_REGISTER(PWR_BASE + 0x00u)
#define PWR_CR1_VOS (3u << 9)
#define PWR_CR1_VOS_RANGE1 (1u << 9)
#define PWR_CR2 EK_REGISTER(PWR_BASE + 0x04u)
#define PWR_CR2_IOSV (1u << 9) /* VDDIO2 is there: PG2 to PG15 are connected to their pads */
#define PWR_SR2 EK_REGISTER(PWR_BASE + 0x14u)
#define PWR_SR2_VOSF (1u << 10)
#define PWR_CR5 EK_REGISTER(PWR_BASE + 0x80u)
#define PWR_CR5_R1MODE (1u << 8) /* range 1 without boost */

/* Flash interface: wait states, prefetch, and the accelerator's two caches. */
#define FLASH_ACR EK_REGISTER(0x40022000u)
#define FLASH_ACR_LATENCY (0xFu << 0)
#define FLASH_ACR_LATENCY_5WS (5u << 0)
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

/* Ports; 0 is GPIOA, and so on. Their clock's bit in RCC_AHB2ENR has the same number. */
#define GPIO_BASE(port) (0x48000000u + 0x400u * (port))
#define GPIO_PORT_G 6u

#define LPUART1_BASE 0x40008000u /* on APB1 */

#endif
