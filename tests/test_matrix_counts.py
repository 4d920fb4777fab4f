"""Two emulators, one image: the same bytes, and per layer the same number of instructions.

QEMU's numbers are larger by what the mark of a layer executes between its reading of the timer and the layer: a
straight line of some ten instructions, the same for every layer of an image. Nothing else is tolerated. No second
emulator here has a Cortex-M55.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from support import matrix
from support.matrix import MODELS, Cell

from benchmarks.status import TOOLCHAINS
from edgekit import boards
from edgekit.link import Session

pytest.importorskip("unicorn", reason="the emulator extra is not installed")
pytest.importorskip("capstone", reason="the emulator extra is not installed")

from support import mps2, stm32f405

BOARDS = ("mps2-an386", "mps2-an500", "netduinoplus2")
EVERY = [Cell(*names) for names in product(MODELS, BOARDS, TOOLCHAINS)]
QUICK = {
    *(Cell("digits", board) for board in BOARDS),
    *(Cell("mlperf_tiny_kws", board, "zig") for board in BOARDS),
}
MARK = 20
"""More than what a mark executes after it has read the timer."""


@pytest.mark.parametrize(
    "cell", [pytest.param(c, id=str(c), marks=() if c in QUICK else pytest.mark.slow) for c in EVERY]
)
def test_qemu_counts_what_unicorn_counts_of_the_same_image(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix.build(cell, tmp_path)
    noise = matrix.inputs(cell.model)[0]
    qemu = matrix.run(tmp_path, (noise,))[0]

    twin = stm32f405.board(monkeypatch) if cell.board == "netduinoplus2" else mps2.board(cell.board, monkeypatch)
    running = stm32f405.Running(tmp_path / "firmware.elf", twin)
    with Session(running, infer_timeout=matrix.TIMEOUT) as session:
        unicorn = session.infer([x.tobytes() for x in noise])
    assert running.fault is None and running.marks is not None

    assert b"".join(unicorn.outputs) == qemu.outputs == matrix.expected(cell.model)[0]
    differences = {a - b for a, b in zip(qemu.instructions, running.marks.instructions, strict=True)}
    assert len(differences) == 1
    assert 0 < differences.pop() <= MARK


def test_every_board_that_qemu_emulates_is_compared_but_the_cortex_m55() -> None:
    on_qemu = [board for board in boards.load_all() if board.emulator.engine == "qemu"]
    assert {board.name for board in on_qemu if board.mcu.core != "cortex-m55"} == set(BOARDS)
