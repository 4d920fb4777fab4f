"""The static parts of a generated folder: templates, and copies of the headers it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from string import Template

_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def template(name: str) -> Template:
    """A template of c/project, by its name without the suffix ".in"."""
    return Template(_text(f"project/{name}.in"))


def headers(kernels: Iterable[str]) -> dict[str, str]:
    """edgekit.h, ek_rows.h, the named kernel headers and whatever these include: path in the folder -> text."""
    files: dict[str, str] = {}
    pending = ["edgekit.h", "ek_rows.h", "kernels/ek_types.h", *(f"kernels/{name}" for name in kernels)]
    while pending:
        path = pending.pop()
        if path in files:
            continue
        files[path] = _text(path)
        folder = path.rpartition("/")[0]
        for included in _INCLUDE.findall(files[path]):
            beside = f"{folder}/{included}" if folder else included
            pending.append(beside if _exists(beside) else included)
    return dict(sorted(files.items()))


def _root() -> Traversable:
    return resources.files("edgekit_codegen") / "c"


@cache
def _text(path: str) -> str:
    return (_root() / path).read_text(encoding="utf-8")


def _exists(path: str) -> bool:
    return (_root() / path).is_file()
