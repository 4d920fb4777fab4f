"""edgekit.toml: a project as a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError, UsageError
from . import toml

FILE = "edgekit.toml"


@dataclass(frozen=True, slots=True)
class ProjectSection:
    """name: of the project; model: the .tflite, relative to the file; board: the default board."""

    name: str
    model: str
    board: str | None = None


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """Defaults of `edgekit build`; the command line and the environment override them."""

    optimize: str | None = None
    toolchain: str | None = None
    io: str | None = None
    kernels: str | None = None


@dataclass(frozen=True, slots=True)
class InputConfig:
    """How a picture becomes the model's input: real = pixel * scale + offset.

    resize  (height, width) in pixels, None to take the picture as it is
    scale   one value, or one per channel
    """

    layout: Literal["gray", "rgb"] = "rgb"
    resize: tuple[int, int] | None = None
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)


@dataclass(frozen=True, slots=True)
class LabelsConfig:
    """names: one per class, in the order of the model's output."""

    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvalConfig:
    """Labelled samples, relative to the file: real = stored value * scale + offset."""

    images: str
    labels: str
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class _File:
    project: ProjectSection
    schema: int = 1
    build: BuildConfig = field(default_factory=BuildConfig)
    input: InputConfig = field(default_factory=InputConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    eval: EvalConfig | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its folder and what its edgekit.toml says."""

    folder: Path
    project: ProjectSection
    build: BuildConfig
    input: InputConfig
    labels: LabelsConfig
    eval: EvalConfig | None

    @property
    def model(self) -> Path:
        return self.folder / self.project.model


def find(start: Path) -> Path | None:
    """The nearest edgekit.toml in a folder or its parents."""
    folder = start.resolve()
    return next((f / FILE for f in (folder, *folder.parents) if (f / FILE).is_file()), None)


def load(path: Path) -> Project:
    """Read an edgekit.toml. ConfigError names file, line and the closest valid key."""
    document = toml.read(path)
    if document.data.get("schema", 1) != 1:
        raise document.error(("schema",), f"is {document.data['schema']!r}; this edgekit reads schema 1")
    document = replace(document, data=_scalars_as_lists(document.data))
    content = toml.decode(document, _File)
    return Project(path.parent, content.project, content.build, content.input, content.labels, content.eval)


def require(start: Path) -> Project:
    """The project around a folder. UsageError where there is none."""
    path = find(start)
    if path is None:
        raise UsageError(
            "project.none",
            f"no {FILE} in {start} or above it, and no model was named",
            "make a project with `edgekit new NAME`, or name the model: `edgekit build MODEL --board BOARD`",
        )
    return load(path)


def _scalars_as_lists(data: dict[str, Any]) -> dict[str, Any]:
    """[input] scale and offset may be one number or a list of numbers."""
    section = data.get("input")
    if not isinstance(section, dict):
        return data
    widened = {
        key: [value] if key in ("scale", "offset") and isinstance(value, int | float) else value
        for key, value in section.items()
    }
    return {**data, "input": widened}


def check_files(project: Project) -> None:
    """ConfigError where a file that the project names is absent."""
    named = [("project.model", project.model)]
    if project.eval is not None:
        named += [("eval.images", project.folder / project.eval.images)]
        named += [("eval.labels", project.folder / project.eval.labels)]
    for key, path in named:
        if not path.is_file():
            raise ConfigError("config.file", f"{project.folder / FILE}: {key}: no such file: {path}")
