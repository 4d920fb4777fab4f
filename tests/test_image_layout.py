"""Where sections lie in an image whose code is programmed at one address and runs at another."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support.handmade import tiny
from support.models import ROOT
from support.toolchains import NAMES, require

from edgekit import boards, pipeline
from edgekit.builder import build_firmware
from edgekit.builder.elf import read_image
from edgekit.errors import ToolchainError
from edgekit_codegen.emit import Sources

BOARD = "stm32f746"
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))


def aligned(alignment: int) -> Sources:
    """The handmade model, its weights aligned."""
    sources = tiny()
    weights = "static const int8_t tiny_weights[64]"
    text = sources.files["tiny.c"]
    assert text.count(weights) == 1
    text = text.replace(weights, f"__attribute__((aligned({alignment}))) {weights}")
    return dataclasses.replace(sources, files={**sources.files, "tiny.c": text})


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("alignment", [1, 8, 16, 32])
def test_code_and_constants_are_programmed_where_their_alias_has_them(
    tmp_path: Path, toolchain: str, alignment: int
) -> None:
    artifact = build_firmware(aligned(alignment), boards.load(BOARD), tmp_path / "out", toolchain=require(toolchain))
    with artifact.elf.open("rb") as file:
        segments = [s.header for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
    flash = [s for s in segments if 0x00200000 <= s["p_vaddr"] < 0x20000000]
    assert flash
    assert {s["p_paddr"] - s["p_vaddr"] for s in flash} == {0x08000000 - 0x00200000}


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize(("room", "moved"), [(0x4000, "all"), (0x2000, "kernels"), (0x400, "none")])
def test_the_models_code_runs_from_the_memory_for_code_as_far_as_it_fits(
    tmp_path: Path, toolchain: str, room: int, moved: str
) -> None:
    """All of it, or the kernels that layers share, never at address 0; images compute what they computed."""
    board = boards.load(BOARD)
    memory = tuple(replace(m, size=room) if m.name == "itcm" else m for m in board.memory)
    small = replace(board, memory=memory)
    sources = pipeline.to_c(pipeline.compile_model(DIGITS, small))
    artifact = build_firmware(sources, small, tmp_path / "out", toolchain=require(toolchain), optimize="size")
    image = read_image(artifact.elf)
    low = {f.name.split(".")[0] for f in image.functions if f.address < 0x4000}
    assert all(f.address >= 32 for f in image.functions)
    assert any(name.startswith("ek_pairs") for name in low) == (moved != "none")
    assert any(name.startswith("layer_") for name in low) == (moved == "all")
    itcm = next(m for m in artifact.memories if m.name == "itcm")
    assert itcm.used <= room and (itcm.used > 0) == (moved != "none")


def test_what_cannot_be_aligned_alike_at_both_addresses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="aligned to over 32 bytes"):
        for alignment in (64, 128, 256, 512, 1024):
            build_firmware(aligned(alignment), boards.load(BOARD), tmp_path / "out", toolchain=require("gnu"))
