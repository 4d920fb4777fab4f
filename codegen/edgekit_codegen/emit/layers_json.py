"""layers.json: the model as data, for tools that show or compare layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..ir.types import Graph, TensorId
from ..naming import short_name
from ..ops import TABLE
from ..ops.record import Kernel
from ..schedule import walk
from .names import Names

SCHEMA = 1


def layers_json(graph: Graph, name: str, names: Names, kernels: Mapping[int, Kernel]) -> str:
    """The document's text; layers are numbered as the generated code marks them. kernels: by the operators' numbers."""
    document = {
        "schema": SCHEMA,
        "model": graph.name,
        "symbol": f"{name}_model",
        "inputs": [_tensor(graph, i, names) for i in graph.inputs],
        "outputs": [_tensor(graph, i, names) for i in graph.outputs],
        "regions": [
            {"name": use.name, "bytes": use.used, "size": use.size, "align": use.align}
            for use in (names.plan.regions[i] for i in names.used)
        ],
        "arena_bytes": names.plan.arena_bytes,
        "arena_lower_bound_bytes": names.plan.lower_bound_bytes,
        "layers": [_layer(graph, index, names, kernels[index]) for index in names.layers],
    }
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {_lines(entry)}" for key, entry in document.items()) + "\n}\n"


def _lines(entry: Any) -> str:
    """JSON with one line per object of a list, so that differences between two models read well."""
    if isinstance(entry, list):
        return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in entry) + "\n  ]" if entry else "[]"
    return json.dumps(entry)


def _tensor(graph: Graph, ident: TensorId, names: Names) -> dict[str, Any]:
    tensor, held = graph.tensors[ident], names.storage(ident)
    quantized = tensor.quant is not None and not tensor.quant.per_channel
    streamed = ident in walk.streamed(names.plan.schedule)
    place = {"row_bytes": tensor.bytes // tensor.hwc[0]} if streamed else {"offset": held.offsets[0]}
    return {
        "name": tensor.name,
        "dtype": tensor.dtype.value,
        "shape": list(tensor.shape),
        "scale": tensor.scale if quantized else None,
        "zero_point": tensor.zero_point if quantized else None,
        "bytes": tensor.bytes,
        "region": names.region(held.region),
        **place,
    }


def _layer(graph: Graph, index: int, names: Names, kernel: Kernel) -> dict[str, Any]:
    op = graph.ops[index]
    record = TABLE[op.kind]
    return {
        "index": names.layers.index(index),
        "name": names.constant(index),
        "op": op.kind,
        "kernels": kernel.provider,
        "describe": record.describe(graph, op),
        "inputs": [list(t.shape) for t in record.operands(graph, op)],
        "output": list(graph.result(op).shape),
        "tensor": short_name(graph.result(op)),
        "macs": record.macs(graph, op),
        "source": list(op.origin),
    }
