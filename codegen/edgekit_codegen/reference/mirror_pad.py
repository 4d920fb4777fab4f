"""MIRROR_PAD: the input between mirrors."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import MirrorPad
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    (x,) = operands
    assert x is not None
    a = cast(MirrorPad, op.attrs)
    return (np.pad(x, a.amounts, mode="symmetric" if a.symmetric else "reflect"),)
