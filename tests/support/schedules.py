"""Schedules other than layer by layer, and plans made by hand: bands, strips, rings, pulled and pushed rows."""

from __future__ import annotations

from edgekit_codegen.ir import Box, Graph, TensorId
from edgekit_codegen.memory.plan import Plan, RegionUse, Storage
from edgekit_codegen.schedule.types import Affine, AffineBox, Loop, Node, Pull, Push, Run, Schedule, Segment


def rows(graph: Graph, op: int, first: Affine, end: Affine) -> Run:
    """Whole rows of an operator's output."""
    _, pixels, channels = graph.result(graph.ops[op]).hwc
    return Run(op, AffineBox(first, end, Affine(0), Affine(pixels), Affine(0), Affine(channels)))


def bands(graph: Graph, height: int) -> Schedule:
    """Every operator in a loop over bands of rows."""
    nodes: list[Node] = []
    for index, op in enumerate(graph.ops):
        n = -(-graph.result(op).hwc[0] // height)
        body = (rows(graph, index, Affine(0, (("i", height),)), Affine(height, (("i", height),))),)
        nodes.append(Loop("i", n, body))
    return Schedule((Segment("bands", tuple(nodes)),))


def strips(graph: Graph, width: int) -> Schedule:
    """Every operator in strips of pixels, as patches are computed."""
    nodes: list[Node] = []
    for index, op in enumerate(graph.ops):
        height, pixels, channels = graph.result(op).hwc
        across = (Affine(0, (("x", width),)), Affine(width, (("x", width),)))
        box = AffineBox(Affine(0), Affine(height), *across, Affine(0), Affine(channels))
        nodes.append(Loop("x", -(-pixels // width), (Run(index, box),)))
    return Schedule((Segment("strips", tuple(nodes)),))


def ring(graph: Graph, slots: int, *, streamed: bool = False, scattered: bool = False, input_slots: int = 3) -> Plan:
    """Two convolutions of three rows in one loop, the tensor between them in a ring of `slots` rows.

    streamed   the input is pulled row by row into a ring of its own, and the output pushed out of a single row
    scattered  the ring's slots do not lie in order
    """
    source, middle, result = graph.inputs[0], graph.ops[0].outputs[0], graph.outputs[0]
    height = graph.tensors[source].hwc[0]
    i = (("i", 1),)
    body: list[Node] = [
        rows(graph, 0, Affine(-1, i), Affine(0, i)),
        rows(graph, 1, Affine(-2, i), Affine(-1, i)),
    ]
    if streamed:
        body = [Pull(source, Affine(0, i)), *body, Push(result, Affine(-2, i))]
    storages, free = [], 0
    for ident, n in (
        (source, input_slots if streamed else height),
        (middle, slots),
        (result, 1 if streamed else height),
    ):
        held = _ring(graph, ident, n, free, scattered and ident == middle)
        storages.append(held)
        free = -(-(max(held.offsets) + held.pitch) // 4) * 4
    use = RegionUse("ram", free, 1 << 20, 32)
    schedule = Schedule((Segment("stream", (Loop("i", height + 2, tuple(body)),)),))
    return Plan(schedule, tuple(storages), (), (use,), free, free)


def _ring(graph: Graph, ident: TensorId, slots: int, base: int, scattered: bool) -> Storage:
    height, pixels, channels = graph.tensors[ident].hwc
    pitch = -(-pixels * channels // 4) * 4
    order = range(slots - 1, -1, -1) if scattered else range(slots)
    offsets = tuple(base + i * pitch for i in order)
    return Storage(ident, Box.of((height, pixels, channels)), slots, pitch, 0, offsets)
