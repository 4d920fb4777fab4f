"""Models of the peripherals that firmware touches, one module each, under the names that board files use."""

from __future__ import annotations

from ...errors import ConfigError
from . import (
    stm32_flash,
    stm32_gpio,
    stm32_lpuart,
    stm32_pwr,
    stm32_rcc,
    stm32_usart_v2,
    stm32g0_flash,
    stm32g0_gpio,
    stm32g0_pwr,
    stm32g0_rcc,
    stm32g0_tim2,
    stm32g0_usart,
    stm32l4_flash,
    stm32l4_gpio,
    stm32l4_pwr,
    stm32l4_rcc,
)
from .base import Context, Peripheral
from .dwt import Dwt
from .system_control import SystemControl
from .systick import SysTick

_PART = {
    "stm32_rcc": stm32_rcc.build,
    "stm32_pwr": stm32_pwr.build,
    "stm32_flash": stm32_flash.build,
    "stm32_gpio": stm32_gpio.build,
    "stm32_usart_v2": stm32_usart_v2.build,
    "stm32l4_rcc": stm32l4_rcc.build,
    "stm32l4_pwr": stm32l4_pwr.build,
    "stm32l4_flash": stm32l4_flash.build,
    "stm32l4_gpio": stm32l4_gpio.build,
    "stm32_lpuart": stm32_lpuart.build,
    "stm32g0_rcc": stm32g0_rcc.build,
    "stm32g0_pwr": stm32g0_pwr.build,
    "stm32g0_flash": stm32g0_flash.build,
    "stm32g0_gpio": stm32g0_gpio.build,
    "stm32g0_usart": stm32g0_usart.build,
    "stm32g0_tim2": stm32g0_tim2.build,
}

__all__ = ["NAMES", "Context", "Peripheral", "SystemControl", "build"]

NAMES = (*_PART, "dwt", "systick")
"""What a board file may list under [emulator] peripherals."""


def build(context: Context) -> tuple[SystemControl, list[Peripheral]]:
    """The core's own blocks and those the board lists. ConfigError for one that is not modelled."""
    system = SystemControl(context)
    blocks: list[Peripheral] = []
    for name in context.board.emulator.peripherals:
        if name == "dwt":
            blocks.append(Dwt(context, system))
        elif name == "systick":
            blocks.append(SysTick(context))
        elif name in _PART:
            blocks.extend(_PART[name](context))
        else:
            raise ConfigError(
                "emulator.peripheral",
                f"{context.board.name}: no peripheral model is called {name!r}",
                f"models: {', '.join(NAMES)}",
            )
    return system, [*blocks, system]
