"""RESIZE_NEAREST_NEIGHBOR, bit-exact."""

from __future__ import annotations

from typing import cast

from ..ir.types import Graph, Op
from ..ops.attributes import Resize
from .convolution import Array
from .resizing import nearest


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    a = cast(Resize, op.attrs)
    rows, pixels = (nearest(x.shape[1 + i], a.size[i], a.align_corners, a.half_pixel) for i in (0, 1))
    return (x[:, rows][:, :, pixels],)
