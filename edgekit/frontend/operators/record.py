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
    kinds    every operator kind that may come of it, the one that does the work first; () where it is the one of the
             same name (see kinds_of)
    """

    translate: Callable[[Source], Op | tuple[Op, ...]]
    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)
    kinds: tuple[str, ...] = ()


def kinds_of(name: str, translation: Translation) -> tuple[str, ...]:
    """The operator kinds that the file's operator of that name may become: CONV_2D becomes conv2d, if nothing else."""
    return translation.kinds or (name.lower().replace("_2d", "2d"),)
