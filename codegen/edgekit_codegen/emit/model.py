"""<model>.c and <model>_weights.h: maps, layers, and the functions of the ABI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import CodegenError
from ..ir.types import DType, Graph, Tensor, TensorId
from ..naming import dimensions, short_name
from ..ops import TABLE
from ..ops.record import Kernel
from ..schedule import walk
from . import literals
from .constants import Tables, constants
from .invoke import added, in_strips, statements, streams
from .layers import layer, layer_at_once, title
from .names import Names
from .project import template

MAX_RANK = 5  # EK_MAX_RANK in c/edgekit.h
_WHOLE = " && {}[i].row_bytes == 0\n              "  # a streamed tensor has no address
_DTYPES = {DType.INT8: "EK_INT8", DType.INT16: "EK_INT16", DType.INT32: "EK_INT32", DType.FLOAT32: "EK_FLOAT32"}


def model(graph: Graph, name: str, names: Names, kernels: Mapping[int, Kernel]) -> tuple[str, str]:
    """The texts of <name>.c and <name>_weights.h. kernels: by the operators' numbers, see names.layers."""
    schedule = names.plan.schedule
    strips, adding, streamed = in_strips(graph, schedule), added(schedule), walk.streamed(schedule)
    over = walk.planar(schedule)
    bodies, weights, tables = [], [], Tables()
    for index in names.layers:
        consts = constants(graph, index, kernels[index], names.constant(index), tables)
        heading = title(graph, index, names)
        if index in over:
            planes = TABLE[graph.ops[index].kind].planar(graph, graph.ops[index])
            code = layer_at_once(graph, index, kernels[index], names, consts, planes)
        elif kernels[index].once is None:
            code = layer(graph, index, kernels[index], names, consts, index in strips, index in adding)
        else:
            code = layer_at_once(graph, index, kernels[index], names, consts)
        bodies.append(f"/* {heading} */\n{consts.params}\n{code}")
        if consts.weights:
            weights.append(f"/* {heading} */\n{consts.weights}")
    calls = "\n".join(statements(graph, names, strips))
    source = template("model.c").substitute(
        name=name,
        title=literals.comment(graph.name),
        includes="\n".join(f'#include "kernels/{header}"' for header in kernel_headers(kernels)),
        maps="\n".join(_map(graph, map_name, ident, names) for map_name, ident in names.maps.items()),
        layers="\n".join(bodies),
        status="    int status = EK_OK;\n" if streams(names.plan.schedule) else "",
        calls=calls if calls else "    (void)ctx;",
        result="status" if streams(names.plan.schedule) else "EK_OK",
        upper=name.upper(),
        bytes=_list(f"{name.upper()}_REGION_{i}_BYTES" for i in range(len(names.used))),
        align=_list(f"{name.upper()}_REGION_{i}_ALIGN" for i in range(len(names.used))),
        inputs=_tensors(graph, graph.inputs, names),
        outputs=_tensors(graph, graph.outputs, names),
        c_name=literals.string(graph.name),
        whole_input=_WHOLE.format("inputs") if streamed & set(graph.inputs) else "",
        whole_output=_WHOLE.format("outputs") if streamed & set(graph.outputs) else "",
    )
    header = template("model_weights.h").substitute(
        name=name, guard=f"{name.upper()}_WEIGHTS_H", title=literals.comment(graph.name), weights="\n".join(weights)
    )
    return source, header


def kernel_headers(kernels: Mapping[int, Kernel]) -> list[str]:
    """The kernel headers that the layers call, sorted."""
    return sorted({kernel.header for kernel in kernels.values()})


def _map(graph: Graph, map_name: str, ident: TensorId, names: Names) -> str:
    """The constant that says where a tensor's rows lie."""
    held, tensor = names.storage(ident), graph.tensors[ident]
    rows = tensor.hwc[0]
    fields = [
        f".region = {names.region(held.region)}",
        f".offset = {held.offsets[0]}",
        f".pitch = {held.pitch}",
        f".rows = {rows}",
    ]
    before = ""
    if held.slots < rows:
        fields.append(f".slots = {held.slots}")
    if not held.contiguous:
        slots = [f"{o}u" for o in held.offsets]
        before = literals.fill(f"static const uint32_t {map_name}_slot[{held.slots}] = {{", slots, "};") + "\n"
        fields.append(f".slot = {map_name}_slot")
    what = literals.comment(f"{short_name(tensor)}, {dimensions(tensor)} {tensor.dtype.value}")
    return f"{before}/* {what} */\nstatic const ek_map_t {map_name} = {{{', '.join(fields)}}};"


def _tensors(graph: Graph, idents: Sequence[TensorId], names: Names) -> str:
    return "\n".join(_tensor(graph.tensors[ident], ident, names) for ident in idents)


def _tensor(tensor: Tensor, ident: TensorId, names: Names) -> str:
    """The descriptor of one input or output."""
    if tensor.dtype not in _DTYPES or len(tensor.shape) > MAX_RANK:
        raise CodegenError(
            "emit.interface",
            f"'{tensor.name}' {tensor.dtype.value}{list(tensor.shape)} cannot be an input or output of generated C",
            f"inputs and outputs are int8, int16, int32 or float32 of rank {MAX_RANK} or less",
        )
    quantized = tensor.quant is not None and not tensor.quant.per_channel
    held, streamed = names.storage(ident), ident in walk.streamed(names.plan.schedule)
    fields = [
        f".name = {literals.string(tensor.name)}",
        f".bytes = {tensor.bytes}u",
        f".dtype = {_DTYPES[tensor.dtype]}",
        f".region = {names.region(held.region)}",
        f".rank = {len(tensor.shape)}",
        f".zero_point = {tensor.zero_point if quantized else 0}",
        f".scale = {literals.real(tensor.scale) if quantized else '0.0f'}",
        f".offset = {held.offsets[0]}u",
        f".shape = {{{', '.join(map(str, tensor.shape)) or '0'}}}",
        *([f".row_bytes = {tensor.bytes // tensor.hwc[0]}u"] if streamed else []),
    ]
    return literals.fill("    {", fields, "},")


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)
