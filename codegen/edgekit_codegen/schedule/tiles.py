"""Tiles: operators that a stream runs together, each computing just what the next one reads for a few pixels.

What lies between them is kept for one tile at a time. Windows of neighbouring tiles share pixels, which are computed
anew for each, or kept: those to the left where tiles slide, those above where there are lines. MCUNetV2's patches (Lin
et al., 2021, section 3.1) are tiles of many operators, and an expansion that is recomputed inside its depthwise
convolution is one of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.types import Graph, Op, Tensor
from ..ops import TABLE
from .extent import Extent, Region, needed
from .reach import Reaches
from .sliding import Sliding, sliding
from .types import Affine, AffineBox, Due, Keep, Loop, Node, Run, Slide


@dataclass(frozen=True, slots=True)
class Member:
    """Operators that take their turn in a stream together.

    ops     indices into the graph's operators, in its order; the last one's output is what others read
    rows    rows of that output which are computed at a time
    pixels  and how many of their pixels, 0 for all
    adds    the last one adds up its input's rows as they come (OpRecord.sums): rows and pixels are those of the input
    slides  a tile keeps the columns that the next one of its row reads again (sliding.py)
    lines   tiles that slide keep the rows that the next turn reads again, too
    planar  one operator, which overwrites its input plane by plane (OpRecord.planar): never in a stream
    """

    ops: tuple[int, ...]
    rows: int = 1
    pixels: int = 0
    adds: bool = False
    slides: bool = False
    lines: bool = False
    planar: bool = False

    @property
    def last(self) -> int:
        return self.ops[-1]

    @property
    def plain(self) -> bool:
        """One operator that computes whole rows, one after the other."""
        return len(self.ops) == 1 and self.rows == 1 and not self.pixels and not self.adds


def plain(ops: Sequence[int]) -> tuple[Member, ...]:
    """Every operator on its own."""
    return tuple(Member((op,)) for op in ops)


def turns(graph: Graph, member: Member) -> tuple[int, int]:
    """In how many turns a member computes its rows, and in how many tiles in each."""
    rows, pixels, _ = added(graph, member).hwc
    return -(-rows // member.rows), -(-pixels // (member.pixels or pixels))


def lead(graph: Graph, member: Member, reaches: Reaches | None = None) -> int:
    """How many turns a member takes before those, which only fill its lines."""
    slid = slides(graph, member, reaches or Reaches()) if member.lines else None
    return 0 if slid is None else slid.turns - turns(graph, member)[0]


def regions(graph: Graph, member: Member, reaches: Reaches | None = None) -> Mapping[int, Region] | None:
    """What each operator computes in a turn (rows) and for a tile (pixels). None where what one of them needs of
    another one does not advance evenly, or is needed outside too, and where tiles would slide in vain. reaches: kept
    from one member to the next."""
    return (reaches or Reaches()).once(_regions, graph, member.ops, member)


def _regions(graph: Graph, ops: Sequence[int], member: Member, known: Reaches) -> Mapping[int, Region] | None:
    found = of_one_pixel(graph, ops, known, member.adds)
    if found is None:
        return None
    if member.slides:
        slid = slides(graph, member, known)
        return None if slid is None else spread(graph, member, found, slid)
    computed = spread(graph, member, found)
    return None if _some_empty(graph, member, computed) else computed


def of_one_pixel(graph: Graph, ops: Sequence[int], reaches: Reaches, adds: bool = False) -> Mapping[int, Region] | None:
    """What the operators compute where one pixel of the last one's output, or input where it adds, is computed at a
    time; None as above."""
    return reaches.once(_of_one_pixel, graph, ops, adds)


def _of_one_pixel(graph: Graph, ops: Sequence[int], adds: bool, reaches: Reaches) -> Mapping[int, Region] | None:
    one = Extent(0, 1, 1)
    return needed(graph, ops, (one, one), reaches, adds)


def slides(graph: Graph, member: Member, reaches: Reaches) -> Sliding | None:
    """The rows and columns of a member whose tiles slide; None where they cannot, or need not."""
    if turns(graph, member)[1] == 1:
        return None
    return sliding(graph, member.ops, (member.rows, member.pixels), reaches, member.adds, member.lines)


def added(graph: Graph, member: Member) -> Tensor:
    """The tensor whose rows and pixels a member counts."""
    return graph.operand(graph.ops[member.last], 0) if member.adds else result(graph, member.last)


def spread(
    graph: Graph, member: Member, found: Mapping[int, Region], slid: Sliding | None = None
) -> Mapping[int, Region]:
    """What a member's operators compute, from what they compute for one pixel of the last one's output. slid: where its
    tiles slide, what `slides` says."""
    if slid is not None and slid.rows:
        return slid.regions
    if slid is not None:
        return {op: (rows.of(member.rows), slid.columns[op].computed) for op, (rows, _) in found.items()}
    if turns(graph, member)[1] == 1:
        last = {member.last: added(graph, member)}
        return {
            op: (rows.of(member.rows), Extent(0, 0, last.get(op, result(graph, op)).hwc[1]))
            for op, (rows, _) in found.items()
        }
    return {op: (rows.of(member.rows), pixels.of(member.pixels)) for op, (rows, pixels) in found.items()}


def adds(graph: Graph, op: Op) -> bool:
    """Whether an operator can add up its input's rows as they come."""
    return TABLE[op.kind].sums(graph, op) > 0


