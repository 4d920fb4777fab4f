"""Schedules of the search's space at random: any cuts, any tiles, forth and back, resident or streamed.

Graphs are drawn, so that a failing one shrinks; how one is scheduled follows from a number, which is much quicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import strategies as st

from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.memory.pack import pack
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.schedule.edges import views_of
from edgekit_codegen.schedule.segments import Piece, Segments
from edgekit_codegen.schedule.tiles import Member, regions
from edgekit_codegen.schedule.types import Schedule

from . import host_model, plans
from .batch import Case

TRIES = 4  # ways to cut a segment's operators into members


@contextmanager
def hasty_packing() -> Iterator[None]:
    """Plans are packed by greedy orders and little more, as the search behind them takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgekit_codegen.memory.place.pack", partial(pack, budget=0))
        patch.setattr("edgekit_codegen.memory.planner.WORK", 5_000)
        yield


@st.composite
def scheduled(draw: st.DrawFn, count: int = 1) -> tuple[Case, ...]:
    """A graph under so many schedules, each with inputs, some of which lie in the caller's memory."""
    graph = draw(plans.graphs(most=12, kinds=plans.MORE, straight=True))
    rng = Random(draw(st.integers(0, 1 << 32)))
    drawn = (_beside(graph, rng) for _ in range(count))
    return tuple(case(graph, random_schedule(graph, rng), rng) for graph in drawn)


def _beside(graph: Graph, rng: Random) -> Graph:
    """One of three with inputs outside of the arena: all of them that no output shows."""
    hidden = frozenset(i for i in graph.inputs if views_of(graph, {i}).isdisjoint(graph.outputs))
    return graph if rng.randrange(3) else replace(graph, outside=hidden - {*graph.outputs})


def case(graph: Graph, schedule: Schedule, rng: Random) -> Case:
    """The planner's plan, which the validator accepts, and inputs."""
    plan = make_plan(graph, schedule, plans.HOST)
    validate(graph, plan, plans.HOST)
    assert plan.arena_bytes >= plan.lower_bound_bytes
    return Case(graph, plan, host_model.random_inputs(graph, np.random.default_rng(rng.randrange(100))))


def random_schedule(graph: Graph, rng: Random) -> Schedule:
    """Layer by layer where nothing else was found."""
    for pulled in (() if graph.outside else graph.inputs[: rng.randrange(2)], ()):
        pushed = graph.outputs[: rng.randrange(2)] if leaves_by_rows(graph) else ()
        segments = Segments(graph, pulled, pushed)
        turning, landing = rng.choice([(False, False), (False, True), (True, False)])
        found = segments.schedule(_pieces(segments, rng), turning, landing)
        if found is not None:
            return found
    return layerwise.schedule(graph)


def _pieces(segments: Segments, rng: Random) -> tuple[Piece, ...]:
    """Segments at random, in tiles of any size; layers where nothing else is possible."""
    made: list[Piece] = []
    first = 0
    while first < segments.count:
        after = min(segments.count, first + rng.choice([1, 2, 3, 5, 8, 12]))
        while after > first + 1 and segments.schedule((segments.piece(first, after),)) is None:
            after -= 1
        alone = segments.piece(first, after)
        tried = (_together(segments.graph, alone, rng) for _ in range(TRIES))
        over = segments.over(first) if after == first + 1 and rng.randrange(2) else None
        if over is not None:
            made.append(over[0])
        else:
            made.append(next((piece for piece in tried if segments.schedule((piece,)) is not None), alone))
        first = after
    return tuple(made)


def _together(graph: Graph, piece: Piece, rng: Random) -> Piece:
    """Neighbours that run together, a few rows and pixels at a time."""
    made: list[Member] = []
    rest = piece
    while rest:
        count = rng.choice([1, 2, 3, 4, 6])
        member = rest[0]
        while count > 1 and member == rest[0]:
            taken = rest[:count]
            ops = tuple(op for m in taken for op in m.ops)
            slides = rng.choice([False, True])
            lines = slides and rng.choice([False, True])
            tried = Member(ops, rng.choice([1, 1, 2, 3]), rng.choice([0, 1, 2, 3, 4]), taken[-1].adds, slides, lines)
            if lines and regions(graph, tried) is None:
                tried = replace(tried, lines=False)
            if slides and regions(graph, tried) is None:
                tried = replace(tried, slides=False)
            if not any(m.adds for m in taken[:-1]) and len(ops) > 1 and regions(graph, tried) is not None:
                member = tried
            else:
                count -= 1
        made.append(member)
        rest = rest[count:]
    return tuple(made)


def leaves_by_rows(graph: Graph) -> bool:
    """Whether the first output is an image that is computed and that nothing else reads."""
    first = graph.outputs[0]
    computed = any(first in op.outputs for op in graph.ops)
    return computed and len(graph.tensors[first].shape) == 4 and not graph.consumers(first)
