"""Kernels, layers and plans that do what they must not: the replay of their loads and stores tells what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import plans, schedules, streamed
from support.arena_cases import images, joined, of_kind, replayed
from support.arena_replay import AccessError

from edgekit_codegen.emit import Sources
from edgekit_codegen.ir import Graph

pytest.importorskip("unicorn")
pytest.importorskip("capstone")


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
WRONG: dict[str, tuple[str | Callable[[], Graph], Callable[[Sources], Sources], str]] = {
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
        in_kernel(
            "reduce_sum", "const int8_t *const pixel =", f"{PEEK}&in[0][-1];\n        const int8_t *const pixel ="
        ),
        r"mark 0: layer_00\S* at 0x\w+ loads 0x\w+, outside the arena",
    ),
    "one element behind its output": (
        "pad",
        in_kernel(
            "pad", "out + end * channels, p->value, (x1 - end)", "out + end * channels, p->value, 1 + (x1 - end)"
        ),
        "row 8 of pad .* stores to .*",
    ),
    "a word across the end of its row": (
        "add",
        in_kernel(
            "add", "    EK_BROADCAST(", "    *(volatile int32_t *)(out + x1 * p->channels - 3) = 0;\n    EK_BROADCAST("
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
    "the wrong row of an operand that repeats": (
        "maximum",
        swap("built.c", "&map_in_0, y % 6", "&map_in_0, (y + 1) % 6"),
        r"row 0 of maximum .* loads .*\(row 1, pixel 0, channel 0 of 'tensor_0'\), which this row does not declare",
    ),
    "the wrong row of a table": (
        "resize_nearest_neighbor",
        swap("built.c", "_rows_0[y]", "_rows_0[y + 1]"),
        r"row 1 of resize_nearest_neighbor .* loads .*\(row 1, .*\), which this row does not declare",
    ),
    "gathered pixels of the next row": (
        "gather",
        in_kernel("gather", "ek_clamp(index[x],", "p->in_w + ek_clamp(index[x],"),
        "loads 0x.*, outside the arena",  # the last row's next one: the input ends the arena
    ),
    "the first row of the next image": (
        images,
        swap("ek_rows.h", "y >= 0 && y < rows ?", "y >= 0 && y < rows + (top == 0) ?"),
        r"row 3 of max_pool2d .* loads .*\(row 4, .*\), which this row does not declare",
    ),
    "one element behind its part of a whole": (
        joined,
        in_kernel("relu", "    (void)scratch;", "    (void)scratch;\n    out[x1 * p->channels] = 0;"),
        r"row 0 of relu \(layer 0\): .* stores to byte 16 .*, not to this row",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_kernel_that_reads_or_writes_something_else_is_caught(what: str, tmp_path: Path) -> None:
    source, change, message = WRONG[what]
    graph = of_kind(source) if isinstance(source, str) else source()
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


STREAMED: dict[str, tuple[str, Callable[[Sources], Sources], str]] = {
    "a tile that is read from elsewhere": (
        "tiles",
        swap("ek_rows.h", "in[k] != NULL ? in[k] - moved", "in[k] != NULL ? in[k] + 1 - moved"),
        r"row 0 of depthwise_conv2d \(layer 2\): .* loads .*, which this row does not declare",
    ),
    "a new row that is sought in its ring": (
        "landing",
        swap("ek_rows.h", "behind < (unsigned)fresh.n ?", "behind > 1u << 20 ?"),
        r"row 0 of conv2d \(layer 1\): .* loads .*\(nothing written yet\), which this row does not declare",
    ),
    "a tile that slides too far": (
        "sliding tiles",
        swap("ek_rows.h", "memmove(row, row + step, kept)", "memmove(row, row + step + 1, kept)"),
        r"what stays of a tile of 'tensor_\d+' is read where it is not",
    ),
    "a tile of which less stays": (
        "sliding tiles",
        swap("ek_rows.h", "memmove(row, row + step, kept)", "memmove(row, row + step, kept - 1)"),
        r"what stays of a tile of 'tensor_\d+' moves to .*, or does not",
    ),
    "a pixel that is not kept": (
        "tiles over lines",
        swap("ek_rows.h", "(size_t)(end - begin));", "(size_t)(end - begin) / 2);"),
        r"what is kept of a tile of 'tensor_\d+' moves to .*, or does not",
    ),
    "a pixel that is kept from elsewhere": (
        "tiles over lines",
        swap("ek_rows.h", "ek_fresh_row(tile, y) + begin,", "ek_fresh_row(tile, y) + begin + 1,"),
        r"what is kept of a tile of 'tensor_\d+' is read where it is not",
    ),
    "a row that does not move": (
        "landing",
        swap("ek_rows.h", "(size_t)map->pitch);", "(size_t)map->pitch - 1);"),
        r"row 0 of 'tensor_6' leaves byte \d+ of region ram",
    ),
    "sums that begin as garbage": (
        "sums",
        in_kernel("ek_add_pixels", "clear ? 0 : sum[c]", "sum[c]"),
        r"row 0 of sum \(layer 2\): .* its own output or scratch, before it has stored there",
    ),
    "sums that forget a channel": (
        "sums",
        in_kernel("ek_add_pixels", "for (int c = 0; c < channels; ++c) {", "for (int c = 1; c < channels; ++c) {"),
        r"row 0 of sum \(layer 2\) leaves its sums at byte \d+ of region ram",
    ),
}


@pytest.mark.parametrize("what", STREAMED)
def test_code_that_gets_a_stream_wrong_is_caught(what: str, tmp_path: Path) -> None:
    form, change, message = STREAMED[what]
    made = streamed.HAND_MADE[form]()
    with pytest.raises(AccessError, match=message):
        replayed(made.graph, made.plan(), tmp_path, change=change)


def test_sums_that_something_else_overwrites_are_caught(tmp_path: Path) -> None:
    """A plan that the validator would refuse: the sums lie on a row that is computed between two of theirs."""
    made = streamed.HAND_MADE["sums"]()
    plan = made.plan()
    ring = plan.storage(made.graph.ops[1].outputs[0])
    moved = replace(plan, scratch=tuple(replace(s, offset=ring.offsets[0]) for s in plan.scratch))
    with pytest.raises(AccessError, match=r"of sum \(layer 2\)"):
        replayed(made.graph, moved, tmp_path)
