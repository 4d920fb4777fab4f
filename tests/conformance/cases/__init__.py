"""Graphs of one operator, drawn by hypothesis, with values for its inputs: one function per operator kind.

`plain` strategies draw only what a .tflite file can say and TensorFlow Lite Micro computes; otherwise explicit
paddings and activations that TensorFlow Lite Micro lacks occur, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hypothesis import strategies as st
from support.conv_graphs import Case

from . import elementwise, movement, products, reductions, windows

CASES: Mapping[str, Callable[[bool], st.SearchStrategy[Case]]] = {
    kind: draw
    for family in (windows, products, elementwise, reductions, movement)
    for kind, draw in family.CASES.items()
}
