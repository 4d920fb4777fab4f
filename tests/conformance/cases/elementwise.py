"""What computes every element alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ACTIVATIONS, ZERO_POINTS, Case, float32

from edgekit_codegen.ir import Activation, Attrs, DType, Op, Quant, Shape, Tensor
from edgekit_codegen.ops.attributes import (
    Abs,
    Add,
    Dequantize,
    Elu,
    Gelu,
    HardSwish,
    LeakyRelu,
    Logistic,
    Lookup,
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

from .drawing import quant, quants, unary, values
from .movement import any_rank


@st.composite
def quantize(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, out_quant = draw(any_rank()), draw(quants())
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
    shape = draw(any_rank())
    graph = unary("dequantize", Dequantize(), shape, shape, draw(quants()), None, out_dtype=DType.FLOAT32)
    return Case(graph, (draw(values(shape)),))


@st.composite
def relu(draw: st.DrawFn, plain: bool = False) -> Case:
    kinds = [Activation.RELU, Activation.RELU6] + ([] if plain else [Activation.RELU_N1_TO_1])
    activation, shape, x_quant = draw(st.sampled_from(kinds)), draw(any_rank()), draw(quants())
    differ = not plain or activation is Activation.RELU
    out_quant = draw(quants()) if differ and draw(st.booleans()) else x_quant
    return Case(unary("relu", Relu(activation), shape, shape, x_quant, out_quant), (draw(values(shape)),))


def function(
    kind: str, attrs: st.SearchStrategy[Attrs], outs: Callable[[Quant], st.SearchStrategy[Quant]] = lambda x: quants()
) -> Callable[[bool], st.SearchStrategy[Case]]:
    """Cases of a function of one int8 tensor. outs: its output's quantization, given the input's."""

    @st.composite
    def draw_case(draw: st.DrawFn, plain: bool) -> Case:
        shape, x_quant = draw(any_rank()), draw(quants())
        out_quant = draw(st.one_of(outs(x_quant), outs(x_quant).map(lambda out: Quant(x_quant.scale, out.zero_point))))
        if kind in ("logistic", "tanh"):
            out_quant = draw(outs(x_quant))
        return Case(unary(kind, draw(attrs), shape, shape, x_quant, out_quant), (draw(values(shape)),))

    return lambda plain: draw_case(plain)


def as_hard_swish_wants(x: Quant) -> st.SearchStrategy[Quant]:
    """The input's scale is at most 128 times the output's."""
    ratios = st.floats(-6.9, 8.0)
    return st.builds(lambda e, z: quant(x.scale[0] * 2.0**e, z), ratios, ZERO_POINTS)


LEAKY_RELUS = st.one_of(st.sampled_from([0.01, 0.1, 0.2, 0.3, 1.0]), st.floats(-4.0, 4.0, width=32)).map(
    lambda alpha: LeakyRelu(float32(alpha))
)


@st.composite
def rsqrt(draw: st.DrawFn, plain: bool = False) -> Case:
    """Plain: from the zero point on, where TensorFlow Lite Micro does not stop."""
    shape, x_quant, out_quant = draw(any_rank()), draw(quants()), draw(quants())
    x = draw(values(shape))
    if plain:
        x = np.maximum(x, np.int8(x_quant.zero_point[0]))
    return Case(unary("rsqrt", Rsqrt(), shape, shape, x_quant, out_quant), (x,))


@st.composite
def lookup(draw: st.DrawFn, plain: bool = False) -> Case:
    shape, table = draw(any_rank()), draw(st.binary(min_size=256, max_size=256))
    return Case(unary("lookup", Lookup(table), shape, shape, draw(quants()), draw(quants())), (draw(values(shape)),))


@st.composite
def partner(draw: st.DrawFn, shape: Shape) -> Shape:
    """A shape that can be broadcast to this one: dimensions of size 1 instead, leading ones left away."""
    repeated = draw(st.sets(st.sampled_from(range(len(shape)))))
    sizes = tuple(1 if i in repeated else size for i, size in enumerate(shape))
    return sizes[draw(st.sampled_from([0, 0, *range(len(shape) + 1)])) :]


def binary(
    kind: str, attrs: st.SearchStrategy[Attrs], alike: bool = False, to_first: bool = False
) -> Callable[[bool], st.SearchStrategy[Case]]:
    """Cases of a function of two int8 tensors, one of which may be constant.

    alike     all are quantized alike
    to_first  the second is broadcast to the first, never the other way round
    """

    @st.composite
    def draw_case(draw: st.DrawFn, plain: bool) -> Case:
        whole = draw(any_rank())
        form = draw(st.sampled_from(["same", "second", "either"]))
        shapes = [draw(partner(whole)) if form == "either" and not to_first else whole]
        shapes.append(whole if form == "same" else draw(partner(whole)))
        if not to_first and draw(st.booleans()):
            shapes.reverse()
        constant = draw(st.sampled_from([None, 1] if to_first else [None, 0, 1]))
        shapes = [s or ((1,) if i != constant else s) for i, s in enumerate(shapes)]
        both = draw(quants())
        quantizations = [both if alike else draw(quants()) for _ in range(3)]
        data = [draw(values(s)) for s in shapes]
        tensors = {
            i: Tensor(i, "ab"[i], s, DType.INT8, quantizations[i], data[i] if i == constant else None)
            for i, s in enumerate(shapes)
        }
        tensors[2] = Tensor(2, "out", np.broadcast_shapes(*shapes), DType.INT8, quantizations[2])
        inputs = tuple(i for i in range(2) if i != constant)
        graph = conv_graphs.single(Op(kind, (0, 1), (2,), draw(attrs), (0,)), tensors, inputs, 2)
        return Case(graph, tuple(data[i] for i in inputs))

    return lambda plain: draw_case(plain)


CASES: dict[str, Callable[[bool], st.SearchStrategy[Case]]] = {
    "abs": function("abs", st.just(Abs())),
    "add": binary("add", st.builds(Add, ACTIVATIONS)),
    "dequantize": dequantize,
    "elu": function("elu", st.just(Elu())),
    "gelu": function("gelu", st.builds(Gelu, st.booleans())),
    "hard_swish": function("hard_swish", st.just(HardSwish()), as_hard_swish_wants),
    "leaky_relu": function("leaky_relu", LEAKY_RELUS),
    "logistic": function("logistic", st.just(Logistic()), lambda x: st.just(quant(1.0 / 256.0, -128))),
    "lookup": lookup,
    "maximum": binary("maximum", st.just(Maximum()), alike=True),
    "minimum": binary("minimum", st.just(Minimum()), alike=True),
    "mul": binary("mul", st.builds(Mul, ACTIVATIONS)),
    "prelu": binary("prelu", st.just(Prelu()), to_first=True),
    "quantize": quantize,
    "relu": relu,
    "rsqrt": rsqrt,
    "squared_difference": binary("squared_difference", st.just(SquaredDifference())),
    "sub": binary("sub", st.builds(Sub, ACTIVATIONS)),
    "tanh": function("tanh", st.just(Tanh()), lambda x: st.just(quant(1.0 / 128.0, 0))),
}
