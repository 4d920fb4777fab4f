"""Where the package's data lies: inside an installed wheel, or in the checkout it runs from."""

from __future__ import annotations

from pathlib import Path

import edgekit_codegen

_PACKAGE = Path(__file__).resolve().parent


def _data(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def firmware() -> Path:
    """The C sources of the agent and the ports."""
    return _data("firmware")


def boards() -> Path:
    """The folder of board files."""
    return _data("boards")


def profiles() -> Path:
    """The folder of cost tables and published figures."""
    return _data("profiles")


def kernels() -> Path:
    """The folder that holds edgekit.h, kernels/ and isa/."""
    return Path(edgekit_codegen.__file__).resolve().parent / "c"
