"""Every load and store of generated code, replayed against the plan: real firmware, every kernel, each kind of core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import Phase, given, settings
from support import host_model, plans, schedules
from support.arena_images import emulated, replay_bare, replay_firmware
from support.arena_replay import AccessError, ArenaReplay
from support.graph_builder import GraphBuilder
from support.models import NAMES, ROOT, model_path
from support.toolchains import require

from edgekit import boards, pipeline
from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Padding

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

BOARDS = {"cortex-m4": "stm32l4r5", "cortex-m7": "stm32f746"}
CORES = ("cortex-m0", *BOARDS)
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Firmware is compiled once for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def inputs(graph: Graph) -> list[npt.NDArray[Any]]:
    return host_model.random_inputs(graph, np.random.default_rng(5))


def replay_model(model: Path, core: str, toolchain: str, folder: Path) -> ArenaReplay:
    board = boards.load(BOARDS[core])
    compiled = pipeline.compile_model(model, board)
    artifact = pipeline.to_firmware(compiled, board, folder, require(toolchain), "O2")
    return replay_firmware(compiled.graph, compiled.plan, emulated(artifact.elf, board), inputs(compiled.graph))


@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("toolchain", ["gnu", "zig"])
def test_the_firmware_of_digits_keeps_to_its_plan(core: str, toolchain: str, tmp_path: Path) -> None:
    replay = replay_model(DIGITS, core, toolchain, tmp_path)
    assert replay.loads > 50_000
    assert replay.stores > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("toolchain", ["gnu", "zig"])
@pytest.mark.parametrize("name", NAMES)
def test_the_firmware_of_real_models_keeps_to_its_plan(name: str, core: str, toolchain: str, tmp_path: Path) -> None:
    assert replay_model(model_path(name), core, toolchain, tmp_path).loads > 1000


def test_tracing_changes_no_count(tmp_path: Path) -> None:
    """Its callbacks stop at instructions in IT blocks too, and in the middle of the basic blocks that are counted."""
    board = boards.load(BOARDS["cortex-m7"])
    compiled = pipeline.compile_model(DIGITS, board)
    elf = pipeline.to_firmware(compiled, board, tmp_path, None, "O2").elf
    traced, plain = emulated(elf, board), emulated(elf, board)
    replay_firmware(compiled.graph, compiled.plan, traced, inputs(compiled.graph))
    plain.infer(inputs(compiled.graph))
    assert traced.marks == plain.marks
    assert len(plain.marks) == 1


def of_kind(kind: str) -> Graph:
    """The smallest graph in which an operator meets borders, strides and rows that share bytes with its input."""
    b = GraphBuilder()
    if kind == "quantize":
        return b.graph(b.quantize(b.float_input((1, 3, 4, 2)), plans.OTHER))
    x = b.input((1, 6, 5, 3))
    if kind == "conv2d":
        y = b.conv2d(x, 5, attrs=Conv2D((2, 2), padding=plans.SAME))
        return b.graph(b.conv2d(b.conv2d(y, 4, (1, 1)), 3, attrs=Conv2D(dilation=(2, 2), padding=Padding(2, 2, 2, 2))))
    if kind == "depthwise_conv2d":
        y = b.depthwise(x, attrs=DepthwiseConv2D((2, 1), padding=plans.SAME, multiplier=2))
        return b.graph(b.depthwise(y, attrs=DepthwiseConv2D(padding=plans.SAME)))
    if kind == "fully_connected":
        return b.graph(b.fully_connected(b.fully_connected(b.reshape(x, (6, 15)), 5, 15), 2, 30))
    if kind == "average_pool2d":
        return b.graph(b.pool("average", x, (3, 3), (2, 2), plans.SAME))
    if kind == "max_pool2d":
        return b.graph(b.pool("max", x, (3, 3), (2, 2), plans.SAME))
    single = {
        "add": lambda: b.add(b.relu(x), x),
        "dequantize": lambda: b.dequantize(x),
        "mean": lambda: b.mean(x, (1, 2)),
        "pad": lambda: b.pad(x, 1, 2, 1, 0, 2),
        "relu": lambda: b.relu(x, quant=plans.OTHER),
        "reshape": lambda: b.relu(b.reshape(b.relu(x), (1, 3, 5, 6))),
        "softmax": lambda: b.softmax(x),
        "transpose": lambda: b.transpose(x, (0, 3, 1, 2)),
    }
    return b.graph(single[kind]())


def replayed(
    graph: Graph, plan: Plan, folder: Path, core: str = "cortex-m7", change: Callable[[Sources], Sources] = lambda s: s
) -> ArenaReplay:
    return replay_bare(graph, plan, change(emit(graph, plan, plans.HOST)), folder, inputs(graph), core)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("kind", TABLE)
def test_every_kernel_keeps_to_what_it_declares(kind: str, core: str, tmp_path: Path) -> None:
    graph = of_kind(kind)
    assert kind in {op.kind for op in graph.ops}
    replay = replayed(graph, plans.plan(graph), tmp_path, core)
    assert replay.loads > 0
    assert replay.stores >= graph.tensors[graph.outputs[0]].elements


@given(plans.graphs())
@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would compile for minutes
def test_random_graphs_keep_to_their_plans(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    replayed(graph, plans.plan(graph), tmp_path_factory.mktemp("graph"))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("form", ["bands", "strips", "ring", "scattered", "streamed"])
def test_loops_rings_and_streamed_rows(form: str, core: str, tmp_path: Path) -> None:
    graph = plans.chain()
    made = {
        "bands": lambda: make_plan(graph, schedules.bands(graph, 2), plans.HOST),
        "strips": lambda: make_plan(graph, schedules.strips(graph, 2), plans.HOST),
        "ring": lambda: schedules.ring(graph, 3),
        "scattered": lambda: schedules.ring(graph, 3, scattered=True),
        "streamed": lambda: schedules.ring(graph, 3, streamed=True),
    }
    assert replayed(graph, made[form](), tmp_path, core).stores > 100


# Kernels and layers that do what they must not.


def swap(file: str, old: str, new: str) -> Callable[[Sources], Sources]:
    """Sources with a piece of a file replaced."""

    def change(sources: Sources) -> Sources:
        text = sources.files[file]
        assert old in text, f"{file} has no {old!r}"
        return replace(sources, files={**sources.files, file: text.replace(old, new)})

    return change


def in_kernel(kind: str, old: str, new: str) -> Callable[[Sources], Sources]:
    return swap(f"kernels/{kind}.h", old, new)


PEEK = "(void)*(const volatile int8_t *)"
RELU_STORE = "out[i] = (int8_t)ek_clamp(ek_wrapping_add(scaled, p->out_zero), p->act_min, p->act_max);"
WRONG = {
    "one element beyond the row": (
        "relu",
        in_kernel("relu", "ek_requantize(in[0][i] -", "ek_requantize(in[0][i + 1] -"),
        r"row 0 of relu \(layer 0\): layer_00\S*\+0x\w+ at 0x\w+ loads byte \d+ of region ram"
        r" \(row 1, pixel 0, channel 0 of 'tensor_0'\), which this row does not declare",
    ),
    "an input behind its overwriting": (
        "relu",
        in_kernel("relu", RELU_STORE, f"{RELU_STORE} {PEEK}&in[0][i];"),
        r"row 0 of relu .* loads byte 0 .* after this row has overwritten it",
    ),
    "the wrong row of the window": (
        "average_pool2d",
        swap("ek_rows.h", "const int y = first + k * dilation;", "const int y = first + k * dilation + 1;"),
        r"row 0 of average_pool2d .* loads .*\(row 2, pixel 0, .* does not declare",
    ),
    "an output that it has not begun": (
        "max_pool2d",
        in_kernel("max_pool2d", "result[c] = (int8_t)p->act_min;", ""),
        "row 0 of max_pool2d .* loads .* before it has stored there",
    ),
    "what nobody has written": (
        "average_pool2d",
        in_kernel(
            "average_pool2d", "    int32_t rows = 0;", f"    int32_t rows = 0;\n    {PEEK}&out[x1 * p->channels];"
        ),
        r"row 0 of average_pool2d .* loads byte \d+ .*\(nothing written yet\), which this row does not declare",
    ),
    "memory that is not the arena's": (
        "mean",
        in_kernel("mean", "const int8_t *const pixel =", f"{PEEK}&in[0][-1];\n        const int8_t *const pixel ="),
        r"mark 0: layer_00\S* at 0x\w+ loads 0x\w+, outside the arena",
    ),
    "one element behind its output": (
        "pad",
        in_kernel(
            "pad",
            "ek_pad_fill(out, end * channels, x1 * channels,",
            "ek_pad_fill(out, end * channels, x1 * channels + 1,",
        ),
        "row 8 of pad .* stores to .*",
    ),
    "a word across the end of its row": (
        "add",
        in_kernel(
            "add",
            "    for (int i = x0",
            "    *(volatile int32_t *)(out + x1 * p->channels - 3) = 0;\n    for (int i = x0",
        ),
        r"row 0 of add .* stores to byte \d+ .*, not to this row",
    ),
    "one element too few": (
        "softmax",
        in_kernel("softmax", "for (int x = x0; x < x1; ++x)", "for (int x = x0; x < x1 - 1; ++x)"),
        "row 0 of softmax .* stores to byte 15 .*, not to this row",
    ),
    "its last row not at all": (
        "depthwise_conv2d",
        swap("built.c", "for (int y = y0; y < y1; ++y)", "for (int y = y0; y < y1 - 1; ++y)"),
        r"row 2 of depthwise_conv2d \(layer 0\) leaves byte \d+ of region ram",
    ),
    "its rows in another order": (
        "transpose",
        swap("built.c", "for (int y = y0; y < y1; ++y)", "for (int y = y1 - 1; y >= y0; --y)"),
        "row 0 of transpose .* stores to byte .*, not to this row",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_kernel_that_reads_or_writes_something_else_is_caught(what: str, tmp_path: Path) -> None:
    kind, change, message = WRONG[what]
    graph = of_kind(kind)
    with pytest.raises(AccessError, match=message):
        replayed(graph, plans.plan(graph), tmp_path, change=change)


def test_a_ring_that_is_too_small_is_caught(tmp_path: Path) -> None:
    """The code does what the plan says, and the plan has one row replace another that is still needed."""
    graph = plans.chain()
    for form, message in [
        ({"slots": 2}, r"row 1 of conv2d \(layer 1\) reads row 0, .* and row 2, .*, both at byte"),
        ({"slots": 3, "streamed": True, "input_slots": 2}, r"row 1 of conv2d \(layer 0\) reads row 0, .* and row 2,"),
    ]:
        with pytest.raises(AccessError, match=message):
            replayed(graph, schedules.ring(graph, **form), tmp_path)


def test_two_tensors_in_one_place_are_caught(tmp_path: Path) -> None:
    """A plan that the validator would refuse: the output of the first layer lies on the input's last rows."""
    graph = plans.chain()
    plan = plans.plan(graph)
    x, middle = plan.storage(graph.inputs[0]), plan.storage(graph.ops[0].outputs[0])
    there = replace(middle, offsets=tuple(x.offsets[0] + 60 + middle.pitch * y for y in range(middle.slots)))
    used = replace(plan.regions[0], used=x.offsets[0] + 60 + middle.pitch * middle.slots)
    storages = tuple(there if s is middle else s for s in plan.storages)
    moved = replace(plan, storages=storages, regions=(used,))
    message = (
        r"row 6 of conv2d \(layer 0\): .* loads byte \d+ .*\(row 0, .* of 'tensor_3'\) for row 7, .* of 'tensor_0'"
    )
    with pytest.raises(AccessError, match=message):
        replayed(graph, moved, tmp_path)


def test_layers_in_another_order_are_caught(tmp_path: Path) -> None:
    graph = plans.chain()
    call = "    ek_mark(ctx, 1);\n    layer_01(ctx, 0, 9);\n"
    for old, new, message in [
        ("ek_mark(ctx, 0);", "ek_mark(ctx, 1);", "mark 1 comes where mark 0 should"),
        (call, 2 * call, "mark 1 comes where the end should"),
        (call, "", "mark 1 never came"),
    ]:
        with pytest.raises(AccessError, match=message):
            replayed(graph, plans.plan(graph), tmp_path, change=swap("built.c", old, new))
