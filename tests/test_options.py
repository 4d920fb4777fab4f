"""What a chain of operators may do in a stream follows from its layers alone, wherever in the graph they are."""

from __future__ import annotations

import pytest
from support import plans
from support.graph_builder import GraphBuilder

from benchmarks.builder import Builder
from edgekit_codegen.ir import Graph
from edgekit_codegen.prices import Prices, price
from edgekit_codegen.schedule.options import LONGEST, Option, Options
from edgekit_codegen.schedule.parts import Parts


def repeated() -> Graph:
    """The same three layers again and again, with a residual around each but the first."""
    builder = Builder(1)
    x = builder.conv(builder.input(12, 10, 4), 8, 1, 1)
    for _ in range(4):
        x = builder.add(x, builder.conv(builder.depthwise(builder.conv(x, 16, 1, 1), 3), 8, 1, 1))
    return builder.graph("repeated", x)


def viewed() -> Graph:
    """Layers with a view behind each, which runs no code."""
    b = GraphBuilder()
    x = b.input((1, 6, 4, 2))
    for _ in range(3):
        x = b.reshape(b.conv2d(x, 2, (1, 1)), (1, 6, 4, 2))
    return b.graph(x)


GRAPHS = {
    "viewed": viewed,
    "repeated": repeated,
    "kws": lambda: plans.real("mlperf_tiny_kws"),
    "ic": lambda: plans.real("mlperf_tiny_ic"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_alike_chains_have_the_same_options(name: str) -> None:
    """Found from the first chain to the last, and from the last to the first: whatever is known from another chain."""
    graph = GRAPHS[name]()
    parts = Parts(graph)
    chains = [(n, m) for n in range(len(parts.running)) for m in range(n + 1, min(n + LONGEST, len(parts.running)) + 1)]

    def found(order: list[tuple[int, int]]) -> dict[tuple[int, int], tuple[Option, ...]]:
        options = Options(parts, Prices(price))
        return {chain: options.of(*chain) for chain in order}

    forth, back = found(chains), found(chains[::-1])
    assert all(forth[chain] == back[chain] for chain in chains)
    assert any(forth.values())


def test_members_are_those_of_the_chain() -> None:
    graph = repeated()
    options, running = Options(parts := Parts(graph), Prices(price)), parts.running
    for first in range(len(running)):
        for after in range(first + 1, min(first + LONGEST, len(running)) + 1):
            for option in options.of(first, after):
                assert tuple(op for member in option.members for op in member.ops) == tuple(running[first:after])
