"""The validator: it accepts every plan of the planner, and no plan in which two live tensors meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import plans, schedules
from support.graph_builder import GraphBuilder
from support.host_model import random_inputs
from support.models import NAMES

from edgekit_codegen import reference
from edgekit_codegen.errors import InvalidPlan
from edgekit_codegen.ir import Graph, TensorId
from edgekit_codegen.memory import make_plan
from edgekit_codegen.memory.buffers import buffers
from edgekit_codegen.memory.clearance import clearances
from edgekit_codegen.memory.lives import lives as row_lives
from edgekit_codegen.memory.plan import Plan, Scratch, Storage
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Conv2D, Pad
from edgekit_codegen.ops.record import Overlap
from edgekit_codegen.schedule.types import Segment


def moved(plan: Plan, tensor: TensorId, offset: int) -> Plan:
    """The plan with one storage somewhere else, and regions as large as that needs."""
    storages = []
    for s in plan.storages:
        if s.tensor == tensor:
            delta = offset - s.offsets[0]
            s = replace(s, offsets=tuple(o + delta for o in s.offsets))
        storages.append(s)
    return replace(plan, storages=tuple(storages))


def refuse(graph: Graph, plan: Plan, match: str = ".") -> None:
    with pytest.raises(InvalidPlan, match=match):
        validate(graph, plan, plans.HOST)


def bytes_of(s: Storage) -> range:
    return range(min(s.offsets), max(s.offsets) + s.pitch)


def roots(graph: Graph) -> dict[TensorId, TensorId]:
    """What every activation is a view of."""
    found = {i: i for i in (*graph.inputs, *(t for op in graph.ops for t in op.outputs))}
    for op in graph.ops:
        if TABLE[op.kind].overlap is Overlap.VIEW:
            found[op.outputs[0]] = found[op.inputs[0] or 0]
    return found


def lives(graph: Graph) -> dict[TensorId, tuple[int, int]]:
    """First and last operator at which every tensor that is not a view holds something that is still needed."""
    root = roots(graph)
    life = dict.fromkeys(graph.inputs, (-1, -1))
    for index, op in enumerate(graph.ops):
        for i in op.inputs:
            if i in root:
                life[root[i]] = (life[root[i]][0], index)
        for i in op.outputs:
            if root[i] == i:
                life[i] = (index, index)
    for i in graph.outputs:
        life[root[i]] = (life[root[i]][0], len(graph.ops))
    return life


def meetings(graph: Graph, plan: Plan) -> Iterator[tuple[TensorId, TensorId]]:
    """Pairs of tensors that live at the same time, without those that an operator may compute in place."""
    life = lives(graph)
    held = [i for i in life if any(s.tensor == i for s in plan.storages)]
    for a in held:
        for b in held:
            together = range(max(life[a][0], life[b][0]), min(life[a][1], life[b][1]) + 1)
            if a != b and together and not (len(together) == 1 and in_place(graph, together[0], {a, b})):
                yield a, b


def in_place(graph: Graph, index: int, pair: set[TensorId]) -> bool:
    """Whether one of the two is what operator `index` makes, row for row, of the other."""
    root = roots(graph)
    if index not in range(len(graph.ops)) or TABLE[graph.ops[index].kind].overlap is not Overlap.IN_PLACE:
        return False
    op = graph.ops[index]
    if len({graph.tensors[i].bytes for i in pair}) > 1:
        return False
    return op.outputs[0] in pair and any(root.get(i or -1) in pair or i in pair for i in op.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_no_tensor_of_a_real_model_can_be_moved_onto_one_that_lives(name: str) -> None:
    graph = plans.real(name)
    plan = plans.plan(graph)
    pairs = list(meetings(graph, plan))
    unmoved = set(lives(graph)) - {i for i, _ in pairs}
    alone = {op.outputs[0] for op in graph.ops if TABLE[op.kind].overlap is Overlap.IN_PLACE}
    assert unmoved <= alone, "every storage is moved, but for those that only ever meet what they replace"
    one_each = {a: (a, b) for a, b in pairs}.values() if name == "mcunet_vww1" else pairs
    for a, b in one_each:
        refuse(graph, moved(plan, a, plan.storage(b).offsets[0]))


@pytest.mark.parametrize("name", NAMES)
def test_what_overlaps_cannot_come_nearer_by_a_word(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planner lets an output overwrite its input as early as that is right: one word earlier is wrong. Rows do not
    lie apart here: each of them would be near to others of its own."""
    monkeypatch.setattr("edgekit_codegen.memory.planner._apart", lambda graph, schedule, items: [])
    graph = plans.real(name)
    plan = plans.plan(graph)
    items = buffers(graph, plan.schedule)
    offsets = [plan.storage(b.tensors[0]).offsets[0] - b.begins[0] for b in items]
    nearest = clearances(items)
    found = 0
    for i, below in enumerate(items):
        for j, above in enumerate(items):
            tight = nearest[i, j] < below.size and offsets[j] - offsets[i] == nearest[i, j] > 0
            if i != j and tight and graph.ops[0].kind != "quantize" and not skips_columns(graph, below.tensors):
                found += 1
                refuse(graph, moved(plan, above.tensors[0], offsets[j] - 4))
    assert found or name in ("mlperf_tiny_ad", "mcunet_vww1")


