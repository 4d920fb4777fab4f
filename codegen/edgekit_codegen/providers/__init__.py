"""Which kernel computes an operator on a target.

A provider is a set of kernels with headers, constants and orders of weights of their own, for some operators of some
targets. `kernel_of` is the one place that chooses among them; a further provider is a further entry of `PROVIDERS`, or,
where users choose it and its library is linked, of `KERNELS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir.types import Graph, Op
from ..ops import TABLE
from ..ops.record import Kernel
from ..target import Target
from . import cmsis, mve, v6m
from .offer import Provider

PROVIDERS: Mapping[str, tuple[Provider, ...]] = {"scalar": (), "mve": (mve.PROVIDER,), "v6m": (v6m.PROVIDER,)}
"""By Target.isa, the providers in the order in which they are asked, before the operator's record."""

KERNELS: Mapping[str, Mapping[str, Provider]] = {"edgekit": {}, cmsis.NAME: cmsis.PROVIDERS}
"""By Target.kernels, the provider that is asked before all others, by Target.isa."""


def kernel_of(graph: Graph, op: Op, target: Target, planar: bool = False) -> Kernel:
    """The kernel of an operator; whoever provides it, the rules of the operator's record hold for it.

    planar  it overwrites its input plane by plane (OpRecord.planar), which the record's own kernel alone can do

    Raises ValueError for a view, which no kernel runs for.
    """
    chosen = KERNELS[target.kernels].get(target.isa, {})
    for provider in () if planar else (chosen, *PROVIDERS[target.isa]):
        offer = provider.get(op.kind)
        if offer is not None and offer.applies(graph, op):
            return offer.kernel
    kernel = TABLE[op.kind].kernel
    if kernel is None:
        raise ValueError(f"{op.kind} is a view: no kernel runs")
    return kernel


def at_once(graph: Graph, target: Target) -> dict[int, int]:
    """The operators whose kernels compute the whole output in one call, each with the working memory of that call in
    bytes."""
    running = ((index, op) for index, op in enumerate(graph.ops) if TABLE[op.kind].kernel is not None)
    kernels = ((index, op, kernel_of(graph, op, target)) for index, op in running)
    return {index: kernel.once(graph, op) for index, op, kernel in kernels if kernel.once is not None}
