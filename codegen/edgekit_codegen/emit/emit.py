"""A planned graph as a folder of C. Deterministic: the same graph, plan and target give the same bytes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..errors import CodegenError
from ..ir.types import Graph
from ..memory.plan import Plan
from ..providers import cmsis, kernel_of
from ..schedule import walk
from ..target import Target
from .header import header
from .layers_json import layers_json
from .model import kernel_headers, model
from .names import Names, identifier
from .project import headers, template
from .types import EmitOptions, Sources

MAX_REGIONS = 4
"""EK_MAX_REGIONS of edgekit.h."""


def emit(graph: Graph, plan: Plan, target: Target, options: EmitOptions = EmitOptions()) -> Sources:
    """The model's sources. Raises CodegenError for schedules and storages that no C is written for yet."""
    graph = replace(graph, name=options.name or graph.name)
    name = identifier(graph.name)
    names = Names(graph, plan)
    if len(names.used) > MAX_REGIONS:
        raise CodegenError(
            "emit.regions",
            f"the plan uses {len(names.used)} memory regions of {target.name}, a model has {MAX_REGIONS} at most",
            "give the arena fewer memories in the board's file",
        )
    over = walk.planar(plan.schedule)
    kernels = {index: kernel_of(graph, graph.ops[index], target, index in over) for index in names.layers}
    providers = tuple(sorted({kernel.provider for kernel in kernels.values()}))
    source, weights = model(graph, name, names, kernels)
    texts = {
        f"{name}.c": source,
        f"{name}.h": header(graph, name, names),
        f"{name}_weights.h": weights,
        "layers.json": layers_json(graph, name, names, kernels),
        **{
            path: _project(path, name, names, target, providers)
            for path in ("example_main.c", "CMakeLists.txt", "README.md")
        },
        **headers(kernel_headers(kernels)),
    }
    regions = tuple(plan.regions[i] for i in names.used)
    pulls, pushes = _streamed(names)
    return Sources(name, texts, (f"{name}.c",), regions, len(names.layers), pulls, pushes, providers)


def _streamed(names: Names) -> tuple[bool, bool]:
    """Whether an input and whether an output is."""
    found = walk.streamed(names.plan.schedule)
    return bool(found & set(names.graph.inputs)), bool(found & set(names.graph.outputs))


def _project(path: str, name: str, names: Names, target: Target, providers: Collection[str]) -> str:
    upper, numbers = name.upper(), range(len(names.used))
    library = template("cmsis_nn.cmake").substitute(name=name) if cmsis.NAME in providers else ""
    compiled = f"cc -std=c11 -O2 -I. example_main.c {name}.c -o {name}", f"./{name}"
    if library:
        built = "cmake -B build -DCMSIS_NN_ROOT=CMSIS-NN && cmake --build build"
        compiled = built, f"./build/{name}_example"
    pulls, pushes = _streamed(names)
    read = template("example_rows.c" if pulls else "example_inputs.c")
    return template(path).substitute(
        name=name,
        upper=upper,
        read_inputs=read.substitute(name=name, upper=upper),
        push_rows=template("example_rows_out.c").substitute(upper=upper) if pushes else "",
        push=", .push = push" if pushes else "",
        output="output" if pushes else f"{name}_output(&ctx, i)",
        target=target.name,
        compile=compiled[0],
        run=compiled[1],
        library=library,
        needs=template("cmsis_nn.md").substitute(commit=cmsis.COMMIT) if library else "",
        libraries="with CMSIS-NN" if library else "no library needed",
        arena=f"{names.plan.arena_bytes:,}",
        arrays="\n".join(
            f"static _Alignas({upper}_REGION_{i}_ALIGN) uint8_t region_{i}[{upper}_REGION_{i}_BYTES];" for i in numbers
        ),
        regions=", ".join(f"region_{i}" for i in numbers),
    )