def nodes(
    graph: Graph, member: Member, numbers: Mapping[int, str], reaches: Reaches, reverse: bool = False
) -> tuple[Node, ...]:
    """One turn. numbers: by operator, what the names of its variables end in: y_ and the last one's counts turns, t_
    and the last one's tiles."""
    var, tile = f"y_{numbers[member.last]}", f"t_{numbers[member.last]}"
    if member.plain or (member.adds and len(member.ops) == 1):
        return (Run(member.last, one_row(added(graph, member).hwc, var, reverse), member.adds),)
    found = regions(graph, member, reaches)
    assert found is not None and not reverse
    if member.slides:
        slid = slides(graph, member, reaches)
        assert slid is not None
        return (_sliding(graph, member, (found, slid), numbers, (var, tile)),)
    runs = tuple(_run(graph, member, op, found[op], (var, tile)) for op in member.ops)
    count = turns(graph, member)[1]
    return runs if count == 1 else (Loop(tile, count, runs),)


def _run(graph: Graph, member: Member, op: int, region: Region, names: tuple[str, str]) -> Run:
    """names: of the variables that count its rows' and its pixels' turns."""
    adding = member.adds and op == member.last
    channels = (added(graph, member) if adding else result(graph, op)).hwc[2]
    bounds = *region[0].bounds(names[0]), *region[1].bounds(names[1])
    return Run(op, AffineBox(*bounds, Affine(0), Affine(channels)), adding)


def _sliding(
    graph: Graph,
    member: Member,
    computed: tuple[Mapping[int, Region], Sliding],
    numbers: Mapping[int, str],
    names: tuple[str, str],
) -> Loop:
    """The tiles of a turn: what an operator keeps moves before it computes what is new."""
    found, slid = computed
    var, tile = names
    body: list[Node] = []
    ends: list[Node] = []
    for op in member.ops:
        columns, region = slid.columns[op], found[op]
        if columns.kept is not None and columns.moves:
            rows = min(region[0].size, result(graph, op).hwc[0])
            move = Slide(result(graph, op).id, rows, *columns.kept.bounds(tile))
            body.append(Due(f"k_{numbers[op]}", tile, columns.first + 1, 1, columns.moves, (move,)))
        if columns.turns == slid.iterations:
            body.append(_run(graph, member, op, region, names))
        else:
            run = _run(graph, member, op, region, (var, f"x_{numbers[op]}"))
            body.append(Due(f"x_{numbers[op]}", tile, columns.first, 1, columns.turns, (run,)))
        if slid.lines(op):
            leaving, rest = _keeping(graph, op, slid, names)
            if (count := columns.end - columns.first - 1) > 0:
                ends.append(Due(f"l_{numbers[op]}", tile, columns.first, 1, count, (leaving,)))
            ends.append(Due(f"e_{numbers[op]}", tile, columns.end - 1, 1, 1, (rest,)))
    return Loop(tile, slid.iterations, (*body, *ends))


def _keeping(graph: Graph, op: int, slid: Sliding, names: tuple[str, str]) -> tuple[Keep, Keep]:
    """What leaves a tile, of the rows that the next turn reads: the columns that the next tile has not got, and behind
    the last tile all the rest."""
    (var, tile), tensor, lines = names, result(graph, op), slid.lines(op)
    rows, columns = slid.rows[op], slid.columns[op]
    count = min(lines, rows.computed.size)
    newest, _ = slid.regions[op]
    first = Affine(newest.end - count, newest.bounds(var)[0].terms)
    held = columns.held
    leaving = Extent(held.first, held.step, min(held.step, held.size))
    last = held.after(columns.end - 1)
    rest = Affine(last.first), Affine(min(last.end, tensor.hwc[1]))
    lines = min(lines, tensor.hwc[0])
    return Keep(tensor.id, lines, first, count, *leaving.bounds(tile)), Keep(tensor.id, lines, first, count, *rest)


def one_row(hwc: tuple[int, int, int], var: str, reverse: bool = False) -> AffineBox:
    """Row `var`, counted from the last one where `reverse`."""
    rows, pixels, channels = hwc
    first, end = (rows - 1, rows) if reverse else (0, 1)
    terms = ((var, -1 if reverse else 1),)
    return AffineBox(Affine(first, terms), Affine(end, terms), Affine(0), Affine(pixels), Affine(0), Affine(channels))


def result(graph: Graph, op: int) -> Tensor:
    return graph.result(graph.ops[op])


def _some_empty(graph: Graph, member: Member, computed: Mapping[int, Region]) -> bool:
    """Whether there are tiles for which an operator has nothing to compute: kernels take at least one pixel."""
    count = turns(graph, member)[1]
    return any(
        across.first + across.size <= 0 or across.first + across.step * (count - 1) >= result(graph, op).hwc[1]
        for op, (_, across) in computed.items()
        if op != member.last
    )
