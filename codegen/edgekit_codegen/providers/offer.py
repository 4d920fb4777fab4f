"""What a provider of kernels has for one kind of operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..ir.types import Graph, Op
from ..ops.record import Kernel


@dataclass(frozen=True, slots=True)
class Offer:
    """A kernel and the operators that it computes.

    applies  whether it computes the operator exactly, whatever its input
    kernel   takes the arguments of the record's kernel, but for parameters, weights and epilogues of its own
    """

    applies: Callable[[Graph, Op], bool]
    kernel: Kernel


Provider = Mapping[str, Offer]
"""By the kind of operator."""
