"""From a .tflite to an emulated board, with the digits example: answers, figures, accuracy and faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.models import ROOT

import edgekit
from edgekit import workspace
from edgekit.builder.elf import read_image
from edgekit.errors import LinkError, ToolchainError
from edgekit.link import DeviceFaultError, Fault
from edgekit.profiler.connect import locating_faults
from edgekit.results import BuildResult

BOARD = "stm32f746"
DIGITS = ROOT / "examples" / "digits"


def build(model: Path, out: Path, board: str = BOARD) -> BuildResult:
    pytest.importorskip("unicorn")
    try:
        return edgekit.build(model, board=board, out=out)
    except ToolchainError as error:
        if error.code == "toolchain.none":
            pytest.skip(f"{error.message}: {error.hint}")
        raise


@pytest.mark.parametrize("board", ["stm32f746", "stm32l4r5"])
def test_the_emulated_board_answers_as_the_reference_and_says_what_it_took(board: str, tmp_path: Path) -> None:
    built = build(DIGITS / "digits.tflite", tmp_path / "out", board)
    profile = edgekit.profile(tmp_path / "out", emulate=True)
    assert profile.target == "emulated"
    assert profile.output_matches_reference
    assert profile.build_id == built.build_id
    assert profile.arena_bytes == built.arena_bytes
    assert profile.stack_bytes is not None
    assert built.stack_bytes is not None
    assert profile.stack_bytes <= built.stack_bytes
    assert all(layer.instructions for layer in profile.layers)
    assert sum(layer.instructions or 0 for layer in profile.layers) == profile.instructions
    assert sum(layer.macs for layer in profile.layers) == built.macs
    assert profile.cycles_source == "estimated"
    assert profile.cycles != profile.instructions


def test_instruction_counts_are_exact_so_they_repeat(tmp_path: Path) -> None:
    build(DIGITS / "digits.tflite", tmp_path / "out")
    first = edgekit.profile(tmp_path / "out", emulate=True)
    second = edgekit.profile(tmp_path / "out", emulate=True)
    assert [r.instructions for r in first.layers] == [r.instructions for r in second.layers]


def test_digits_is_as_accurate_on_the_emulated_board_as_on_the_host(tmp_path: Path) -> None:
    build(DIGITS / "digits.tflite", tmp_path / "out")
    result = edgekit.evaluate(tmp_path / "out", emulate=True, start=DIGITS)
    assert result.samples == len(np.load(DIGITS / "test_labels.npy"))
    assert result.identical_outputs == result.samples
    assert result.accuracy_device == result.accuracy_host >= 0.97


def test_a_picture_is_classified_on_the_emulated_board(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    build(DIGITS / "digits.tflite", tmp_path / "out")
    result = edgekit.run(tmp_path / "out", inputs=[DIGITS / "sample.png"], emulate=True, start=DIGITS)
    labels, images = np.load(DIGITS / "test_labels.npy"), np.load(DIGITS / "test_images.npy")
    assert result.label == str(labels[0])
    assert result.profile.output_matches_reference
    assert len(images) == len(labels)


def test_a_fault_that_a_board_reports_names_function_layer_and_address(tmp_path: Path) -> None:
    built = build(DIGITS / "digits.tflite", tmp_path / "out")
    layer = next(
        f for f in read_image(built.elf).functions if f.name.startswith("layer_03")
    )  # compilers add suffixes to clones
    fault = Fault(
        pc=layer.address + 2, lr=0, sp=0, xpsr=0, cfsr=1 << 15 | 1 << 9, hfsr=0, mmfar=0, bfar=0xDEADBEE0,
        exception=5, layer=3,
    )  # fmt: skip
    with pytest.raises(LinkError) as caught, locating_faults(workspace.open_folder(tmp_path / "out")):
        raise DeviceFaultError(fault)
    assert "layer_03" in caught.value.message
    assert "add_03" in caught.value.message
    assert "0xdeadbee0" in caught.value.message
