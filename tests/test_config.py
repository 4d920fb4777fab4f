"""edgekit.toml and settings: mistakes are reported with file, line and the closest key; precedence is one order."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.config import project as projects
from edgekit.config.settings import DevicesFile, resolve
from edgekit.errors import ConfigError, Exit, UsageError

GOOD = """\
schema = 1

[project]
name = "digits"
model = "digits.tflite"
board = "stm32f746"

[build]
optimize = "size"

[input]
layout = "gray"
resize = [8, 8]
scale = 0.5
offset = [0.25]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / projects.FILE).write_text(GOOD)
    return tmp_path


def broken(folder: Path, old: str, new: str) -> ConfigError:
    file = folder / projects.FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        projects.load(file)
    assert caught.value.exit is Exit.CONFIG
    return caught.value


def test_reads_a_project_and_widens_scalars(folder: Path) -> None:
    project = projects.load(folder / projects.FILE)
    assert project.model == folder / "digits.tflite"
    assert project.input.scale == (0.5,)
    assert project.input.offset == (0.25,)
    assert project.input.resize == (8, 8)


@pytest.mark.parametrize(
    ("old", "new", "line", "hint"),
    [
        ("layout =", "layuot =", 12, "did you mean layout?"),
        ("[build]", "[biuld]", 8, "did you mean build?"),
        ('board = "stm', 'bord = "stm', 6, "did you mean board?"),
    ],
)
def test_an_unknown_key_names_file_line_and_closest_key(folder: Path, old: str, new: str, line: int, hint: str) -> None:
    error = broken(folder, old, new)
    assert error.code == "config.key"
    assert f"{projects.FILE}:{line}:" in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("resize = [8, 8]", "resize = [8]", 13, "list of 2"),
        ("resize = [8, 8]", 'resize = "8x8"', 13, "must be a list, not text"),
        ('"gray"', '"grey"', 12, "'grey'"),
        ("scale = 0.5", 'scale = ["a"]', 14, "must be float"),
        ('name = "digits"\n', "", 3, "missing"),
        ("schema = 1", "schema = 2", 1, "schema 1"),
    ],
)
def test_a_wrong_value_names_file_and_line(folder: Path, old: str, new: str, line: int, says: str) -> None:
    error = broken(folder, old, new)
    assert f"{projects.FILE}:{line}:" in error.message
    assert says in error.message


def test_a_syntax_error_names_the_line(folder: Path) -> None:
    assert f"{projects.FILE}:9:" in broken(folder, 'optimize = "size"', "optimize = size").message


def test_a_project_is_found_from_below_and_its_absence_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    assert projects.require(below).project.name == "digits"
    (folder / projects.FILE).unlink()
    with pytest.raises(UsageError) as caught:
        projects.require(below)
    assert "edgekit new" in caught.value.hint
    assert "edgekit build MODEL" in caught.value.hint


def test_precedence_is_flag_environment_devices_project_board_default(folder: Path) -> None:
    project = projects.load(folder / projects.FILE)
    devices = DevicesFile(board="from-devices")
    environment = {"EDGEKIT_BOARD": "from-environment"}

    def board(**given: object) -> str | None:
        return resolve("board", **{"environment": {}, "devices": DevicesFile(), **given}).value  # type: ignore[arg-type]

    everything = {"environment": environment, "devices": devices, "project": project, "board_default": "from-board"}
    assert board(**everything, flag="from-flag") == "from-flag"
    assert board(**everything) == "from-environment"
    assert board(**{**everything, "environment": {}}) == "from-devices"
    assert board(project=project, board_default="from-board") == "stm32f746"
    assert board(board_default="from-board") == "from-board"
    assert board() is None
    assert resolve("optimize", environment={}, devices=DevicesFile()).value == "balanced"


def test_a_choice_outside_the_list_says_where_it_came_from() -> None:
    with pytest.raises(ConfigError, match="EDGEKIT_OPTIMIZE") as caught:
        resolve("optimize", environment={"EDGEKIT_OPTIMIZE": "O2"}, devices=DevicesFile())
    assert "speed, balanced, size" in caught.value.hint
