"""Schedule files: the schedule that a plan chose, as TOML, to build with it again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit_codegen.errors import CodegenError
from edgekit_codegen.ir import Graph
from edgekit_codegen.passes.channel_groups import Groups
from edgekit_codegen.passes.channel_split import Split
from edgekit_codegen.passes.computed_again import Again
from edgekit_codegen.passes.rewrites import NONE, Rewrites
from edgekit_codegen.schedule import fitting
from edgekit_codegen.schedule.saved import SegmentChoice, choices, fingerprint, restored
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.schedule.types import Schedule

from .config.toml import Document, decode, read

SCHEMA = 1

AGAIN = "write a new one with `edgekit plan --save-schedule FILE`"
"""What helps against every file that cannot be used."""


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """What stands in a file.

    schema        version of this format
    model         the model's name, for people
    model_sha256  of the .tflite
    graph_sha256  of what the rewrites of every model made of it, and in which order
    segment       the segments, in order, whose operators' numbers refer to the graph after the rewrites below
    again         what is computed again, by the numbers of its tensors
    groups        what is computed in groups of channels
    splits        what is split into groups of hidden channels
    frame_buffer  the inputs lie in memory of the caller's
    """

    schema: int
    model: str
    model_sha256: str
    graph_sha256: str
    segment: tuple[SegmentChoice, ...]
    again: tuple[Again, ...] = ()
    groups: tuple[Groups, ...] = ()
    splits: tuple[Split, ...] = ()
    frame_buffer: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file says: a schedule of the graph that the rewrites make of the given one."""

    rewrites: Rewrites
    graph: Graph
    schedule: Schedule


def save(path: Path, model: Path, graph: Graph, schedule: Schedule, rewrites: Rewrites = NONE) -> None:
    """Write a schedule. graph: made from the .tflite `model`; it schedules what the rewrites make of that."""
    lines = [
        f"# {describe(schedule)}",
        f"schema = {SCHEMA}",
        f"model = {json.dumps(graph.name)}",
        f'model_sha256 = "{_sha256(model)}"',
        f'graph_sha256 = "{fingerprint(graph)}"',
        *(["frame_buffer = true"] if graph.outside else []),
    ]
    for again in rewrites.again:
        lines += ["", "[[again]]", f"source = {again.source}", f"result = {again.result}"]
    for groups in rewrites.groups:
        lines += ["", "[[groups]]", f"first = {groups.first}", f"last = {groups.last}", f"count = {groups.count}"]
    for split in rewrites.splits:
        lines += ["", "[[splits]]", f"first = {split.first}", f"last = {split.last}", f"count = {split.count}"]
    for choice in choices(fitting.prepared(graph, rewrites), schedule):
        lines += ["", "[[segment]]", f'kind = "{choice.kind}"', f"operators = {list(choice.operators)}"]
        rest = {"reversed": choice.reversed, "pulled": choice.pulled, "pushed": choice.pushed, "adds": choice.adds}
        rest["planar"] = choice.planar
        lines += [f"{key} = {list(numbers)}" for key, numbers in rest.items() if numbers]
        lines += ["landing = true"] if choice.landing else []
        for tile in choice.tile:
            lines += ["[[segment.tile]]", f"operators = {list(tile.operators)}", f"rows = {tile.rows}"]
            lines += [f"pixels = {tile.pixels}"] if tile.pixels else []
            lines += ["slides = true"] if tile.slides else []
            lines += ["lines = true"] if tile.lines else []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(path: Path, model: Path, graph: Graph) -> Loaded:
    """What a file says of the graph that was made from the .tflite `model`.

    ConfigError where the file is broken, of another format, or not of this model, these rewrites and this --io.
    """
    document = read(path)
    _check_schema(document)
    found = decode(document, ScheduleFile)
    if found.model_sha256 != _sha256(model):
        said = f"is a schedule of another model ({found.model}), not of {model.name} as it is now"
        raise document.error(("model_sha256",), said, AGAIN, "schedule.model")
    if found.graph_sha256 != fingerprint(graph):
        said = "is a schedule of the same model after other rewrites: another edgekit or another --io made it"
        raise document.error(("graph_sha256",), said, AGAIN, "schedule.graph")
    graph = replace(graph, outside=frozenset(graph.inputs) if found.frame_buffer else frozenset())
    rewrites = Rewrites(found.again, found.groups, found.splits)
    try:
        graph = fitting.prepared(graph, rewrites)
    except (ValueError, CodegenError) as error:
        key = "again" if found.again else "groups" if found.groups else "splits"
        raise document.error((key,), str(error), AGAIN, "schedule.impossible") from error
    try:
        schedule = restored(graph, found.segment)
    except CodegenError as error:
        raise document.error(("segment",), error.message, AGAIN, "schedule.impossible") from error
    _check_order(document, graph, found)
    return Loaded(rewrites, graph, schedule)


def _check_schema(document: Document) -> None:
    schema = document.data.get("schema")
    if schema != SCHEMA:
        raise document.error(("schema",), f"is {schema}; this edgekit reads {SCHEMA}", AGAIN, "schedule.schema")


def _check_order(document: Document, graph: Graph, found: ScheduleFile) -> None:
    """Every operator at most once and behind what it reads; whether others may be left out, the planner finds out."""
    order = [n for choice in found.segment for n in choice.operators]
    there = {i for i, t in graph.tensors.items() if t.is_constant} | set(graph.inputs)
    rest = [n for n in range(len(graph.ops)) if n not in order]
    if len(set(order)) < len(order):
        raise document.error(("segment",), "runs an operator twice", AGAIN, "schedule.impossible")
    for n in order:
        while moved := [m for m in rest if all(i is None or i in there for i in graph.ops[m].inputs)]:
            there.update(i for m in moved for i in graph.ops[m].outputs)
            rest = [m for m in rest if m not in moved]
        if any(i is not None and i not in there for i in graph.ops[n].inputs):
            said = f"runs operator {n} ({graph.ops[n].kind}) before all that it reads is there"
            raise document.error(("segment",), said, AGAIN, "schedule.impossible")
        there.update(graph.ops[n].outputs)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
