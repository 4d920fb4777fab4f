"""The trace of loads and stores: complete, in order, and without an effect on what is traced."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_metal import Line, board, compile_image

from edgekit.emulate.faults import Halted
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine
from edgekit.emulate.trace import Step, Tracer

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

# Each call of `begin` or `end` is an event; `work` is what is traced. r0 is the address of cells[2] when it begins.
SOURCE = r"""
u32 cells[8];
volatile u32 result;
NOINLINE void begin(void *user, int number) { __asm volatile("" ::: "memory"); }
NOINLINE void end(void *user, int number) { __asm volatile("" ::: "memory"); }
NAKED u32 work(u32 *cell) { __asm volatile("push {r4, r5, lr}\n @WORK@\n pop {r4, r5, pc}"); }
void test(void)
{
    for (int i = 0; i < 8; i++) cells[i] = i;
    begin(0, 7);
    result = work(cells + 2);
    end(0, 8);
    end(0, 9);
}
"""


def traced(work: str, folder: Path, stop_in: str = "") -> tuple[list[Step], int]:
    """The steps, with two of the cells watched, and what `work` returned.

    stop_in  the engine is stopped in the middle of this event's callback
    """
    image = read_image(compile_image(SOURCE.replace("@WORK@", work), folder))
    machine = Machine(image, board(), Line())
    steps: list[Step] = []
    cell = image.symbols["cells"] + 8

    def take(step: Step) -> None:
        steps.append(step)
        if step.event == stop_in:
            machine.engine.stop()

    Tracer(machine, [(cell, 8)], {image.symbols[name] & ~1: name for name in ("begin", "end")}, take)
    with pytest.raises(Halted) as halted:
        machine.run()
    assert halted.value.report.function == "done", str(halted.value.report)
    for step in steps:
        step.address[:] -= cell
    return steps, int.from_bytes(machine.engine.read(image.symbols["result"], 4), "little")


def accesses(step: Step) -> list[tuple[int, int, bool]]:
    return list(zip(step.address.tolist(), step.size.tolist(), step.write.tolist(), strict=True))


def test_every_width_and_every_word_of_a_multiple(tmp_path: Path) -> None:
    work = (
        "ldrb r1, [r0]\\n strh r1, [r0, #6]\\n ldrd r2, r3, [r0]\\n ldm r0, {r4, r5}\\n stm r0, {r4, r5}\\n movs r0, #5"
    )
    (step, after), result = traced(work, tmp_path)
    assert (step.event, step.number, after.event, after.number) == ("begin", 7, "end", 8)
    words = [(0, 4), (4, 4)]
    multiple = [(*w, write) for write in (False, False, True) for w in words]
    assert accesses(step) == [(0, 1, False), (6, 2, True), *multiple]
    assert [step.pc[i] == step.pc[i + 1] for i in (0, 2, 4, 6)] == [False, True, True, True]
    assert accesses(after) == []
    assert result == 5


def test_neighbours_are_left_out_but_for_accesses_that_reach_over(tmp_path: Path) -> None:
    work = "ldr r1, [r0, #-4]\\n ldr r1, [r0, #-2]\\n ldr r1, [r0, #7]\\n ldr r1, [r0, #8]"
    (step, _), _ = traced(work, tmp_path)
    assert accesses(step) == [((1 << 32) - 2, 4, False), (7, 4, False)]


def test_an_access_in_an_it_block_leaves_what_follows_as_it_is(tmp_path: Path) -> None:
    """The additions after the block are executed, though the block's condition does not hold any more."""
    block = "ittt eq\\n ldreq r1, [r0]\\n addeq r3, #1\\n cmpeq r3, #7"
    work = f"movs r3, #0\\n {block}\\n b 1f\\n 1: add r3, #16\\n add r3, #32\\n mov r0, r3"
    (step, _), result = traced(work, tmp_path)
    assert accesses(step) == [(0, 4, False)]
    assert result == 49


def test_a_stop_at_an_event_makes_no_second_one(tmp_path: Path) -> None:
    steps, _ = traced("ldr r1, [r0]", tmp_path, stop_in="begin")
    assert [(s.event, s.number, len(s.pc)) for s in steps] == [("begin", 7, 1), ("end", 8, 0)]
