"""The payloads of commands and replies, to and from bytes. All numbers are little-endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgekit.errors import LinkError
from edgekit.link import protocol
from edgekit.link.types import DType, Hello, MemoryMarks, TensorInfo

_HELLO_COMMAND = struct.Struct("<BBH")
_HELLO = struct.Struct("<BBBBHHIII8s")
_TENSOR = struct.Struct("<IIfi5iBB")
_WRITE = struct.Struct("<BI")
_READ = struct.Struct("<BIH")
_LAYERS = struct.Struct("<HH")
_INFER = struct.Struct("<QIIIH")
_ROW = struct.Struct("<II")
_TAKE = struct.Struct("<IIH")
_TAKE_REPLY = struct.Struct("<I")
_MEM = struct.Struct("<IIB")
_MEM_REGION = struct.Struct("<II")

WRITE_OVERHEAD = _WRITE.size
"""Bytes of a WRITE payload before its data."""

ROW_OVERHEAD = _ROW.size
"""Bytes of a ROW payload before its data."""


@dataclass(frozen=True)
class InferReply:
    """What the device says after an inference: ticks in all, the CRC-32 of all outputs but a streamed one, that of the
    rows that it took of a streamed input, that of the rows that it handed over of a streamed output, layers whose ticks
    it kept."""

    total_ticks: int
    output_crc: int
    pulled_crc: int
    pushed_crc: int
    n_layers: int


@dataclass(frozen=True, order=True)
class RowWanted:
    """The rest of a row that the model waits for: of row `row`, the bytes from `offset` on."""

    row: int
    offset: int


def malformed(what: str) -> LinkError:
    """A frame whose CRC is right and whose content makes no sense: host and firmware disagree about the protocol."""
    return LinkError(
        "link.malformed",
        f"the device sent {what}",
        "firmware and host are of different versions: build and flash the firmware again",
    )


def hello_command(max_payload: int) -> bytes:
    """HELLO: the host's protocol version and the largest payload it takes."""
    return _HELLO_COMMAND.pack(protocol.VERSION, 0, max_payload)


def hello(payload: bytes) -> tuple[Hello, int, int]:
    """The reply to HELLO, without its tensors, and how many inputs and outputs there are."""
    if not payload:
        raise malformed("an empty HELLO reply")
    if payload[0] != protocol.VERSION:
        raise LinkError(
            "link.protocol",
            f"the device speaks protocol version {payload[0]}, this host version {protocol.VERSION}",
            "build and flash the firmware again with this edgekit",
        )
    fields, rest = _split(_HELLO, payload, "HELLO")
    version, n_inputs, n_outputs, n_regions, n_layers, max_payload, clock_hz, tick_hz, boots, build_id = fields
    board, rest = _name(rest, "HELLO")
    model, _ = _name(rest, "HELLO")
    if max_payload < protocol.MIN_MAX_PAYLOAD or tick_hz == 0:
        raise malformed(f"a HELLO reply with a payload limit of {max_payload} bytes and {tick_hz} ticks per second")
    answer = Hello(
        protocol=version,
        board=board,
        model=model,
        build_id=build_id.hex(),
        clock_hz=clock_hz or None,
        tick_hz=tick_hz,
        max_payload=max_payload,
        boot_count=boots,
        n_layers=n_layers,
        n_regions=n_regions,
    )
    return answer, n_inputs, n_outputs


def tensor_command(output: bool, index: int) -> bytes:
    """TENSOR: which input or output to describe."""
    return bytes((int(output), index))


def tensor(payload: bytes) -> TensorInfo:
    """The reply to TENSOR."""
    fields, rest = _split(_TENSOR, payload, "TENSOR")
    size, row_bytes, scale, zero_point, *shape, dtype, rank = fields
    name, _ = _name(rest, "TENSOR")
    if dtype not in set(DType) or rank > len(shape):
        raise malformed(f"a tensor {name!r} of element type {dtype} and rank {rank}")
    if row_bytes and size % row_bytes:
        raise malformed(f"a tensor {name!r} of {size} bytes in rows of {row_bytes}")
    return TensorInfo(name, size, DType(dtype), tuple(shape[:rank]), scale, zero_point, row_bytes)


