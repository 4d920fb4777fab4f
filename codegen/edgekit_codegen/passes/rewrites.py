"""Exact rewrites that trade work for memory: a choice of them, and the graph that it makes."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.types import Graph
from .channel_groups import Groups, channel_groups
from .channel_split import Split, channel_split
from .computed_again import Again, computed_again


@dataclass(frozen=True, slots=True)
class Rewrites:
    """What is computed again, then what is computed in groups of channels, then what is split into groups of hidden
    channels, in this order."""

    again: tuple[Again, ...] = ()
    groups: tuple[Groups, ...] = ()
    splits: tuple[Split, ...] = ()


NONE = Rewrites()


def rewritten(graph: Graph, rewrites: Rewrites) -> Graph:
    """The graph after all of them. Raises ValueError where the graph has no such tensors."""
    for again in rewrites.again:
        graph = computed_again(graph, again)
    for groups in rewrites.groups:
        graph = channel_groups(graph, groups)
    for split in rewrites.splits:
        graph = channel_split(graph, split)
    return graph
