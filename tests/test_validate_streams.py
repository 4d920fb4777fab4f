"""The validator on streams: it refuses, by name, whatever is wrong about tiles, sums, rings and rows that move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import plan_runner, plans, streamed
from support.drawn_schedules import case, hasty_packing, random_schedule
from support.graph_builder import GraphBuilder
from support.host_model import reference_bytes

from edgekit_codegen.errors import InvalidPlan
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import Plan
from edgekit_codegen.memory.plan import Fresh, Storage
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.schedule.stream import stream
from edgekit_codegen.schedule.tiles import Member
from edgekit_codegen.schedule.types import Affine, Copy, Due, Keep, Loop, Node, Run, Schedule, Segment, Slide

Change = Callable[[Plan], Plan]


def of(plan: Plan, wanted: Callable[[Storage], bool], change: Callable[[Storage], Storage]) -> Plan:
    """The plan with the first such storage changed."""
    chosen = next(s for s in plan.storages if wanted(s))
    return replace(plan, storages=tuple(change(s) if s is chosen else s for s in plan.storages))


def tiled(s: Storage) -> bool:
    return bool(s.first.terms)


def narrower(plan: Plan) -> Plan:
    def change(s: Storage) -> Storage:
        pixel = s.pitch // (s.box.x1 - s.box.x0)
        return replace(s, box=replace(s.box, x1=s.box.x1 - 1), pitch=s.pitch - pixel)

    return of(plan, tiled, change)


def shifted(by: int) -> Change:
    return lambda plan: of(plan, tiled, lambda s: replace(s, first=Affine(s.first.const + by, s.first.terms)))


def faster(plan: Plan) -> Plan:
    """Its tiles move over the tensor by one pixel more each."""

    def change(s: Storage) -> Storage:
        ((var, k),) = s.first.terms
        return replace(s, first=Affine(s.first.const, ((var, k + 1),)))

    return of(plan, tiled, change)


def ring_shorter(plan: Plan) -> Plan:
    """The longest ring by one slot."""
    longest = max((s for s in plan.storages if 1 < s.slots < s.box.y1), key=lambda s: s.slots)
    return of(plan, longest.__eq__, lambda s: replace(s, slots=s.slots - 1, offsets=s.offsets[:-1]))


def tile_shorter(plan: Plan) -> Plan:
    return of(plan, tiled, lambda s: replace(s, slots=s.slots - 1, offsets=s.offsets[:-1]))


def lands(s: Storage) -> bool:
    return s.fresh is not None


def landing_in_its_ring(plan: Plan) -> Plan:
    return of(plan, lands, lambda s: replace(s, fresh=Fresh(s.region, s.offsets[0])))


def landing_on_another_ring(plan: Plan) -> Plan:
    target = next(s for s in plan.storages if lands(s))
    other = max((s for s in plan.storages if s is not target), key=lambda s: min(s.slots, s.box.y1 - 1))
    return of(plan, target.__eq__, lambda s: replace(s, fresh=Fresh(other.region, other.offsets[0])))


def landing_askew(plan: Plan) -> Plan:
    def change(s: Storage) -> Storage:
        assert s.fresh is not None
        return replace(s, fresh=replace(s.fresh, offset=s.fresh.offset + 2))

    return of(plan, lands, change)


def landing_outside(plan: Plan) -> Plan:
    return of(plan, lands, lambda s: replace(s, fresh=Fresh(0, plan.arena_bytes)))


def never_landing(plan: Plan) -> Plan:
    """Rows that are moved although they are in their slots."""
    return of(plan, lands, lambda s: replace(s, fresh=None))


def sums_at(wanted: Callable[[Storage], bool]) -> Change:
    def change(plan: Plan) -> Plan:
        found = next(s for s in plan.storages if wanted(s))
        return replace(plan, scratch=tuple(replace(t, offset=found.offsets[0]) for t in plan.scratch))

    return change


def result_on_its_sums(plan: Plan) -> Plan:
    (sums,) = plan.scratch
    return of(plan, lambda s: s.box.y1 == s.box.x1 == 1, lambda s: replace(s, offsets=(sums.offset,)))


def fewer_sums(plan: Plan) -> Plan:
    return replace(plan, scratch=tuple(replace(t, size=t.size - 4) for t in plan.scratch))


def fewer_new_rows(plan: Plan) -> Plan:
    """New rows lie on each other."""

    def change(s: Storage) -> Storage:
        assert s.fresh is not None
        return replace(s, fresh=replace(s.fresh, rows=s.fresh.rows - 1))

    return of(plan, lambda s: s.fresh is not None and s.fresh.rows > 1, change)


def rescheduled(change: Callable[[tuple[Node, ...]], tuple[Node, ...]]) -> Change:
    """What the stream's loop does, changed."""

    def made(plan: Plan) -> Plan:
        (segment,) = plan.schedule.segments
        (loop,) = segment.nodes
        assert isinstance(loop, Loop)
        return replace(plan, schedule=Schedule((Segment("stream", (replace(loop, body=change(loop.body)),)),)))

    return made


