"""Board files: found by name, validated key by key, and turned into the compiler's target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgekit import boards, resources
from edgekit.boards.status import record_boot, report_file
from edgekit.boards.target import FIRMWARE_DATA
from edgekit.errors import ConfigError, Exit

DISCO = resources.boards() / "stm32f746g-disco.toml"


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """The F746 board's file with one piece of text replaced."""
    text = DISCO.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path = tmp_path / "board.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return next(i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line)


def test_every_board_that_ships_is_valid_and_names_an_existing_port() -> None:
    names = [b.name for b in boards.load_all()]
    assert names == sorted(names)
    assert {"stm32f746g-disco", "host"} <= set(names)


def test_a_board_is_found_by_name_and_by_alias() -> None:
    assert boards.load("stm32f746") == boards.load("stm32f746g-disco")


def test_an_unknown_board_names_the_closest_and_the_command_that_lists_them() -> None:
    with pytest.raises(ConfigError) as caught:
        boards.load("stm32f764")
    assert caught.value.code == "board.unknown"
    assert caught.value.exit == Exit.CONFIG
    assert "stm32f746" in caught.value.hint
    assert "edgekit boards" in caught.value.hint


def test_the_target_leaves_the_stack_and_the_firmwares_data_out_of_the_arena() -> None:
    target = boards.target(boards.load("stm32f746"))
    assert [(r.name, r.size, r.align) for r in target.regions] == [
        ("dtcm", 64 * 1024 - 4096, 32),
        ("sram", 256 * 1024 - FIRMWARE_DATA, 32),
    ]


def test_the_target_prefers_fewer_wait_states_over_the_files_order(tmp_path: Path) -> None:
    path = edited(tmp_path, "wait_states = 0", "wait_states = 5")
    assert [r.name for r in boards.target(boards.read(path)).regions] == ["sram", "dtcm"]


@pytest.mark.parametrize(
    ("old", "new", "at", "closest"),
    [
        ('vendor = "st"', 'vendor = "st"\nnmae = 1', "nmae", "name"),
        ("clock_hz = 216", "clokc_hz = 216", "clokc_hz", "clock_hz"),
        ("wait_states = 7", "wait_sates = 7", "wait_sates", "wait_states"),
        ("baud = 115200", "buad = 115200", "buad", "baud"),
        ('openocd.board = "stm', 'openocd.baord = "stm', "baord", "board"),
        ('timer = "dwt"', 'timers = "dwt"', "timers", "timer"),
    ],
)
def test_an_unknown_key_names_file_line_and_the_closest_key(
    tmp_path: Path, old: str, new: str, at: str, closest: str
) -> None:
    path = edited(tmp_path, old, new)
    with pytest.raises(ConfigError) as caught:
        boards.read(path)
    assert caught.value.message.startswith(f"{path}:{line_of(path, at)}: ")
    assert f"did you mean {closest}?" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("size = 0x40000", 'size = "large"', 'size = "large"', "must be int, not text"),
        ("size = 0x40000", "size = -1", "size = -1", "must be positive"),
        ("origin = 0x20010000", "origin = 0x2000FFE0", "0x2000FFE0", "sram (0x2000ffe0..0x2004ffe0) overlaps dtcm"),
        ("alias = [0x00200000]", "alias = [0x20020000]", "origin = 0x08000000", "overlaps sram"),
        ("origin = 0x20010000", "origin = 0x20010010", "origin = 0x20010010", "not a multiple of 32"),
        ("origin = 0x20010000", "origin = 0xFFFF0000", "origin = 0xFFFF0000", "beyond 32 bits"),
        ('name = "sram"', 'name = "dtcm"', None, "'dtcm' is used twice"),
        ('use = ["arena", "data"]', 'use = ["arena", "dada"]', "dada", "'dada'"),
        ('use = ["arena", "data"]', 'use = ["arena"]', "[[memory]]", '0 memories have the use "data"'),
        ('name = "dtcm"', 'name = "input"', 'name = "input"', "an input beside the arena"),
        ('use = ["stack", "scratch", ', 'use = ["scratch", ', "[[memory]]", '0 memories have the use "stack"'),
        ('port = "stm32f7"', 'port = "stm32f8"', "stm32f8", "no port is called 'stm32f8'"),
        ('port = "stm32f7"', 'port = "stm32f7"\nstack = 100', "stack = 100", "is 100"),
        ('core = "cortex-m7"', 'core = "cortex-m8"', "cortex-m8", "is 'cortex-m8'"),
        ('fpu = "single"', 'fpu = "quad"', "quad", "is 'quad'"),
        ('tx = "PA9"', 'tx = "A9"', "A9", "'A9' is no pin"),
        ('usb = ["0483:374b"]', 'usb = ["0483-374b"]', "0483-374b", "is no USB identity"),
        ('aliases = ["stm32f746"]', 'aliases = ["STM 32"]', "STM 32", "is no name"),
        ("clock_hz = 216_000_000\n", "", "[mcu]", "clock_hz: missing"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_file_line_and_problem(
    tmp_path: Path, old: str, new: str, at: str | None, says: str
) -> None:
    path = edited(tmp_path, old, new)
    with pytest.raises(ConfigError) as caught:
        boards.read(path)
    assert caught.value.exit == Exit.CONFIG
    assert says in caught.value.message
    if at == "[[memory]]" or at is None:
        assert caught.value.message.startswith(f"{path}:")
    else:
        assert caught.value.message.startswith(f"{path}:{line_of(path, at)}: ")


def test_broken_toml_names_file_and_line(tmp_path: Path) -> None:
    path = edited(tmp_path, 'fpu = "single"', 'fpu = "single')
    with pytest.raises(ConfigError, match=rf"{path}:{line_of(path, 'fpu =')}: "):
        boards.read(path)


def test_a_projects_own_board_is_found_beside_the_shipped_ones(tmp_path: Path) -> None:
    path = edited(tmp_path, 'name = "stm32f746g-disco"', 'name = "my-board"')
    path.write_text(path.read_text(encoding="utf-8").replace('aliases = ["stm32f746"]', ""), encoding="utf-8")
    assert boards.load("my-board", extra=tmp_path).title == "ST 32F746GDISCOVERY"
    assert boards.load("stm32f746", extra=tmp_path).name == "stm32f746g-disco"


def test_two_boards_may_not_share_a_name(tmp_path: Path) -> None:
    edited(tmp_path, 'name = "stm32f746g-disco"', 'name = "my-board"')
    with pytest.raises(ConfigError, match=r"the name 'stm32f746' is taken by .*stm32f746g-disco\.toml") as caught:
        boards.load_all(extra=tmp_path)
    assert caught.value.code == "board.duplicate"


def test_the_status_is_what_the_last_boot_reports_say_and_nothing_else(tmp_path: Path) -> None:
    board = boards.read(edited(tmp_path, 'vendor = "st"', 'vendor = "none"'))
    assert boards.status(board) == "build-only"
    record_boot(board, "emulated", {"model": "tiny"})
    assert boards.status(board) == "emulated"
    record_boot(board, "hardware", {"model": "tiny"})
    assert boards.status(board) == "hardware"
    assert set(json.loads(report_file(board).read_text(encoding="utf-8"))) == {"emulated", "hardware"}
