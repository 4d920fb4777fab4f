"""Which model and which board a command is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import boards
from ..boards import Board
from ..config import project as projects
from ..config.project import Project
from ..config.settings import resolve
from ..errors import UsageError


@dataclass(frozen=True, slots=True)
class Subject:
    """A model for a board; the project is None where a model was named outside one."""

    model: Path
    board: Board
    project: Project | None
    root: Path


def locate(model: Path | str | None, board: str | None, start: Path) -> Subject:
    """The model and board that the arguments, the environment and the project around `start` name together."""
    if model is None:
        project: Project | None = projects.require(start)
        assert project is not None
        projects.check_files(project)
        path = project.model
    else:
        path = Path(model)
        if not path.is_file():
            raise UsageError("model.missing", f"no such model file: {path}", "give the path of a .tflite file")
        around = projects.find(start)
        project = projects.load(around) if around is not None else None
    return Subject(path, choose_board(board, project), project, project.folder if project else start)


def choose_board(board: str | None, project: Project | None) -> Board:
    """The board that --board, the environment, the devices file or the project names."""
    name = resolve("board", board, project).value
    if name is None:
        raise UsageError("board.none", "no board was named", "add --board BOARD; `edgekit boards` lists them")
    extra = project.folder / "boards" if project is not None else None
    return boards.load(name, extra=extra)
