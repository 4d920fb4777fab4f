"""`edgekit new` as a function: a project folder with an edgekit.toml."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..config import project as projects
from ..errors import UsageError
from ..results import Json

TEMPLATE = """\
schema = 1

[project]
name = "{name}"
model = "{model}"
{board}
# How `edgekit run --input photo.png` turns a picture into the model's input:
# real = pixel * scale + offset, then quantized with the model's own scale and zero point.
[input]
layout = "rgb"          # rgb or gray
# resize = [96, 96]     # height, width in pixels
scale = 1.0             # one value, or one per channel
offset = 0.0

# [labels]
# names = ["no person", "person"]

# Labelled samples for `edgekit eval`: real = stored value * scale + offset.
# [eval]
# images = "images.npy"
# labels = "labels.npy"
"""


@dataclass(frozen=True, slots=True)
class NewResult:
    """The project's folder and the files that were written."""

    folder: Path
    files: tuple[Path, ...]

    def to_json(self) -> Json:
        return {"folder": str(self.folder), "files": [str(f) for f in self.files]}


def new(name: str, *, model: Path | str | None = None, board: str | None = None, start: Path | str = ".") -> NewResult:
    """Make folder `name` with an edgekit.toml, and a copy of `model` where one is named. Existing files stay."""
    folder = Path(start) / name
    title = folder.name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", title):
        raise UsageError("new.name", f"{title!r} is not a project name", "letters, digits, '-', '_' and '.'")
    if (folder / projects.FILE).exists():
        raise UsageError("new.exists", f"{folder / projects.FILE} is there already", "choose another name")
    if model is not None and not Path(model).is_file():
        raise UsageError("model.missing", f"no such model file: {model}", "give the path of a .tflite file")
    folder.mkdir(parents=True, exist_ok=True)
    file = "model.tflite" if model is None else Path(model).name
    line = f'board = "{board}"\n' if board is not None else '# board = "stm32f746g-disco"\n'
    (folder / projects.FILE).write_text(TEMPLATE.format(name=title, model=file, board=line), encoding="utf-8")
    written = [folder / projects.FILE]
    if model is not None:
        shutil.copyfile(model, folder / file)
        written.append(folder / file)
    return NewResult(folder, tuple(written))
