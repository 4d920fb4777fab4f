"""What computes every element alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from support.conv_graphs import Case

from edgekit_codegen.ir import Activation, DType, Shape
from edgekit_codegen.ops.attributes import (
    Dequantize,
    Quantize,
    Relu,
)

from .drawing import quants, shapes, unary, values


@st.composite
def quantize(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, out_quant = draw(shapes()), draw(quants())
    if draw(st.booleans()):
        return Case(unary("quantize", Quantize(), shape, shape, draw(quants()), out_quant), (draw(values(shape)),))
    graph = unary("quantize", Quantize(), shape, shape, None, out_quant, x_dtype=DType.FLOAT32)
    return Case(graph, (draw(reals(shape, out_quant.scale[0])),))


@st.composite
def reals(draw: st.DrawFn, shape: Shape, scale: float) -> npt.NDArray[Any]:
    """Around int8's range, multiples of half a step (ties) among them, and their neighbours."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.uniform(-300.0, 300.0, shape)
    halves = np.round(steps * 2.0) / 2.0
    exact = (np.where(rng.random(shape) < 0.5, halves, steps) * scale).astype(np.float32)
    towards = rng.choice(np.array([-np.inf, np.inf], np.float32), shape)
    return np.where(rng.random(shape) < 0.3, np.nextafter(exact, towards), exact).astype(np.float32)


@st.composite
def dequantize(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes())
    graph = unary("dequantize", Dequantize(), shape, shape, draw(quants()), None, out_dtype=DType.FLOAT32)
    return Case(graph, (draw(values(shape)),))


@st.composite
def relu(draw: st.DrawFn, plain: bool = False) -> Case:
    kinds = [Activation.RELU, Activation.RELU6] + ([] if plain else [Activation.RELU_N1_TO_1])
    activation, shape, x_quant = draw(st.sampled_from(kinds)), draw(shapes()), draw(quants())
    differ = not plain or activation is Activation.RELU
    out_quant = draw(quants()) if differ and draw(st.booleans()) else x_quant
    return Case(unary("relu", Relu(activation), shape, shape, x_quant, out_quant), (draw(values(shape)),))


CASES = {"dequantize": dequantize, "quantize": quantize, "relu": relu}
