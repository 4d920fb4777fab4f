"""One inference on a device, compared byte for byte with the reference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen import reference
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import OUTSIDE
from edgekit_codegen.schedule.front import mode

from ..link import Hello, Inference, LayerRecord
from ..results import LayerResult, ProfileResult
from ..workspace import BuildFolder
from .connect import Connection

OnLayer = Callable[[LayerResult], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """An inference's outputs as arrays, and its figures."""

    outputs: tuple[npt.NDArray[Any], ...]
    profile: ProfileResult


def measure(
    connection: Connection,
    folder: BuildFolder,
    graph: Graph,
    inputs: Sequence[npt.NDArray[Any]],
    on_layer: OnLayer | None = None,
) -> Measured:
    """Run the inputs on the device and on the reference.

    graph     the very graph the image was built from
    on_layer  called as each layer's record arrives; instructions and cycles of an emulated core come with the totals
    """
    layers = folder.layers

    def arrived(record: LayerRecord) -> None:
        if on_layer is not None:
            ticks = record.ticks if connection.target == "hardware" else None
            on_layer(_layer(layers[record.layer], None, ticks))

    hello = connection.session.hello()
    inference = connection.session.infer([x.tobytes() for x in inputs], arrived)
    outputs = tuple(
        np.frombuffer(raw, tensor.dtype.numpy).reshape(tensor.shape)
        for raw, tensor in zip(inference.outputs, (graph.tensors[i] for i in graph.outputs), strict=True)
    )
    expected = reference.run(graph, list(inputs))
    equal = all(a.tobytes() == b.tobytes() for a, b in zip(outputs, expected, strict=True))
    return Measured(outputs, _profile(connection, folder, layers, hello, inference, equal))


def _profile(
    connection: Connection,
    folder: BuildFolder,
    layers: list[dict[str, Any]],
    hello: Hello,
    inference: Inference,
    equal: bool,
) -> ProfileResult:
    marks = connection.marks(inference)
    instructions: Sequence[int | None] = [None] * len(layers)
    cycles: Sequence[int | None] = [None] * len(layers)
    if marks is not None:
        instructions = marks.instructions
        cycles = marks.cycles if marks.cycles is not None else cycles
    elif connection.target == "hardware":
        cycles = [record.ticks for record in inference.layers]
    rows = tuple(_layer(layer, i, c) for layer, i, c in zip(layers, instructions, cycles, strict=True))
    total_cycles = _total(cycles)
    clock = hello.clock_hz
    memory = connection.session.memory()
    return ProfileResult(
        model=folder.model_name,
        board=folder.board,
        target=connection.target,
        build_id=folder.build_id,
        input=mode(any(tensor.streamed for tensor in hello.inputs), OUTSIDE in folder.regions),
        output="streamed" if any(tensor.streamed for tensor in hello.outputs) else "resident",
        instructions=_total(instructions),
        cycles=total_cycles,
        clock_hz=clock,
        latency_ms=None if total_cycles is None or clock is None else total_cycles / clock * 1e3,
        cycles_source=None if total_cycles is None else "measured" if connection.target == "hardware" else "estimated",
        layers=rows,
        stack_bytes=memory.stack_bytes,
        arena_bytes=sum(n for n, name in zip(memory.arena_bytes, folder.regions, strict=True) if name != OUTSIDE),
        output_sha256=hashlib.sha256(b"".join(inference.outputs)).hexdigest(),
        output_matches_reference=equal,
    )


def _layer(layer: dict[str, Any], instructions: int | None, cycles: int | None) -> LayerResult:
    shape = "x".join(str(d) for d in layer["output"][1:]) or "scalar"
    detail = f"{layer['describe']} → {shape}".strip()
    return LayerResult(layer["index"], layer["name"], layer["op"], detail, layer["macs"], instructions, cycles)


def _total(values: Sequence[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None
