"""The cycle model against published figures: counts of any ELF file, and the arithmetic of the page."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from support import arena_images
from support.bare_metal import Line, board, compile_image
from support.models import model_path

import edgekit
from benchmarks import cycle_model, elf_counts
from benchmarks.cycle_model_errors import COUNTERPART, Pair, factor_without, fit_without, goals, groups, left_out, pairs
from benchmarks.cycle_model_page import render, span
from benchmarks.cycle_model_runs import CMSIS_NN, Run, elf, representable, whole
from edgekit import boards, frontend, pipeline
from edgekit.api.device import random_inputs
from edgekit.emulate.classes import CLASSES
from edgekit.emulate.counters import Marks
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine
from edgekit.errors import DeviceError, UsageError
from edgekit.profiler.costs import cost_table
from edgekit.profiler.published import Published, published
from edgekit_codegen import passes, providers
from edgekit_codegen.ir import Graph

DIGITS = cycle_model.ROOT / "examples" / "digits" / "digits.tflite"

# `work` has a loop of 10 x (mla, subs, bne) and a call; `last` follows it.
SOURCE = r"""
NAKED u32 work(u32 n)
{
    __asm volatile(
        "push {r4, lr}\n movs r4, #10\n"
        "1: mla r0, r0, r0, r4\n subs r4, #1\n bne 1b\n"
        "bl leaf\n pop {r4, pc}");
}
NAKED void leaf(void) { __asm volatile("ldm sp, {r1, r2}\n bx lr"); }
NAKED void last(void) { __asm volatile("bx lr"); }
void test(void) { work(3); last(); work(4); last(); }
"""
WORK = {
    "alu": 1 + 10,
    "mac": 10,
    "branch_taken": 9 + 1,
    "branch_not_taken": 1,
    "branch_indirect": 2,
    "load_multiple": 2,
    "load_multiple_register": 4,
    "store_multiple": 1,
    "store_multiple_register": 2,
}
INSTRUCTIONS = 2 + 3 * 10 + 1 + 1 + 2


def image(folder: Path) -> Path:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    return compile_image("void leaf(void);\n" + SOURCE, folder)


def ran(classes: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in classes.items() if n}


# Counts of an ELF file.


def test_a_function_is_counted_by_class_from_its_entry_to_its_return(tmp_path: Path) -> None:
    done = elf_counts.count(image(tmp_path), board(), "work")
    assert done.instructions == INSTRUCTIONS
    assert ran(done.classes) == WORK
    assert set(done.classes) == set(CLASSES)


def test_between_two_functions_and_from_reset(tmp_path: Path) -> None:
    file = image(tmp_path)
    to_last = elf_counts.count(file, board(), "work", "last")
    assert to_last.instructions == INSTRUCTIONS + 1  # the call of `last`
    assert ran(to_last.classes) == {**WORK, "branch_taken": WORK["branch_taken"] + 1}
    boot, all_of_it = elf_counts.count(file, board(), "", "work"), elf_counts.count(file, board(), "", "last")
    assert all_of_it.instructions == boot.instructions + to_last.instructions
    sums = {name: boot.classes[name] + to_last.classes[name] for name in CLASSES}
    assert sums == all_of_it.classes


def test_the_counter_may_be_evaluated_anywhere_in_between(tmp_path: Path) -> None:
    """A conditional branch at the end of what is evaluated is known to fall through only by the next block."""
    file = image(tmp_path)
    line = elf_counts.Silence()
    line.machine = machine = Machine(read_image(file), board(), line)
    loop = read_image(file).symbols["work"] + 4
    machine.engine.hook("code", lambda *_: machine.counter.flush(), loop, loop + 20)
    assert ran(elf_counts.run(machine, loop - 4, 0).classes) == WORK


def test_a_stop_in_the_middle_of_a_block_counts_nothing_twice(tmp_path: Path) -> None:
    """Allowing the floating-point unit stops the engine behind the store, and the rest of the block runs afterwards."""
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    source = r"""
    NAKED void work(u32 *cpacr)
    {
        __asm volatile(
            "ldr r1, [r0]\n orr r1, #0xF00000\n str r1, [r0]\n dsb\n adds r2, r1, r1\n mul r2, r2, r1\n"
            "cmp r1, #0\n bne 1f\n nop\n 1: bx lr");
    }
    void test(void) { work((u32 *)0xE000ED88); }
    """
    done = elf_counts.count(compile_image(source, tmp_path), board(), "work")
    expected = {"load": 1, "alu": 3, "store": 1, "barrier": 1, "mul": 1, "branch_taken": 1, "branch_indirect": 1}
    assert (done.instructions, ran(done.classes)) == (9, expected)


def test_what_cannot_be_counted_is_told(tmp_path: Path) -> None:
    file = image(tmp_path)
    with pytest.raises(UsageError, match="no symbol works"):
        elf_counts.count(file, board(), "works")
    with pytest.raises(UsageError, match="neither begin nor end"):
        elf_counts.count(file, board())


def test_a_run_of_an_elf_file_is_weighed_with_its_boards_core(tmp_path: Path) -> None:
    run = elf(image(tmp_path), "mlperf_tiny_kws", "stm32f746g-disco", "TinyEngine", "work", "")
    table = cost_table("cortex-m7")
    assert table is not None
    by_hand = sum(n * table.instruction[name].cycles for name, n in WORK.items())
    assert (run.engines, run.core, run.what) == (("TinyEngine",), "cortex-m7", "image.elf")
    assert (run.instructions, run.cycles) == (INSTRUCTIONS, {"cortex-m7": round(by_hand)})


def test_an_elf_file_that_stands_for_nothing_published_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CMSIS_NN_ROOT", raising=False)
    file = str(image(tmp_path))
    given = [file, "mcunet_vww1", "stm32f746g-disco", "TinyEngine", "work", "-"]
    (run,) = cycle_model.counterparts([given])
    assert "by image.elf: 51 ms are published" in render([run], [], published(), {}, {}, "gnu 1")
    given[3] = "TinyEngin"
    with pytest.raises(UsageError, match="no row of mcunet_vww1 by TinyEngin on a cortex-m7"):
        list(cycle_model.counterparts([given]))


def test_a_layer_of_this_projects_firmware_counts_as_its_marks_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's bytes of one inference are recorded, and given to a board on which one layer alone is counted."""
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    build = edgekit.build(DIGITS, board="nucleo-l4r5zi", out=tmp_path / "build", io="int8")
    part, table = boards.load("nucleo-l4r5zi"), cost_table("cortex-m4")
    assert table is not None
    device = arena_images.emulated(build.elf, part)
    layer = next((name for name in device.image.symbols if re.fullmatch(r"layer_03(\..*)?", name)), None)
    if layer is None:
        pytest.skip("this compiler inlines layers")
    sent, write = bytearray(), device.host.write

    def recorded(data: bytes) -> None:
        sent.extend(data)
        write(data)

    monkeypatch.setattr(device.host, "write", recorded)
    device.infer(random_inputs(frontend.load(DIGITS, io="int8")))
    seen: list[Marks] = []
    line = Line(bytes(sent))
    line.machine = machine = Machine(device.image, part, line, cycles=table.cycles, on_marks=seen.append)
    done = elf_counts.run(machine, device.image.symbols[layer] & ~1, 0)
    machine.run()  # the rest of the inference
    (marks,) = seen
    assert marks.instructions == device.marks[0].instructions and marks.cycles is not None
    call = marks.instructions[3] - done.instructions
    assert 0 < call < 20
    assert 0 < marks.cycles[3] - done.cycles(table.cycles) < 3 * call


