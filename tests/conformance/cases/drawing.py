"""What the families draw from: quantizations, shapes, values; and a graph of one operator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from support import conv_graphs
from support.conv_graphs import ZERO_POINTS, float32, int8_values, scales

from edgekit_codegen.ir import Attrs, DType, Graph, Op, Quant, Shape, Tensor

SIZES = st.integers(1, 7)


def unary(
    kind: str,
    attrs: Attrs,
    x_shape: Shape,
    out_shape: Shape,
    x_quant: Quant | None,
    out_quant: Quant | None,
    x_dtype: DType = DType.INT8,
    out_dtype: DType = DType.INT8,
) -> Graph:
    """One operator with one input."""
    tensors = {0: Tensor(0, "x", x_shape, x_dtype, x_quant), 1: Tensor(1, "out", out_shape, out_dtype, out_quant)}
    return conv_graphs.single(Op(kind, (0,), (1,), attrs, (0,)), tensors, (0,), 1)


def quant(scale: float, zero_point: int) -> Quant:
    return Quant((float32(scale),), (zero_point,))


@st.composite
def quants(draw: st.DrawFn) -> Quant:
    return Quant((scales(draw)[0],), (draw(ZERO_POINTS),))


@st.composite
def shapes(draw: st.DrawFn, sizes: st.SearchStrategy[int] = SIZES) -> Shape:
    """Rank 1 to 4; the batch of rank 4 is 1."""
    rank = draw(st.integers(1, 4))
    return (1,) * (rank == 4) + tuple(draw(sizes) for _ in range(min(rank, 3)))


@st.composite
def values(draw: st.DrawFn, shape: Shape) -> npt.NDArray[np.int8]:
    return int8_values(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), shape)
