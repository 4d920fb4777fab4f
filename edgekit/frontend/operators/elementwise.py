"""What computes every element alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Activation, Op
from edgekit_codegen.ops.attributes import Add, Dequantize, Quantize, Relu

from ..source import Source
from .record import Translation


def _add(source: Source) -> Op:
    return source.op("add", Add(source.activation(source.options_or_none("AddOptions"))), inputs=2)


def _relu(activation: Activation) -> Callable[[Source], Op]:
    return lambda source: source.op("relu", Relu(activation), inputs=1)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "ADD": Translation(_add, (2, 2)),
        "QUANTIZE": Translation(lambda source: source.op("quantize", Quantize(), inputs=1), (1, 1)),
        "DEQUANTIZE": Translation(lambda source: source.op("dequantize", Dequantize(), inputs=1), (1, 1)),
        "RELU": Translation(_relu(Activation.RELU), (1, 1)),
        "RELU6": Translation(_relu(Activation.RELU6), (1, 1)),
        "RELU_N1_TO_1": Translation(_relu(Activation.RELU_N1_TO_1), (1, 1)),
    }
)
