"""The constants of a layer: kernel parameters, packed weights and epilogues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph
from ..ops import TABLE
from ..ops.record import Kernel, Rows, RowTable
from . import literals

_INTEGERS = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}


@dataclass(frozen=True, slots=True)
class Constants:
    """params: the definition of the parameter struct; weights: definitions for the weights' header, may be empty;
    weights_name, requant_name: what the kernel's call passes, NULL where there is none; operands: the names of
    constant operands, by position; rows: those of the tables of rows that operands are read by, by position."""

    params: str
    weights: str
    weights_name: str
    requant_name: str
    operands: Mapping[int, str]
    rows: Mapping[int, str]


class Tables:
    """The tables of one model: of those with the same type and contents there is one, under the name of the first."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def define(self, kind: str, name: str, rest: str) -> tuple[str, str]:
        """The definition, "" where there is such a table, and the name it has. kind, rest: before and behind `name`."""
        known = self._names.setdefault(kind + rest, name)
        return f"static const {kind} {name}{rest}" if known == name else "", known


def constants(graph: Graph, index: int, kernel: Kernel, name: str, tables: Tables) -> Constants:
    """Everything constant about operator `index`, which `kernel` computes, under names that start with `name`, or those
    of tables that are there."""
    op = graph.ops[index]
    fields = [f".{field} = {literals.value(v)}" for field, v in kernel.params(graph, op).items()]
    body = literals.fill(literals.INDENT, fields, ",", hang=len(literals.INDENT))
    params = f"static const {kernel.struct} {name} = {{\n{body}\n}};\n"
    weights, weights_name = _weights(graph, index, name, kernel, tables)
    requant, requant_name = _requant(graph, index, name, kernel, tables)
    held = {i: t.data for i, t in enumerate(TABLE[op.kind].operands(graph, op)) if t.data is not None}
    operands = {i: _table(f"{name}_operand_{i}", data, tables) for i, data in held.items()}
    access = TABLE[op.kind].access(graph, op)
    maps = access.maps if isinstance(access, Rows) else ()
    numbered = {i: np.array(m.rows, np.int16) for i, m in enumerate(maps) if isinstance(m, RowTable)}
    rows = {i: _table(f"{name}_rows_{i}", numbers, tables) for i, numbers in numbered.items()}
    return Constants(
        params,
        weights + requant + "".join(text for text, _ in (*operands.values(), *rows.values())),
        weights_name,
        requant_name,
        {i: known for i, (_, known) in operands.items()},
        {i: known for i, (_, known) in rows.items()},
    )


def _weights(graph: Graph, index: int, name: str, kernel: Kernel, tables: Tables) -> tuple[str, str]:
    data = kernel.weights(graph, graph.ops[index])
    return ("", "NULL") if data is None else _table(f"{name}_weights", data, tables)


def _table(name: str, data: npt.NDArray[Any], tables: Tables) -> tuple[str, str]:
    kind = f"_Alignas(4) {_INTEGERS[data.dtype.name]}"
    return tables.define(kind, name, f"[{data.size}] = {{\n{literals.table(data)}}};\n")


def _requant(graph: Graph, index: int, name: str, kernel: Kernel, tables: Tables) -> tuple[str, str]:
    requant = kernel.requant(graph, graph.ops[index])
    if requant is None:
        return "", "NULL"
    rows = np.stack([requant.bias, requant.multiplier, requant.shift], axis=1).astype(np.int64).tolist()
    cells = ["{" + ", ".join(map(literals.integer, row)) + "}," for row in rows]
    return tables.define("ek_requant_t", f"{name}_requant", f"[{len(rows)}] = {{\n{literals.columns(cells, 4)}}};\n")
