"""An image to program, and a PATH on which only fake programmers are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.models import ROOT

from edgekit import boards


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    path = tmp_path / "with space" / "firmware.elf"
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF")
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example, built for the STM32F746."""
    project = tmp_path_factory.mktemp("flash") / "digits"
    shutil.copytree(ROOT / "examples" / "digits", project, ignore=shutil.ignore_patterns("build"))
    argv = [sys.executable, "-m", "edgekit", "build", "--board", "stm32f746"]
    subprocess.run(argv, cwd=project, check=True, capture_output=True, timeout=300)
    return project / "build" / boards.load("stm32f746").name
