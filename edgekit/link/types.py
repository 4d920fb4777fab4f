"""What a device says, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class DType(IntEnum):
    """A tensor's element type: ek_dtype_t of edgekit.h."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    FLOAT32 = 4

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The element type as it lies in the device's memory, little-endian."""
        return np.dtype({1: "<i1", 2: "<i2", 3: "<i4", 4: "<f4"}[int(self)])


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of the model on the device.

    name        as in the model, cut to 47 bytes
    bytes       its storage
    dtype       its element type
    shape       its dimensions, at most five
    row_bytes   of a streamed input or output: the bytes of one row, which the device asks for, or hands over, while the
                model runs; else 0
    scale       real = scale * (stored - zero_point); 0 for float32
    zero_point  see scale
    """

    name: str
    bytes: int
    dtype: DType
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    row_bytes: int = 0

    @property
    def streamed(self) -> bool:
        return self.row_bytes > 0


@dataclass(frozen=True)
class Hello:
    """Who answers.

    protocol     the wire protocol's version
    board        the board's canonical name
    model        the model's name
    build_id     16 hex digits: a digest of everything that went into the firmware
    clock_hz     the core's clock, None where the device does not know it
    tick_hz      the rate of the counter that layers are timed with
    max_payload  the largest payload that both sides take, in bytes
    boot_count   how often the firmware has started, as far as its memory remembers
    n_layers     layers that the model marks
    n_regions    memory regions that the arena is spread over
    inputs       the model's inputs
    outputs      the model's outputs
    """

    protocol: int
    board: str
    model: str
    build_id: str
    clock_hz: int | None
    tick_hz: int
    max_payload: int
    boot_count: int
    n_layers: int
    n_regions: int
    inputs: tuple[TensorInfo, ...] = ()
    outputs: tuple[TensorInfo, ...] = ()


@dataclass(frozen=True)
class LayerRecord:
    """The time of one layer: its index, and the ticks (of Hello.tick_hz) from its mark to the next."""

    layer: int
    ticks: int


@dataclass(frozen=True)
class Inference:
    """One inference.

    outputs      each output's bytes, as they lie, or lay row by row, in the device's memory
    layers       the layers' times in order
    total_ticks  from before the first layer to after the last, without what rows took to come and to leave
    """

    outputs: tuple[bytes, ...]
    layers: tuple[LayerRecord, ...]
    total_ticks: int


@dataclass(frozen=True)
class MemoryMarks:
    """How much memory was touched, found by painting.

    stack_bytes   the most stack in use since boot, None where the port cannot tell
    stack_size    the stack's memory, None likewise
    arena_bytes   per region of the model: bytes up to the highest one that was touched since the last inference began
    arena_sizes   per region of the model: the arena's bytes
    """

    stack_bytes: int | None
    stack_size: int | None
    arena_bytes: tuple[int, ...]
    arena_sizes: tuple[int, ...]