def in_tiles(change: Callable[[tuple[Node, ...]], tuple[Node, ...]]) -> Callable[[tuple[Node, ...]], tuple[Node, ...]]:
    """What is done for each of the first tiles, changed."""

    def made(body: tuple[Node, ...]) -> tuple[Node, ...]:
        turn = next(n for n in body if isinstance(n, Due) and isinstance(n.body[0], Loop))
        (loop,) = turn.body
        assert isinstance(loop, Loop)
        changed = replace(turn, body=(replace(loop, body=change(loop.body)),))
        return tuple(changed if node is turn else node for node in body)

    return made


def slides(node: Node) -> bool:
    return isinstance(node, Due) and isinstance(node.body[0], Slide)


def keeps(node: Node) -> bool:
    return isinstance(node, Due) and isinstance(node.body[0], Keep)


def no_keep(body: tuple[Node, ...]) -> tuple[Node, ...]:
    first = next(node for node in body if keeps(node))
    return tuple(node for node in body if node is not first)


def kept(**changes: int) -> Callable[[tuple[Node, ...]], tuple[Node, ...]]:
    """A bound of what is kept, moved."""

    def change(body: tuple[Node, ...]) -> tuple[Node, ...]:
        turn = next(filter(keeps, body))
        assert isinstance(turn, Due) and isinstance(turn.body[0], Keep)
        moved = {name: replace(getattr(turn.body[0], name), const=getattr(turn.body[0], name).const + by)}
        keep = replace(turn.body[0], **moved)
        return tuple(replace(turn, body=(keep,)) if node is turn else node for node in body)

    ((name, by),) = changes.items()
    return change


def lines_shorter(plan: Plan) -> Plan:
    """One line less."""
    return of(plan, lambda s: s.strip is not None, lambda s: replace(s, slots=s.slots - 1, offsets=s.offsets[:-1]))


def strip_narrower(plan: Plan) -> Plan:
    """A pixel less of the newest rows."""

    def change(s: Storage) -> Storage:
        assert s.strip is not None
        return replace(s, strip=replace(s.strip, pixels=s.strip.pixels - 1))

    return of(plan, lambda s: s.strip is not None, change)


def no_slide(body: tuple[Node, ...]) -> tuple[Node, ...]:
    return tuple(node for node in body if not slides(node))


def slides_last(body: tuple[Node, ...]) -> tuple[Node, ...]:
    return (*no_slide(body), *filter(slides, body))


def slid_columns(by: int) -> Callable[[tuple[Node, ...]], tuple[Node, ...]]:
    """So many columns more stay."""

    def change(body: tuple[Node, ...]) -> tuple[Node, ...]:
        turn = next(filter(slides, body))
        assert isinstance(turn, Due) and isinstance(turn.body[0], Slide)
        slide = replace(turn.body[0], x1=replace(turn.body[0].x1, const=turn.body[0].x1.const + by))
        return tuple(replace(turn, body=(slide,)) if node is turn else node for node in body)

    return change


def copies(node: Node) -> bool:
    return isinstance(node, Due) and isinstance(node.body[0], Copy)


def adds(node: Node) -> bool:
    return isinstance(node, Due) and isinstance(node.body[0], Run) and node.body[0].adds


def no_copy(body: tuple[Node, ...]) -> tuple[Node, ...]:
    first = next(node for node in body if copies(node))
    return tuple(node for node in body if node is not first)


