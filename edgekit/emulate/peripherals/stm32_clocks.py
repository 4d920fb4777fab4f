"""What the clock trees of ST's families have in common: the bus prescalers, and what a core clock asks of a part."""

from __future__ import annotations

from ..faults import Violation
from ..rules import Rule
from .base import Context

_AHB_SHIFTS = (1, 2, 3, 4, 6, 7, 8, 9)  # for HPRE from 8 on; there is no division by 32


def divided_ahb(hz: int, hpre: int) -> int:
    """HCLK of a system clock, by the field HPRE."""
    return hz >> _AHB_SHIFTS[hpre - 8] if hpre >= 8 else hz


def divided_apb(hz: int, ppre: int) -> int:
    """PCLK of an HCLK, by the field PPRE1 or PPRE2."""
    return hz >> ppre - 3 if ppre >= 4 else hz


def check_core(context: Context, system: int, core: int, needed: int, allowed_by: str, address: int) -> None:
    """Raise Violation where the part's supply or its flash cannot serve a core clock.

    system, core  SYSCLK and HCLK in Hz
    needed        flash wait states at this HCLK
    allowed_by    what of PWR limits the clock, with its verb
    """
    highest = context.power() if context.power is not None else system
    if system > highest:
        message = f"the core is switched to {system} Hz, while PWR's {allowed_by} {highest} Hz"
        raise Violation(Rule.SUPPLY, message, address)
    latency = context.latency() if context.latency is not None else needed
    if latency < needed:
        message = f"the core is switched to {core} Hz with {latency} flash wait states; it needs {needed}"
        raise Violation(Rule.WAIT_STATES, message, address)
