"""Ports of boards, checked on their emulated peripherals: whole, and with a step taken out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import edgekit
from edgekit import boards, emulate, resources
from edgekit.builder import build_firmware
from edgekit.emulate.faults import FaultReport
from edgekit.errors import LinkError
from edgekit.link import Session, serial_stream
from edgekit.results import ProfileResult

from .handmade import tiny
from .toolchains import require


def answers_as_the_reference(model: Path, board: str, toolchain: str, folder: Path) -> ProfileResult:
    """The profile of a model's image on an emulated board, whose output is the reference's and whose memory is what the
    build said."""
    built = edgekit.build(model, board=board, out=folder, toolchain=require(toolchain))
    profile = edgekit.profile(folder, emulate=True)
    assert profile.target == "emulated"
    assert profile.board == board
    assert profile.build_id == built.build_id
    assert profile.output_matches_reference
    assert profile.stack_bytes is not None and built.stack_bytes is not None
    assert 0 < profile.stack_bytes <= built.stack_bytes
    assert profile.arena_bytes == built.arena_bytes
    assert all(layer.instructions for layer in profile.layers)
    return profile


def without_step(port: str, line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds take a copy of the firmware for it, in which what `line` matches in the port is gone."""
    copy = folder / "firmware"
    shutil.copytree(resources.firmware(), copy)
    source = copy / "ports" / port / f"port_{port}.c"
    text, count = re.subn(line, ";" if line.endswith(";") else "", source.read_text(encoding="utf-8"))
    assert count == 1, line
    source.write_text(text, encoding="utf-8")
    monkeypatch.setattr(resources, "firmware", lambda: copy)


def clock_of(name: str, folder: Path) -> int:
    """The clock that a small image says it runs at."""
    board = boards.load(name)
    artifact = build_firmware(tiny(), board, folder / "out")
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        clock: int = session.hello().clock_hz
        return clock


def fault_of(name: str, folder: Path) -> FaultReport:
    """What stops a small image before it says anything."""
    board = boards.load(name)
    artifact = build_firmware(tiny(), board, folder / "out")
    with emulate.start(artifact.elf, board) as machine:
        with pytest.raises(LinkError), Session(serial_stream(machine.port, board.serial.baud), timeout=2) as session:
            session.hello()
        fault = machine.fault()
    assert fault is not None
    return fault
