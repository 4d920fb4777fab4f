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


def constants(graph: Graph, index: int, kernel: Kernel, name: str) -> Constants:
    """Everything constant about operator `index`, which `kernel` computes, under names that start with `name`."""
    op = graph.ops[index]
    fields = [f".{field} = {literals.value(v)}" for field, v in kernel.params(graph, op).items()]
    body = literals.fill(literals.INDENT, fields, ",", hang=len(literals.INDENT))
    params = f"static const {kernel.struct} {name} = {{\n{body}\n}};\n"
    weights, weights_name = _weights(graph, index, name, kernel)
    requant, requant_name = _requant(graph, index, name, kernel)
    held = [(i, t) for i, t in enumerate(TABLE[op.kind].operands(graph, op)) if t.is_constant]
    operands = {i: f"{name}_operand_{i}" for i, _ in held}
    tables = "".join(_table(operands[i], t.data) for i, t in held if t.data is not None)
    access = TABLE[op.kind].access(graph, op)
    maps = access.maps if isinstance(access, Rows) else ()
    numbered = {i: m.rows for i, m in enumerate(maps) if isinstance(m, RowTable)}
    rows = {i: f"{name}_rows_{i}" for i in numbered}
    tables += "".join(_table(rows[i], np.array(numbers, np.int16)) for i, numbers in numbered.items())
    return Constants(params, weights + requant + tables, weights_name, requant_name, operands, rows)


def _weights(graph: Graph, index: int, name: str, kernel: Kernel) -> tuple[str, str]:
    data = kernel.weights(graph, graph.ops[index])
    if data is None:
        return "", "NULL"
    return _table(f"{name}_weights", data), f"{name}_weights"


def _table(name: str, data: npt.NDArray[Any]) -> str:
    head = f"static const _Alignas(4) {_INTEGERS[data.dtype.name]} {name}[{data.size}] = {{\n"
    return head + literals.table(data) + "};\n"


def _requant(graph: Graph, index: int, name: str, kernel: Kernel) -> tuple[str, str]:
    requant = kernel.requant(graph, graph.ops[index])
    if requant is None:
        return "", "NULL"
    rows = np.stack([requant.bias, requant.multiplier, requant.shift], axis=1).astype(np.int64).tolist()
    cells = ["{" + ", ".join(map(literals.integer, row)) + "}," for row in rows]
    head = f"static const ek_requant_t {name}_requant[{len(rows)}] = {{\n"
    return head + literals.columns(cells, 4) + "};\n", f"{name}_requant"
