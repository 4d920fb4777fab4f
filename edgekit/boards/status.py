"""What is known to run: read from the reports that booted images leave, never claimed by a board file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from .types import Board

Status = Literal["hardware", "qemu", "emulated", "build-only", "host"]
ORDER: tuple[Status, ...] = ("hardware", "qemu", "emulated")


def report_file(board: Board) -> Path:
    """Where the board's boot reports are kept: reports/<name>.json beside the board's file."""
    return board.path.parent / "reports" / f"{board.name}.json"


def status(board: Board) -> Status:
    """The strongest way in which an image of this board has answered; "build-only" where none is on record,
    "host" for the machine that edgekit itself runs on.

    A report maps "hardware", "qemu" or "emulated" to a record of one boot: its model, toolchain and output.
    """
    if board.is_host:
        return "host"
    path = report_file(board)
    if not path.is_file():
        return "build-only"
    try:
        boots = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ConfigError("board.report", f"{path}:{error.lineno}: {error.msg}") from None
    return next((kind for kind in ORDER if isinstance(boots, dict) and kind in boots), "build-only")


def record_boot(board: Board, kind: Status, boot: dict[str, str]) -> Path:
    """Add the record of a boot to the board's report; the file's path."""
    path = report_file(board)
    boots = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**boots, kind: boot}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path
