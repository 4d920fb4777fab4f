"""Every setting that can come from several places, and the one function that decides between them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from edgekit_codegen.providers import KERNELS

from ..builder.toolchains import LEVEL, LEVELS
from ..errors import ConfigError
from . import toml
from .project import Project


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment variable is EDGEKIT_ and the name in capitals."""

    name: str
    default: str | None
    choices: tuple[str, ...] = ()
    help: str = ""

    @property
    def variable(self) -> str:
        return f"EDGEKIT_{self.name.upper()}"


SETTINGS: Mapping[str, Setting] = {
    s.name: s
    for s in (
        Setting("board", None, help="board name or alias"),
        Setting("toolchain", None, ("gnu", "zig"), "C toolchain; default: arm-none-eabi-gcc if on the PATH, else zig"),
        Setting("optimize", LEVEL, tuple(LEVELS), "what the compiler optimizes for"),
        Setting("io", "model", ("model", "int8"), "int8 strips QUANTIZE and DEQUANTIZE at the model's edges"),
        Setting(
            "kernels", "edgekit", tuple(KERNELS), "whose kernels compute what they can; edgekit's compute the rest"
        ),
        Setting("device", None, help="serial port of the board"),
        Setting("timeout", "120", help="seconds that one inference may take"),
    )
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A setting's value and where it came from, for messages."""

    value: str | None
    source: str

    @property
    def known(self) -> str:
        """The value of a setting that has a default."""
        assert self.value is not None
        return self.value


@dataclass(frozen=True, slots=True)
class DevicesFile:
    """The user's own devices: ~/.config/edgekit/devices.toml (or EDGEKIT_DEVICES)."""

    device: str | None = None
    board: str | None = None
    timeout: str | None = None


def devices_file() -> Path:
    explicit = os.environ.get("EDGEKIT_DEVICES")
    base = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    return Path(explicit) if explicit else base / "edgekit" / "devices.toml"


def load_devices() -> DevicesFile:
    path = devices_file()
    return toml.decode(toml.read(path), DevicesFile) if path.is_file() else DevicesFile()


def resolve(
    name: str,
    flag: str | None = None,
    project: Project | None = None,
    board_default: str | None = None,
    environment: Mapping[str, str] = os.environ,
    devices: DevicesFile | None = None,
) -> Resolved:
    """Flag, then EDGEKIT_*, then the user's devices file, then edgekit.toml, then the board, then the default.

    ConfigError where the value is not among the setting's choices, naming where it came from.
    """
    setting = SETTINGS[name]
    user = load_devices() if devices is None else devices
    candidates = (
        (flag, f"--{name}"),
        (environment.get(setting.variable) or None, setting.variable),
        (getattr(user, name) if name in {f.name for f in fields(DevicesFile)} else None, str(devices_file())),
        (_from_project(name, project), "edgekit.toml"),
        (board_default, "the board's file"),
        (setting.default, "the default"),
    )
    value, source = next(((v, s) for v, s in candidates if v is not None), (None, "nowhere"))
    if value is not None and setting.choices and value not in setting.choices:
        raise ConfigError(
            "config.value", f"{name} is {value!r} (from {source})", f"one of: {', '.join(setting.choices)}"
        )
    return Resolved(value, source)


def _from_project(name: str, project: Project | None) -> str | None:
    if project is None:
        return None
    if name == "board":
        return project.project.board
    value = getattr(project.build, name, None)
    return value if isinstance(value, str) else None
