"""What the compiler is told about the machine: memory regions, instruction set and cost tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Region:
    """Memory that a model's buffers may use.

    name         as the board file names it ("dtcm", "sram")
    size         bytes available to the arena, after stack and firmware
    align        what the base of the region is aligned to, in bytes
    wait_states  extra cycles per access; regions with fewer are filled first
    """

    name: str
    size: int
    align: int = 32
    wait_states: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to plan and emit for.

    name     for messages and generated comments
    regions  in order of preference; at most 4 (EK_MAX_REGIONS)
    isa      which kernels run on it (providers.PROVIDERS): "scalar" ones run anywhere, "mve" ones need Helium,
             "v6m" ones are for Armv6-M
    kernels  whose kernels compute what they can (providers.KERNELS); edgekit's compute the rest
    cycles   instruction class -> cycles, for estimates; empty where no table is known
    """

    name: str
    regions: tuple[Region, ...]
    isa: str = "scalar"
    cycles: Mapping[str, float] = field(default_factory=dict)
    kernels: str = "edgekit"


def host_target(size: int = 64 << 20) -> Target:
    """One region on the machine that edgekit itself runs on, for tests and library users."""
    return Target("host", (Region("ram", size),))
