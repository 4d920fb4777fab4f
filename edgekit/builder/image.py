"""ek_image.c: the one file of a firmware image that says which model it serves, where its arena lies and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BUILD_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Arena:
    """The part of the arena in one memory: the memory's name, bytes, and what its base is aligned to; or, named
    OUTSIDE, the input that lies beside the arena.

    memory  where that input lies, "" for the part of an arena
    """

    name: str
    bytes: int
    align: int
    memory: str = ""

    @property
    def section(self) -> str:
        return f".input.{self.memory}" if self.memory else f".arena.{self.name}"


def image_source(
    symbol: str,
    arenas: Sequence[Arena],
    layers: int,
    pulls: bool,
    pushes: bool,
    board: str,
    build_id: str,
    sections: bool,
) -> str:
    """The C text.

    symbol    the model's ek_model_t
    arenas    in the order of the model's regions
    layers    how many the model has
    pulls     an input of it is streamed: the agent gets its rows from the host
    pushes    an output of it is streamed: the agent gives its rows to the host
    build_id  hex digits, BUILD_ID_BYTES bytes
    sections  place each arena in its section, which the linker script puts into that memory
    """
    lines = [
        "/* Generated: what this firmware image consists of. */",
        '#include "ek_firmware.h"',
        *(['#include "ek_stream.h"'] if pulls or pushes else []),
        "",
    ]
    lines += [f"extern const ek_model_t {symbol};", ""]
    for arena in arenas:
        if arena.bytes:
            where = f'section("{arena.section}"), ' if sections else ""
            lines.append(
                f"static uint8_t arena_{arena.name}[{arena.bytes}] __attribute__(({where}aligned({arena.align})));"
            )
    lines.append(f"static uint32_t layer_ticks[{max(layers, 1)}];")
    regions = ", ".join(f"arena_{a.name}" if a.bytes else "0" for a in arenas)
    octets = ", ".join(f"0x{b:02x}" for b in bytes.fromhex(build_id))
    lines += [
        "",
        "const ek_firmware_t ek_firmware = {",
        f"    .model = &{symbol},",
        f"    .region = {{{regions}}},",
        "    .layer_ticks = layer_ticks,",
        *(["    .pull = ek_agent_pull,"] if pulls else []),
        *(["    .push = ek_agent_push,"] if pushes else []),
        f'    .board = "{board}",',
        f"    .build_id = {{{octets}}},",
        "};",
        "",
    ]
    return "\n".join(lines)
