"""The same bytes everywhere: every model on every emulated board, by every compiler at every level.

`make test` runs a part in which each of them occurs, `make test-full` the whole product.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from support import matrix
from support.matrix import MODELS, Cell

from benchmarks import layers, status
from benchmarks.status import BOARDS, TOOLCHAINS
from edgekit.builder.toolchains import LEVELS

MAIN = "stm32f746g-disco"
EVERY = [Cell(*names) for names in product(MODELS, BOARDS, TOOLCHAINS, LEVELS)]
QUICK = {
    *(Cell(model, MAIN) for model in MODELS),
    *(Cell("digits", board) for board in BOARDS),
    *(Cell("digits", MAIN, toolchain, level) for toolchain, level in product(TOOLCHAINS, LEVELS)),
    Cell("mlperf_tiny_kws", "nucleo-l4r5zi", "zig", "balanced"),
    Cell("mlperf_tiny_sww", "mps2-an500", "zig", "speed"),
    Cell("mlperf_tiny_ad", "netduinoplus2", "zig", "size"),
    Cell("mlperf_tiny_ic", "mps2-an386", "gnu", "speed"),
    Cell("mlperf_tiny_vww", "mps3-an547", "gnu", "size"),
    Cell("mcunet_vww1", "mps3-an547", "zig", "balanced"),
}


def test_the_quick_part_has_every_board_and_compiler_and_level_and_model() -> None:
    for names, of in ((MODELS, "model"), (BOARDS, "board"), (TOOLCHAINS, "toolchain"), (LEVELS, "optimize")):
        assert {getattr(cell, of) for cell in QUICK} == set(names)
    assert set(EVERY) >= QUICK


def test_every_image_fits() -> None:
    assert not status.read(status.PAGE.read_text(encoding="utf-8")).misfits


@pytest.mark.parametrize("model", MODELS)
def test_the_inputs_tell_a_working_model_from_a_constant(model: str) -> None:
    assert len(set(matrix.expected(model))) >= 3


@pytest.mark.parametrize(
    "cell", [pytest.param(c, id=str(c), marks=() if c in QUICK else pytest.mark.slow) for c in EVERY]
)
def test_the_emulated_board_gives_the_references_bytes(cell: Cell, tmp_path: Path) -> None:
    page = status.read(status.PAGE.read_text(encoding="utf-8"))
    built = matrix.build(cell, tmp_path)
    n = 4 if cell in QUICK else 2
    answers = matrix.run(tmp_path, matrix.inputs(cell.model)[:n])
    assert [a.outputs for a in answers] == list(matrix.expected(cell.model)[:n])
    assert built.stack_bytes is not None
    for answer in answers:
        assert sum(answer.memory.arena_bytes) == built.arena_bytes
        assert 0 < answer.memory.stack_bytes <= built.stack_bytes
        assert all(answer.instructions)

    if cell.optimize == status.OPTIMIZE and page.same(built.toolchain):
        complaints = page.complaints(cell.target, status.row(built, sum(answers[0].instructions)))
        assert not complaints, f"docs/status.md is another: run `make status`, and say why: {complaints}"

    if cell.optimize == "size" and page.same(built.toolchain):
        assert built.code_bytes < page.rows[cell.target].code, "code made small is no smaller"

    by_layer = layers.read(layers.PAGE.read_text(encoding="utf-8"))
    if (cell.board, cell.optimize, built.toolchain) == (layers.BOARD, layers.OPTIMIZE, by_layer.toolchain):
        slower = layers.slower(by_layer.layers[cell.model], answers[0].instructions)
        assert not slower, f"layers execute more than in docs/layers.md: {slower}"


def test_the_page_of_layers_says_which_toolchain_it_is_about() -> None:
    """Without it nothing would be compared."""
    page = layers.read(layers.PAGE.read_text(encoding="utf-8"))
    assert page.toolchain == f"gnu {status.read(status.PAGE.read_text(encoding='utf-8')).versions['gnu']}"


def test_a_layer_that_executes_more_is_named() -> None:
    page = layers.read(layers.PAGE.read_text(encoding="utf-8"))
    before = page.layers["digits"]
    counts = [layer.instructions for layer in before]
    assert not layers.slower(before, counts)
    assert not layers.slower(before, [count * 99 // 100 for count in counts])
    counts[2] = counts[2] * 103 // 100
    assert [text.split(":")[0] for text in layers.slower(before, counts)] == [before[2].name]
    assert layers.slower(before, counts[1:])
