"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from support.conv_graphs import ZERO_POINTS, Case, float32

from edgekit_codegen.ir import Quant
from edgekit_codegen.ops.attributes import (
    Softmax,
)

from .drawing import quant, shapes, unary, values

SOFTMAX_OUT = Quant((1.0 / 256.0,), (-128,))


@st.composite
def softmax(draw: st.DrawFn, plain: bool = False) -> Case:
    shape = draw(shapes(st.integers(1, 40)).filter(lambda s: np.prod(s) < 2000))
    beta = float32(draw(st.one_of(st.just(1.0), st.floats(0.01, 16.0))))
    scale = 2.0 ** draw(st.floats(-14.0, 8.0))
    graph = unary("softmax", Softmax(beta), shape, shape, quant(scale, draw(ZERO_POINTS)), SOFTMAX_OUT)
    return Case(graph, (draw(values(shape)),))


CASES = {"softmax": softmax}
