"""What computes every element alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from edgekit_codegen.ir import Activation, Attrs, Op, Quant
from edgekit_codegen.ops.attributes import (
    Abs,
    Add,
    Dequantize,
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Quantize,
    Relu,
    Rsqrt,
    SquaredDifference,
    Sub,
    Tanh,
)

from ..source import Source
from .record import Translation

UNIT = Quant((1.0,), (0,))


def _plain(kind: str, attrs: Attrs, inputs: int = 1) -> Translation:
    """An operator without options that matter."""
    return Translation(lambda source: source.op(kind, attrs, inputs=inputs), (inputs, inputs), kinds=(kind,))


def _clamped(kind: str, options: str, attrs: Callable[[Activation], Attrs]) -> Translation:
    """An operator of two inputs that may end with a fused activation."""

    def translate(source: Source) -> Op:
        return source.op(kind, attrs(source.activation(source.options_or_none(options))), inputs=2)

    return Translation(translate, (2, 2))


def _neg(source: Source) -> Op:
    """A product with -1, which TensorFlow Lite Micro computes; it has no NEG of int8."""
    x, out = source.input(0), source.output()
    minus_one = source.new_tensor(replace(x, name=f"{out.name}/minus_one", quant=UNIT), (), np.array(-1, np.int8))
    return source.step("mul", (x, minus_one), out, Mul())


def _leaky_relu(source: Source) -> Op:
    alpha = float(source.options("LeakyReluOptions")["alpha"])
    if not math.isfinite(alpha):
        raise source.error("operator.options", f"its alpha is {alpha}", "export the model again with a finite alpha")
    return source.op("leaky_relu", LeakyRelu(alpha), inputs=1)


def _gelu(source: Source) -> Op:
    options = source.options_or_none("GeluOptions")
    return source.op("gelu", Gelu(options is not None and bool(options["approximate"])), inputs=1)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "ADD": _clamped("add", "AddOptions", Add),
        "SUB": _clamped("sub", "SubOptions", Sub),
        "MUL": _clamped("mul", "MulOptions", Mul),
        "MAXIMUM": _plain("maximum", Maximum(), inputs=2),
        "MINIMUM": _plain("minimum", Minimum(), inputs=2),
        "SQUARED_DIFFERENCE": _plain("squared_difference", SquaredDifference(), inputs=2),
        "PRELU": _plain("prelu", Prelu(), inputs=2),
        "QUANTIZE": _plain("quantize", Quantize()),
        "DEQUANTIZE": _plain("dequantize", Dequantize()),
        "RELU": _plain("relu", Relu(Activation.RELU)),
        "RELU6": _plain("relu", Relu(Activation.RELU6)),
        "RELU_N1_TO_1": _plain("relu", Relu(Activation.RELU_N1_TO_1)),
        "LEAKY_RELU": Translation(_leaky_relu, (1, 1)),
        "ELU": _plain("elu", Elu()),
        "GELU": Translation(_gelu, (1, 1)),
        "HARD_SWISH": _plain("hard_swish", HardSwish()),
        "LOGISTIC": _plain("logistic", Logistic()),
        "TANH": _plain("tanh", Tanh()),
        "ABS": _plain("abs", Abs()),
        "NEG": Translation(_neg, (1, 1), kinds=("mul",)),
        "RSQRT": _plain("rsqrt", Rsqrt()),
    }
)
