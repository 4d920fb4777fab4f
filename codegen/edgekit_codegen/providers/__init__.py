"""Which kernel computes an operator on a target.

A provider is a set of kernels with headers, constants and orders of weights of their own, for some operators of some
targets. `kernel_of` is the one place that chooses among them; a further provider is a further entry of `PROVIDERS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..ops import TABLE
from ..ops.record import Kernel
from ..target import Target
from . import mve
from .offer import Provider

PROVIDERS: Mapping[str, tuple[Provider, ...]] = {"scalar": (), "mve": (mve.PROVIDER,)}
"""By Target.isa, the providers in the order in which they are asked, before the operator's record."""


def kernel_of(graph: Graph, op: Op, target: Target) -> Kernel:
    """The kernel of an operator; whoever provides it, the rules of the operator's record hold for it.

    Raises ValueError for a view, which no kernel runs for.
    """
    for provider in PROVIDERS[target.isa]:
        offer = provider.get(op.kind)
        if offer is not None and offer.applies(graph, op):
            return offer.kernel
    kernel = TABLE[op.kind].kernel
    if kernel is None:
        raise ValueError(f"{op.kind} is a view: no kernel runs")
    return kernel