def skips_columns(graph: Graph, tensors: tuple[TensorId, ...]) -> bool:
    """Whether a window narrower than its stride reads one of them: the columns between hold nothing that is needed."""
    return any(
        op.inputs[0] in tensors and graph.tensors[op.inputs[1] or 0].shape[2] < op.attrs.stride[1]
        for op in graph.ops
        if isinstance(op.attrs, Conv2D)
    )


@pytest.mark.parametrize("height", [1, 2, 3, 5])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_band_reads_rows_of_one_image_and_padding_of_the_next(before: int, height: int) -> None:
    """What its last row does not read, a row before it may: no row of the input dies unread."""
    b = GraphBuilder()
    x = b.input((4, 1, 3, 2))
    out = b.apply("pad", (x,), Pad(((0, 0), (before, 3 - before), (0, 0), (0, 0))))
    graph = b.graph(out)
    schedule = schedules.bands(graph, height)
    assert (row_lives(graph, schedule).rows[x].dies >= 0).all()
    validate(graph, make_plan(graph, schedule, plans.HOST), plans.HOST)


@given(plans.graphs(), st.data())
def test_no_tensor_of_a_random_graph_can_be_moved_onto_one_that_lives(graph: Graph, data: st.DataObject) -> None:
    plan = plans.plan(graph)
    pairs = [pair for pair in meetings(graph, plan) if whole_rows_are_read(graph, pair)]
    assume(pairs)
    a, b = data.draw(st.sampled_from(pairs))
    refuse(graph, moved(plan, a, plan.storage(b).offsets[0]))


def whole_rows_are_read(graph: Graph, pair: tuple[TensorId, TensorId]) -> bool:
    """Sharing bytes that nobody reads does no harm: strides skip rows, and an output may be dead."""
    root = roots(graph)
    reads = {root[i] for op in graph.ops for i in op.inputs if i in root} | {root[i] for i in graph.outputs}
    skips = {
        root[op.inputs[0] or 0]
        for op in graph.ops
        if getattr(op.attrs, "stride", (1, 1)) != (1, 1) or getattr(op.attrs, "dilation", (1, 1)) != (1, 1)
    }
    return all(i in reads and i not in skips for i in pair)


