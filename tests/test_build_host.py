"""The same agent and model as a program of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.handmade import INPUT_BYTES, expected, tiny

from edgekit import boards
from edgekit.builder import build_firmware, build_host, toolchains
from edgekit.builder.host import host_compiler
from edgekit.errors import ToolchainError
from edgekit.link import Session
from edgekit.link.transports import process_stream

DATA = bytes(range(200, 200 - INPUT_BYTES, -1))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


def answer(program: Path) -> tuple[str, bytes]:
    with Session(process_stream([str(program)])) as session:
        return session.hello().build_id, session.infer([DATA]).outputs[0]


@pytest.mark.parametrize("sanitize", [False, True])
def test_the_program_answers_as_the_model(tmp_path: Path, sanitize: bool) -> None:
    if sanitize and shutil.which("cc") is None:
        pytest.skip("the sanitizers come with a system compiler (cc), which is absent")
    _, output = answer(build_host(tiny(), tmp_path, sanitize=sanitize))
    assert output == expected(DATA)


def test_the_sanitizers_end_a_program_that_writes_beyond_its_arena(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("the sanitizers come with a system compiler (cc), which is absent")
    sources = tiny(second_region=100)  # the model writes 128 bytes there
    with pytest.raises(Exception, match=r"(?i)link|closed|ended|answer"):
        answer(build_host(sources, tmp_path, sanitize=True))


def test_board_host_builds_like_any_board_and_its_id_is_the_programs(tmp_path: Path) -> None:
    artifact = build_firmware(tiny(names=("ram", "more")), boards.load("host"), tmp_path)
    build_id, output = answer(artifact.elf)
    assert build_id == artifact.build_id
    assert output == expected(DATA)
    assert artifact.arena_bytes == 64 + 128


@pytest.mark.slow  # zig compiles its C library and runtimes for this machine first
def test_without_a_system_compiler_zig_builds_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if toolchains.zig_program() is None:
        pytest.skip("the ziglang package is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host_compiler()[1].startswith("zig ")
    _, output = answer(build_host(tiny(), tmp_path / "out"))
    assert output == expected(DATA)


def test_with_neither_the_error_has_the_command_that_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("edgekit.builder.host.zig_program", lambda: None)
    with pytest.raises(ToolchainError) as caught:
        build_host(tiny(), tmp_path / "out")
    assert caught.value.hint == "pip install 'edgekit[toolchain]'"
