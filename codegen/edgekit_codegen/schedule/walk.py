"""Readings of a schedule that several stages need."""

from __future__ import annotations

from collections.abc import Iterator

from .types import Due, Env, Leaf, Loop, Node, Pull, Push, Run, Schedule


def nodes(schedule: Schedule) -> tuple[Node, ...]:
    """The top-level nodes of all segments, in order."""
    return tuple(node for segment in schedule.segments for node in segment.nodes)


def leaves(node: Node) -> Iterator[Node]:
    """The nodes inside a node, each once, however often its loop repeats it."""
    if isinstance(node, Loop | Due):
        for child in node.body:
            yield from leaves(child)
    else:
        yield node


def executed(schedule: Schedule) -> Iterator[tuple[Leaf, Env]]:
    """The leaves in the order of an inference, as often as they run, with the loop variables then."""
    for node in nodes(schedule):
        yield from _executed(node, {})


def _executed(node: Node, env: Env) -> Iterator[tuple[Leaf, Env]]:
    if isinstance(node, Loop):
        for value in range(node.n):
            for child in node.body:
                yield from _executed(child, {**env, node.var: value})
    elif isinstance(node, Due):
        due = node.at(env)
        if due is not None:
            for child in node.body:
                yield from _executed(child, {**env, node.var: due})
    else:
        yield node, env


def layers(schedule: Schedule) -> tuple[int, ...]:
    """The operators that run code, in the order of their first Run: a layer's number is its position here."""
    order = dict.fromkeys(leaf.op for node in nodes(schedule) for leaf in leaves(node) if isinstance(leaf, Run))
    return tuple(order)


def planar(schedule: Schedule) -> frozenset[int]:
    """The operators that overwrite their input plane by plane (Run.planar)."""
    found = (leaf for node in nodes(schedule) for leaf in leaves(node))
    return frozenset(leaf.op for leaf in found if isinstance(leaf, Run) and leaf.planar)


def streamed(schedule: Schedule) -> frozenset[int]:
    """Graph inputs that arrive by Pull and graph outputs that leave by Push."""
    found = (leaf for node in nodes(schedule) for leaf in leaves(node))
    return frozenset(leaf.tensor for leaf in found if isinstance(leaf, Pull | Push))