def copies_at_once(body: tuple[Node, ...]) -> tuple[Node, ...]:
    """Rows move into their rings right after they were written, before those they replace were read."""
    made: list[Node] = [node for node in body if not copies(node)]
    for copy in (node for node in body if copies(node)):
        assert isinstance(copy, Due)
        writer = next(n for n in made if isinstance(n, Due) and n.var[1:].lstrip("_") == copy.var[1:].lstrip("_"))
        made.insert(made.index(writer) + 1, copy)
    return tuple(made)


def moved_in_time(which: Callable[[Node], bool], by: int) -> Callable[[tuple[Node, ...]], tuple[Node, ...]]:
    def change(body: tuple[Node, ...]) -> tuple[Node, ...]:
        chosen = next(node for node in body if which(node))
        assert isinstance(chosen, Due)
        return tuple(replace(chosen, first=chosen.first + by) if node is chosen else node for node in body)

    return change


def first_row_left_out(body: tuple[Node, ...]) -> tuple[Node, ...]:
    """The sums begin with the second row."""
    chosen = next(node for node in body if adds(node))
    assert isinstance(chosen, Due) and isinstance(chosen.body[0], Run)
    run = chosen.body[0]
    box = replace(run.box, y0=Affine(1, run.box.y0.terms), y1=Affine(2, run.box.y1.terms))
    return tuple(replace(chosen, body=(replace(run, box=box),)) if node is chosen else node for node in body)


def part_of_a_row(body: tuple[Node, ...]) -> tuple[Node, ...]:
    chosen = next(node for node in body if adds(node))
    assert isinstance(chosen, Due) and isinstance(chosen.body[0], Run)
    run = replace(chosen.body[0], box=replace(chosen.body[0].box, x1=Affine(5)))
    return tuple(replace(chosen, body=(run,)) if node is chosen else node for node in body)