def test_an_image_that_waits_for_a_host_is_told(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    build = edgekit.build(DIGITS, board="nucleo-l4r5zi", out=tmp_path / "build", io="int8")
    part = boards.load("nucleo-l4r5zi")
    with pytest.raises(DeviceError, match="before what is counted is over"):
        elf_counts.count(build.elf, part, "main", "digits_invoke")
    with pytest.raises(DeviceError, match="before what is to be counted begins"):
        elf_counts.count(build.elf, part, "digits_invoke")
    assert elf_counts.count(build.elf, part, "", "main").instructions > 0


# The models that are compared.


def test_the_comparisons_models_keep_every_channel() -> None:
    path = model_path("mlperf_tiny_vww")
    source = frontend.load(path, io="int8")
    assert passes.macs(whole(source)) == passes.macs(source) == 7_489_664
    assert passes.macs(pipeline.read_model(path, boards.load("nucleo-l4r5zi"), "int8").graph) < 7_489_664


def test_cmsis_nn_computes_every_layer_of_the_comparison() -> None:
    """Some channels without weights have a bias of 2^30, which CMSIS-NN would have to shift by 31 bits."""
    graph = whole(frontend.load(model_path("mlperf_tiny_vww"), io="int8"))
    target = boards.target(boards.load("nucleo-l4r5zi"), "cmsis-nn")

    def left_to_edgekit(of: Graph) -> int:
        return sum(providers.kernel_of(of, op, target).provider != "cmsis-nn" for op in of.ops)

    assert (left_to_edgekit(graph), left_to_edgekit(representable(graph))) == (6, 0)
    biases = [(graph.operand(op, 2), representable(graph).operand(op, 2)) for op in graph.ops if op.kind == "conv2d"]
    changed = [(a.data, b.data) for a, b in biases if not np.array_equal(a.data, b.data)]
    assert len(changed) == 6
    for before, after in changed:
        assert before is not None and after is not None
        halved = before != after
        assert abs(before[halved]).min() > 1 << 29 and np.array_equal(before[halved] >> 1, after[halved])


# The page.


def run_of(model: str, cycles: int, core: str = "cortex-m4") -> Run:
    return Run((COUNTERPART,), "cortex-m4", CMSIS_NN, model, 1000, {core: cycles})


def row(model: str, core: str = "cortex-m4") -> Published:
    wanted = (core, COUNTERPART, model)
    return next(r for r in published() if (r.submission.core, r.submission.engine, r.result.model) == wanted)


def group(ratios: Mapping[str, float]) -> list[Pair]:
    """Pairs whose published / estimate is as given, nearly."""
    return [
        Pair(run_of(model, round((row(model).cycles or 0) / ratio)), row(model), "cortex-m4")
        for model, ratio in ratios.items()
    ]


RATIOS = {"mlperf_tiny_kws": 1.2, "mlperf_tiny_vww": 1.0, "mlperf_tiny_ic": 1.4, "mlperf_tiny_ad": 1.3}


def test_the_factor_never_sees_the_model_that_it_predicts() -> None:
    of = group(RATIOS)
    assert factor_without("mlperf_tiny_vww", of) == pytest.approx(1.3, rel=1e-4)
    assert factor_without("mlperf_tiny_ic", of) == pytest.approx(1.2, rel=1e-4)
    assert left_out(of)["mlperf_tiny_vww"] == pytest.approx(1.3 / 1.0 - 1, rel=1e-3)
    assert left_out(of)["mlperf_tiny_ic"] == pytest.approx(1.2 / 1.4 - 1, rel=1e-3)
    assert left_out(of[:1]) == {} and factor_without("mlperf_tiny_kws", of[:1]) is None


def test_a_fit_without_a_model_is_that_of_the_others() -> None:
    rows = published()
    table = cost_table("cortex-m33")
    assert table is not None and table.fit is not None
    without = fit_without("mlperf_tiny_ad", rows, "cortex-m4", "cortex-m33")
    kept = [r for r in rows if r.result.model != "mlperf_tiny_ad"]
    assert without == fit_without("no model", kept, "cortex-m4", "cortex-m33")
    assert fit_without("no model", rows, "cortex-m4", "cortex-m33") == pytest.approx(table.fit.factor, abs=5e-4)


def test_a_goal_is_met_by_the_estimate_or_by_what_is_left_of_it() -> None:
    best = min(
        r.cycles for r in published() if r.submission.core == "cortex-m4" and r.cycles and "kws" in r.result.model
    )
    own = Run((), "cortex-m4", "edgekit", "mlperf_tiny_kws", 1000, {"cortex-m4": round(best * 0.9)})
    (goal,) = goals([own], group(RATIOS), published(), {"mlperf_tiny_kws": 2_656_768}, {})
    assert goal.best == pytest.approx(best / 2_656_768) and goal.engine.startswith("X-CUBE-AI")
    assert goal.estimate < goal.best < goal.corrected == pytest.approx(goal.estimate * 1.3, rel=1e-4)


def test_without_cmsis_nn_the_page_says_so() -> None:
    page = render([], [], published(), {}, {}, "gnu 1")
    assert "Nothing was run: CMSIS-NN was not there" in page and "no ELF file of tflite-micro or TinyEngine" in page
    other = dataclasses.replace(run_of("mlperf_tiny_kws", 10_000_000), what="tflm.elf")
    page = render([other], [], published(), {}, {}, "gnu 1")
    assert "| tflm.elf | mlperf_tiny_kws | 11,977,248 | 1,000 | 10,000,000 | 0.835 | - | - |" in page


def rows_of_the_page() -> list[Pair]:
    """The pairs of docs/cycle_model.md."""
    found = []
    for line in cycle_model.PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 10 and cells[4].replace(",", "").isdigit():
            core = cells[0].lower().replace("+", "plus")
            numbers = [int(cell.replace(",", "")) for cell in cells[4:7]]
            run = Run((cells[1],), "cortex-m4", cells[2], cells[3], numbers[1], {core: numbers[2]})
            (pair,) = pairs([run], published())
            assert round(pair.cycles) == numbers[0]
            found.append(pair)
    return found


def test_the_pages_errors_are_those_that_cost_tables_tell() -> None:
    of = groups(rows_of_the_page())
    assert len(of) >= 4 and all(len(each) == 4 for each in of.values())
    for (core, engine, _), each in of.items():
        spans = span([pair.off for pair in each])
        assert f"{engine}, by {CMSIS_NN}: the estimate is off by {spans}" in cycle_model.PAGE.read_text()
        table = cost_table(core)
        assert table is not None and f"{spans} against {engine}" in table.error
    m4, m7 = cost_table("cortex-m4"), cost_table("cortex-m7")
    assert m4 is not None and m7 is not None
    own = span([pair.off for pair in of["cortex-m4", COUNTERPART, CMSIS_NN]])
    assert f"the Cortex-M4 table's own, {own}" in m7.error
    assert all("docs/cycle_model.md" in table.error for table in (m4, m7))
