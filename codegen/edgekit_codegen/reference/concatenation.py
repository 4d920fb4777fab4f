"""CONCATENATION: the inputs one behind the other."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.types import Graph, Op
from ..ops.attributes import Concatenation
from .convolution import Array


def run(graph: Graph, op: Op, operands: tuple[Array | None, ...]) -> tuple[Array, ...]:
    return (np.concatenate([x for x in operands if x is not None], cast(Concatenation, op.attrs).axis),)