def write_command(index: int, offset: int, data: bytes) -> bytes:
    """WRITE: `data` belongs at `offset` of input `index`."""
    return _WRITE.pack(index, offset) + data


def infer_command(input_crc: int) -> bytes:
    """INFER: the CRC-32 of all inputs but a streamed one, one after the other."""
    return struct.pack("<I", input_crc)


def infer(payload: bytes) -> InferReply:
    """The final reply to INFER, or to the ROW or TAKE that came last."""
    fields, _ = _split(_INFER, payload, "INFER")
    return InferReply(*fields)


def row_command(wanted: RowWanted, data: bytes) -> bytes:
    """ROW: `data` is what is wanted, or the first part of it."""
    return _ROW.pack(wanted.row, wanted.offset) + data


def row_wanted(payload: bytes) -> RowWanted:
    """A reply of status ROW."""
    fields, _ = _split(_ROW, payload, "ROW")
    return RowWanted(*fields)


def take_command(row: int, offset: int, count: int) -> bytes:
    """TAKE: `count` bytes from `offset` of row `row`; none from the row's end on says that all of it was received."""
    return _TAKE.pack(row, offset, count)


def row_offered(payload: bytes) -> int:
    """A reply of status TAKE: the row."""
    (row,), _ = _split(_TAKE_REPLY, payload, "TAKE")
    return int(row)


def layers_command(first: int, count: int) -> bytes:
    """LAYERS: the ticks of `count` layers."""
    return _LAYERS.pack(first, count)


def layers(payload: bytes, count: int) -> Sequence[int]:
    """The reply to LAYERS: ticks."""
    if len(payload) != 4 * count:
        raise malformed(f"{len(payload)} bytes where the ticks of {count} layers were asked for")
    ticks: tuple[int, ...] = struct.unpack(f"<{count}I", payload)
    return ticks


def read_command(index: int, offset: int, count: int) -> bytes:
    """READ: `count` bytes from `offset` of output `index`."""
    return _READ.pack(index, offset, count)


def count_asked(command: bytes) -> int:
    """The count that ends a READ, TAKE or LAYERS command."""
    return int.from_bytes(command[-2:], "little")


def memory(payload: bytes) -> MemoryMarks:
    """The reply to MEM."""
    (stack_used, stack_size, n_regions), rest = _split(_MEM, payload, "MEM")
    if len(rest) != n_regions * _MEM_REGION.size:
        raise malformed(f"{len(rest)} bytes about {n_regions} memory regions")
    regions = list(_MEM_REGION.iter_unpack(rest))
    return MemoryMarks(
        stack_bytes=stack_used if stack_size else None,
        stack_size=stack_size or None,
        arena_bytes=tuple(used for used, _ in regions),
        arena_sizes=tuple(size for _, size in regions),
    )


def model_error(payload: bytes) -> int:
    """The model's return value in a reply of status MODEL."""
    return int.from_bytes(payload[:4], "little", signed=True)


def _split(layout: struct.Struct, payload: bytes, kind: str) -> tuple[tuple[Any, ...], bytes]:
    if len(payload) < layout.size:
        raise malformed(f"a {kind} reply of {len(payload)} bytes; at least {layout.size} are needed")
    return layout.unpack_from(payload), payload[layout.size :]


def _name(payload: bytes, kind: str) -> tuple[str, bytes]:
    if not payload or len(payload) < 1 + payload[0]:
        raise malformed(f"a {kind} reply whose name is cut short")
    end = 1 + payload[0]
    return payload[1:end].decode("utf-8", "replace"), payload[end:]
