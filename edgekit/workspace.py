"""Build folders: where `build` puts an image and how `run`, `profile` and `eval` find it again.

build/<board>/
    build.json       what was built, the folder's own record
    model.tflite     the model it was built from, so that the reference is never another one's
    model/           the generated C, usable without edgekit
    firmware.elf .bin .hex .map
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import project as projects
from .errors import UsageError
from .results import BuildResult

RECORD = "build.json"
MODEL = "model.tflite"
SOURCES = "model"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class BuildFolder:
    """A folder that `edgekit build` filled."""

    path: Path
    board: str
    io: str
    build_id: str
    elf: Path
    model_name: str

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers as generated code numbers them (layers.json)."""
        layers: list[dict[str, Any]] = self._document["layers"]
        return layers

    @property
    def regions(self) -> tuple[str, ...]:
        """The names of the model's regions, as generated code numbers them."""
        return tuple(region["name"] for region in self._document["regions"])

    @property
    def _document(self) -> Any:
        return json.loads((self.path / SOURCES / "layers.json").read_text(encoding="utf-8"))


def record(result: BuildResult, model: Path, io: str) -> None:
    """Write the folder's record and keep the model beside it."""
    target = result.dir / MODEL
    if model.resolve() != target.resolve():
        shutil.copyfile(model, target)
    data = {**result.to_json(), "elf": result.elf.name, "dir": ".", "io": io, "schema": SCHEMA}
    (result.dir / RECORD).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def open_folder(path: Path) -> BuildFolder:
    """Read a build folder. UsageError where it is none."""
    file = path / RECORD
    if not file.is_file():
        raise UsageError("build.none", f"{path} is not a build folder: it has no {RECORD}", "run `edgekit build` first")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise UsageError("build.schema", f"{file} has schema {data['schema']}", "run `edgekit build` again")
        return BuildFolder(path, data["board"], data["io"], data["build_id"], path / data["elf"], data["model"])
    except (json.JSONDecodeError, KeyError) as error:
        raise UsageError("build.record", f"{file} is damaged: {error}", "run `edgekit build` again") from None


def newest(start: Path) -> BuildFolder:
    """The newest build of the project around a folder."""
    file = projects.find(start)
    root = (file.parent if file else start) / "build"
    records = sorted(root.glob(f"*/{RECORD}"), key=lambda p: p.stat().st_mtime_ns)
    if not records:
        raise UsageError("build.none", f"nothing has been built under {root}", "run `edgekit build` first, or name DIR")
    return open_folder(records[-1].parent)
