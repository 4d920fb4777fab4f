"""What a translation is: one row per operator of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgekit_codegen.ir import Op

from ..source import Source


@dataclass(frozen=True, slots=True)
class Translation:
    """How one operator of the file becomes operators of the graph, in order.

    inputs   how many inputs the operator may have in the file (least, most)
    outputs  how many outputs (least, most)
    """

    translate: Callable[[Source], Op | tuple[Op, ...]]
    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)
