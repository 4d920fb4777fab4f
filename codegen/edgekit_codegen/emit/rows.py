"""Where rows lie, in C."""

from __future__ import annotations

from ..ir.types import Graph, Tensor, TensorId
from ..schedule.types import Affine
from .names import Names


def affine(expression: Affine) -> str:
    """An affine expression in C; begins with what is positive where there is any."""
    parts = [(k, var if abs(k) == 1 else f"{abs(k)} * {var}") for var, k in expression.terms]
    if expression.const or not parts:
        parts.append((expression.const, str(abs(expression.const))))
    head = next((i for i, (k, _) in enumerate(parts) if k > 0), 0)
    (sign, first), *rest = parts[head], *parts[:head], *parts[head + 1 :]
    return ("-" if sign < 0 else "") + first + "".join(f" {'-' if k < 0 else '+'} {text}" for k, text in rest)


def bytes_of(tensor: Tensor, first: Affine) -> str:
    """In C, the bytes of so many pixels; "" for none."""
    size = pixel(tensor)
    moved = Affine(first.const * size, tuple((var, k * size) for var, k in first.terms))
    return affine(moved) if first != Affine(0) else ""


def back(tensor: Tensor, first: Affine) -> str:
    """In C, what takes a pointer to pixel `first` of a row to pixel 0."""
    ahead = bytes_of(tensor, first)
    return f" - ({ahead})" if " + " in ahead or " - " in ahead else f" - {ahead}" if ahead else ""


def pixel(tensor: Tensor) -> int:
    """Bytes of a pixel."""
    return tensor.hwc[2] * tensor.dtype.size


def fresh_name(ident: TensorId, names: Names) -> str:
    """What `fresh` defines."""
    return names.map(ident).replace("map_", "fresh_", 1)


def fresh(graph: Graph, ident: TensorId, names: Names, indent: str) -> str:
    """In C, the definition of a tensor's newest rows."""
    held, name = names.storage(ident), fresh_name(ident, names)
    if held.strip is None:
        new = names.fresh(ident)
        first, rows, pitch = names.first_row(ident), new.rows, held.pitch
        place = f"ek_at(ctx, {new.region}, {new.offset})"
    else:
        strip, tensor = names.strip(ident), graph.tensors[ident]
        first, rows, pitch = strip.y, strip.rows, strip.pixels * pixel(tensor)
        place = f"(int8_t *)ek_at(ctx, {strip.region}, {strip.offset}){back(tensor, strip.x)}"
    return f"{indent}const ek_fresh_t {name} = {{{place}, {affine(first)}, {rows}, {pitch}}};"
