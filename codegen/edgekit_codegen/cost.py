"""What a graph costs besides memory, before anything is compiled: instructions, estimated, and bytes of weights, exact.

The estimate is for comparing schedules of one model. Its figures were fitted to the layers of seven int8 networks on an
emulated Cortex-M7, GCC 12, -O2, kernels for the DSP extension. Another compiler, core or kernel changes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .ir.types import Graph, Op
from .ops import TABLE


@dataclass(frozen=True, slots=True)
class Rate:
    """Instructions per output element, per element of the operands, and per multiply-accumulate."""

    written: float
    read: float = 0.0
    mac: float = 0.0


ELEMENTWISE = Rate(40)
"""Of kinds that RATES does not name: an addition, an activation, a requantization."""

_REDUCES = Rate(10, 6)
_POOLS = Rate(15, 7)
_MOVES = Rate(5)
_PLAIN = Rate(48, mac=3.0)

RATES: Mapping[str, Rate] = {
    "conv2d": Rate(10, mac=0.95),
    "fully_connected": Rate(14, mac=1.1),
    "depthwise_conv2d": Rate(11, mac=2.1),
    "transpose_conv": _PLAIN,
    "batch_matmul": _PLAIN,
    "add": Rate(4, 7),
    "average_pool2d": _POOLS,
    "max_pool2d": _POOLS,
    **dict.fromkeys(("mean", "sum", "reduce_max", "reduce_min", "arg_max", "arg_min"), _REDUCES),
    **dict.fromkeys(("concatenation", "gather", "mirror_pad", "pad", "strided_slice", "tile", "transpose"), _MOVES),
    "softmax": Rate(150),
    "log_softmax": Rate(150),
}


def instructions(graph: Graph) -> int:
    """Instructions of one inference layer by layer, estimated."""
    return round(sum(instructions_of(graph, op) for op in _running(graph)))


def weights_bytes(graph: Graph) -> int:
    """Bytes of the weights, epilogues and constant operands that kernels read, exact; no padding between them."""
    return sum(_constants(graph, op) for op in _running(graph))


def instructions_of(graph: Graph, op: Op) -> float:
    """Instructions to compute all of an operator's output, estimated."""
    rate = RATES.get(op.kind, ELEMENTWISE)
    read = sum(t.elements for t in TABLE[op.kind].operands(graph, op))
    return rate.mac * TABLE[op.kind].macs(graph, op) + rate.written * graph.result(op).elements + rate.read * read


def _constants(graph: Graph, op: Op) -> int:
    record = TABLE[op.kind]
    assert record.kernel is not None
    weights, requant = record.kernel.weights(graph, op), record.kernel.requant(graph, op)
    operands = sum(t.bytes for t in record.operands(graph, op) if t.is_constant)
    epilogue = 0 if requant is None else sum(a.nbytes for a in (requant.bias, requant.multiplier, requant.shift))
    return operands + epilogue + (0 if weights is None else weights.nbytes)


def _running(graph: Graph) -> Iterator[Op]:
    return (op for op in graph.ops if TABLE[op.kind].kernel is not None)
