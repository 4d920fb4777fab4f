"""A wheel and an editable checkout both work from an empty environment, and the base install stays small."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from support.models import ROOT

HEAVY = {"torch", "tensorflow", "ortools", "jax", "scipy", "matplotlib", "unicorn", "capstone", "ziglang"}


def call(*command: object, cwd: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds."""
    folder = tmp_path_factory.mktemp("clone") / "edgekit"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("form", ["wheel", "editable"])
def test_installs_from_an_empty_environment(form: str, sources: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
    if form == "wheel":
        call(sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "-w", tmp_path, sources, cwd=tmp_path)
        (wheel,) = tmp_path.glob("edgekit-*.whl")
        call(*pip, "install", wheel, cwd=tmp_path)
    else:
        call(*pip, "install", "-e", sources, cwd=tmp_path)

    listed = json.loads(call(python, "-m", "pip", "list", "--format=json", cwd=tmp_path))
    assert not HEAVY & {package["name"].lower() for package in listed}

    edgekit = tmp_path / "venv" / "bin" / "edgekit"
    boards = json.loads(call(edgekit, "boards", "--json", cwd=tmp_path))["data"]["boards"]
    assert "stm32f746g-disco" in {b["name"] for b in boards}
    model = sources / "examples" / "digits" / "digits.tflite"
    planned = json.loads(call(edgekit, "plan", model, "--board", "stm32f746", "--json", cwd=tmp_path))["data"]
    assert planned["arena_bytes"] > 0
    if shutil.which("cc") is None:
        pytest.skip("no C compiler to try a build with")
    call(edgekit, "build", model, "--board", "host", "-o", "out", cwd=tmp_path)
    profiled = json.loads(call(edgekit, "profile", "out", "--json", cwd=tmp_path))["data"]
    assert profiled["output_matches_reference"] is True