RING = "finds other bytes than were written for rows"
WRONG: dict[str, tuple[str, Change, str]] = {
    "a tile one pixel narrower": ("tiles", narrower, "reaches outside its storage's"),
    "a tile that lies one pixel to the right": ("tiles", shifted(1), "reaches outside its storage's"),
    "a tile that lies one pixel to the left": ("tiles", shifted(-1), "reaches outside its storage's"),
    "a tile that moves too fast": ("tiles", faster, "reaches outside its storage's"),
    "a tile of one row less": ("tiles of several rows", tile_shorter, RING),
    "a ring between tiles, one slot short": ("tiles", ring_shorter, RING),
    "a sliding tile one pixel narrower": ("sliding tiles", narrower, "reaches outside its storage.s"),
    "a sliding tile that moves too fast": ("sliding tiles", faster, "do not slide"),
    "a tile that does not slide": ("sliding tiles", rescheduled(in_tiles(no_slide)), RING),
    "a tile that slides when it is done": ("sliding tiles", rescheduled(in_tiles(slides_last)), RING),
    "a tile that slides too late": ("sliding tiles", rescheduled(in_tiles(moved_in_time(slides, 1))), RING),
    "a tile that keeps too few columns": ("sliding tiles", rescheduled(in_tiles(slid_columns(-1))), RING),
    "a tile that keeps more than it holds": ("sliding tiles", rescheduled(in_tiles(slid_columns(1))), "do not slide"),
    "a tile over lines, one pixel narrower": ("tiles over lines", strip_narrower, "reaches outside its storage.s"),
    "a line too few": ("tiles over lines", lines_shorter, RING),
    "a pixel that is not kept": ("tiles over lines", rescheduled(in_tiles(no_keep)), RING),
    "a pixel that is kept too early": ("tiles over lines", rescheduled(in_tiles(kept(x1=1))), RING),
    "a pixel that is never kept": ("tiles over lines", rescheduled(in_tiles(kept(x0=1))), RING),
    "another row that is kept": ("tiles over lines", rescheduled(in_tiles(kept(row=-1))), RING),
    "several new rows in one place": ("landing of several rows", fewer_new_rows, RING),
    "a ring of rows that move, one slot short": ("landing", ring_shorter, RING),
    "a new row in its own ring": ("landing", landing_in_its_ring, f"overlaps its slot in the ring|{RING}"),
    "a new row on another ring": ("landing", landing_on_another_ring, f"{RING}|overwrite its input"),
    "a new row out of step": ("landing", landing_askew, "is not aligned"),
    "a new row outside": ("landing", landing_outside, "a new row of '.*outside region"),
    "rows that move and are there already": ("landing", never_landing, "overlaps its slot in the ring"),
    "no move": ("landing", rescheduled(no_copy), RING),
    "moves that come at once": ("landing", rescheduled(copies_at_once), RING),
    "a move before the row is there": ("landing", rescheduled(moved_in_time(copies, -1)), f"copy {RING}"),
    "a move when the next row is there": ("landing", rescheduled(moved_in_time(copies, 1)), RING),
    "an arriving row that moves too late": ("landing, arriving", rescheduled(moved_in_time(copies, 1)), RING),
    "sums on a ring": ("sums", sums_at(lambda s: 1 < s.slots < s.box.y1), f"sums of the pixels before|{RING}"),
    "sums on the input": ("sums", sums_at(lambda s: s.tensor == 0), f"sums of the pixels before|{RING}"),
    "a result on its own sums": ("sums", result_on_its_sums, "overwrites its own sums"),
    "sums without room": ("sums", fewer_sums, "no room for its sums"),
    "sums without their first row": ("sums", rescheduled(first_row_left_out), "before the first pixel of all"),
    "sums of a part of each row": ("sums", rescheduled(part_of_a_row), RING),
    "sums that come too early": ("sums", rescheduled(moved_in_time(adds, -1)), RING),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_about_a_stream_is_refused_by_name(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit_codegen.memory.planner._apart", lambda graph, schedule, items: [])
    form, change, message = WRONG[what]
    made = streamed.HAND_MADE[form]()
    plan = made.plan()
    with pytest.raises(InvalidPlan, match=message):
        validate(made.graph, change(plan), plans.HOST)


def test_a_whole_that_lies_in_pieces_is_refused() -> None:
    b = GraphBuilder()
    graph = b.graph(b.mean(b.input((1, 4, 4, 1)), (1, 2)))
    plan = plans.plan(graph)
    x = plan.storage(graph.inputs[0])
    for pieces in (x.offsets[::-1], (*x.offsets[:3], x.offsets[3] + 4)):
        room = replace(plan.regions[0], used=plan.arena_bytes + 4)
        storages = tuple(replace(s, offsets=pieces) if s is x else s for s in plan.storages)
        apart = replace(plan, storages=storages, regions=(room,), arena_bytes=room.used)
        with pytest.raises(InvalidPlan, match=r"in pieces|other bytes"):
            validate(graph, apart, plans.HOST)


def test_what_takes_a_whole_is_no_tile() -> None:
    b = GraphBuilder()
    graph = b.graph(b.mean(b.input((1, 4, 4, 1)), (1, 2)))
    assert stream(graph, (Member((0,), rows=3),), graph.inputs, landing=True) is None


@given(plans.graphs(most=8, kinds=plans.MORE, straight=True), st.integers(0, 99), st.data())
def test_an_accepted_stream_computes_the_reference(graph: Graph, seed: int, data: st.DataObject) -> None:
    """One storage, new row or scratch somewhere else: what is accepted then computes the same."""
    rng = Random(seed)
    with hasty_packing():
        correct = case(graph, random_schedule(graph, rng), rng)
    mutant = data.draw(moved(correct.plan))
    try:
        validate(graph, mutant, plans.HOST)
    except InvalidPlan:
        return  # kernels are not run on it: sums that begin as garbage overflow
    assert plan_runner.run(graph, mutant, correct.inputs) == reference_bytes(graph, correct.inputs)


@st.composite
def moved(draw: st.DrawFn, plan: Plan) -> Plan:
    chosen = draw(st.sampled_from([*plan.storages, *plan.scratch]))
    room = plan.regions[0].used
    if isinstance(chosen, Storage):
        anew = chosen.fresh if draw(st.booleans()) else None
        slots = chosen.slots if anew is None else anew.rows
        offset = 4 * draw(st.integers(0, max(0, room - chosen.pitch * slots) // 4))
        change = replace(chosen, fresh=Fresh(0, offset, slots))
        if anew is None:
            delta = offset - min(chosen.offsets)
            assume(max(chosen.offsets) + delta + chosen.pitch <= room)
            change = replace(chosen, offsets=tuple(o + delta for o in chosen.offsets))
        return replace(plan, storages=tuple(change if s is chosen else s for s in plan.storages))
    offset = 4 * draw(st.integers(0, (room - chosen.size) // 4))
    return replace(plan, scratch=tuple(replace(s, offset=offset) if s is chosen else s for s in plan.scratch))