@given(plans.graphs(), st.data())
def test_an_accepted_plan_computes_the_reference(graph: Graph, data: st.DataObject) -> None:
    """One storage moved anywhere: where the operators, run on the arena's bytes, go wrong, the plan is refused."""
    plan = plans.plan(graph)
    storage = data.draw(st.sampled_from(plan.storages))
    room = plan.regions[0].used - len(bytes_of(storage))
    offset = 4 * data.draw(st.integers(0, room // 4))
    mutant = moved(plan, storage.tensor, offset)
    inputs = random_inputs(graph, np.random.default_rng(data.draw(st.integers(0, 99))))
    expected = [np.ascontiguousarray(a).tobytes() for a in reference.run(graph, inputs)]
    if on_arena(graph, mutant, inputs) != expected:
        refuse(graph, mutant)


def on_arena(graph: Graph, plan: Plan, inputs: list[Any]) -> list[bytes]:
    """The outputs, computed operator by operator on the bytes of one arena."""
    arena = np.zeros(plan.regions[0].used, np.uint8)
    held = {s.tensor: s for s in plan.storages}

    def rows(ident: TensorId) -> list[Any]:
        s = held[ident]
        return [arena[o : o + s.pitch] for o in (s.offsets[y % s.slots] for y in range(graph.tensors[ident].hwc[0]))]

    def read(ident: TensorId) -> Any:
        tensor = graph.tensors[ident]
        if tensor.data is not None:
            return tensor.data
        return np.concatenate(rows(ident)).view(tensor.dtype.numpy).reshape(tensor.shape)

    def write(ident: TensorId, value: Any) -> None:
        of_rows = np.ascontiguousarray(value).reshape(-1).view(np.uint8).reshape(graph.tensors[ident].hwc[0], -1)
        for row, new in zip(rows(ident), of_rows, strict=True):
            row[...] = new

    for ident, value in zip(graph.inputs, inputs, strict=True):
        if ident in held:
            write(ident, value)
    for op in graph.ops:
        if TABLE[op.kind].kernel is not None:
            activations = [i for i in op.inputs if i is not None and not graph.tensors[i].is_constant]
            values = [read(i) for i in dict.fromkeys(activations)]
            single = replace(graph, ops=(op,), inputs=tuple(dict.fromkeys(activations)), outputs=op.outputs)
            write(op.outputs[0], reference.run(single, values)[0])
    return [read(i).tobytes() for i in graph.outputs]


def test_misaligned_and_outside() -> None:
    graph = plans.tiny()
    plan = plans.plan(graph)
    x = graph.inputs[0]
    at = plan.storage(x).offsets[0]
    refuse(graph, moved(plan, x, at + 2), "aligned")
    refuse(graph, moved(plan, x, plan.arena_bytes - 4), "outside")
    refuse(graph, moved(plan, x, -4), "outside")


def test_claims_that_do_not_hold() -> None:
    graph = plans.tiny()
    plan = plans.plan(graph)
    use = plan.regions[0]
    refuse(graph, replace(plan, regions=(replace(use, used=use.used - 4),)), "sum")
    smaller = replace(plan, regions=(replace(use, used=use.used - 4),), arena_bytes=plan.arena_bytes - 4)
    refuse(graph, smaller, "outside")
    refuse(graph, replace(plan, regions=(replace(use, used=1 << 40),), arena_bytes=1 << 40), "region ram")
    refuse(graph, replace(plan, regions=()), "0 regions")


def test_a_storage_that_is_missing_or_shaped_wrongly() -> None:
    graph = plans.tiny()
    plan = plans.plan(graph)
    first = plan.storages[0]
    refuse(graph, replace(plan, storages=plan.storages[1:]), "no storage")
    refuse(graph, replace(plan, storages=(replace(first, pitch=first.pitch - 1), *plan.storages[1:])), "pitch")
    cut = replace(first, slots=first.slots - 1, offsets=first.offsets[:-1])
    refuse(graph, replace(plan, storages=(cut, *plan.storages[1:])))


def test_a_schedule_in_the_wrong_order_or_with_a_hole() -> None:
    graph = plans.chain()
    plan = plans.plan(graph)
    first, second = plan.schedule.segments[0].nodes

    def scheduled(*nodes: Any) -> Plan:
        return replace(plan, schedule=replace(plan.schedule, segments=(Segment("layers", nodes),)))

    refuse(graph, scheduled(second, first))
    refuse(graph, scheduled(first))
    hole = schedules.rows(graph, 0, schedules.Affine(0), schedules.Affine(8))
    refuse(graph, scheduled(hole, second))


def test_an_input_overwritten_by_another_input() -> None:
    b = GraphBuilder()
    x, y = b.input((1, 3, 3, 2)), b.input((1, 3, 3, 2))
    graph = b.graph(b.add(x, y))
    plan = plans.plan(graph)
    refuse(graph, moved(plan, x, plan.storage(y).offsets[0]), "before the first step")


def test_an_addition_may_replace_a_row_but_not_shift_onto_it() -> None:
    b = GraphBuilder()
    graph = b.graph(b.add(b.input((1, 3, 4, 2)), b.input((1, 3, 4, 2))))
    plan = plans.plan(graph)
    out = graph.outputs[0]
    assert plan.storage(out).offsets[0] == 0
    refuse(graph, moved(plan, out, 4), "shifts onto")


def test_a_window_may_not_be_computed_in_place() -> None:
    b = GraphBuilder()
    x = b.input((1, 3, 4, 2))
    graph = b.graph(b.conv2d(x, 2, (1, 1)))
    plan = plans.plan(graph)
    refuse(graph, moved(plan, graph.outputs[0], plan.storage(x).offsets[0]), "overwrite its input")


def test_scratch_may_meet_nothing_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**TABLE, "conv2d": replace(TABLE["conv2d"], scratch=lambda graph, op: 8)}
    monkeypatch.setattr("edgekit_codegen.memory.validate.TABLE", table)
    graph = plans.chain()
    plan = plans.plan(graph)
    refuse(graph, plan, "too little scratch")
    free = plan.arena_bytes
    room = replace(plan, regions=(replace(plan.regions[0], used=free + 8),), arena_bytes=free + 8)

    def scratched(first: int, second: int) -> Plan:
        return replace(room, scratch=(Scratch(0, 0, first, 8), Scratch(1, 0, second, 8)))

    validate(graph, scratched(free, free), plans.HOST)
    x, middle, out = (room.storage(i).offsets[0] for i in (graph.inputs[0], graph.ops[0].outputs[0], graph.outputs[0]))
    refuse(graph, scratched(x, free))
    refuse(graph, scratched(middle, free), "its own scratch")
    refuse(graph, scratched(free, middle))
    refuse(graph, scratched(free, out), "its own scratch")
    refuse(graph, scratched(free + 2, free), "aligned")


def test_a_ring_of_three_rows_streams_and_one_of_two_does_not() -> None:
    graph = plans.chain()
    for scattered in (False, True):
        validate(graph, schedules.ring(graph, 3, scattered=scattered), plans.HOST)
        refuse(graph, schedules.ring(graph, 2, scattered=scattered), "other bytes")


def test_streamed_input_and_output() -> None:
    graph = plans.chain()
    validate(graph, schedules.ring(graph, 3, streamed=True), plans.HOST)
    refuse(graph, schedules.ring(graph, 3, streamed=True, input_slots=2), "other bytes")


def test_every_band_of_a_loop_is_checked() -> None:
    graph = plans.chain()
    from edgekit_codegen.memory import make_plan

    plan = make_plan(graph, schedules.bands(graph, 2), plans.HOST)
    validate(graph, plan, plans.HOST)
    x, out = graph.inputs[0], graph.outputs[0]
    refuse(graph, moved(plan, graph.ops[0].outputs[0], plan.storage(x).offsets[0]))
    refuse(graph, moved(plan, graph.ops[0].outputs[0], plan.storage(out).offsets[0]))
