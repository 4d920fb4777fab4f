"""Where sections lie in an image whose code is programmed at one address and runs at another."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support.handmade import tiny
from support.toolchains import NAMES, require

from edgekit import boards
from edgekit.builder import build_firmware
from edgekit.errors import ToolchainError
from edgekit_codegen.emit import Sources

BOARD = "stm32f746"


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
    flash = [s for s in segments if s["p_vaddr"] < 0x20000000]
    assert flash
    assert {s["p_paddr"] - s["p_vaddr"] for s in flash} == {0x08000000 - 0x00200000}


def test_what_cannot_be_aligned_alike_at_both_addresses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="aligned to over 32 bytes"):
        for alignment in (64, 128, 256, 512, 1024):
            build_firmware(aligned(alignment), boards.load(BOARD), tmp_path / "out", toolchain=require("gnu"))
