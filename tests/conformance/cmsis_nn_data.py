"""The test data of a CMSIS-NN checkout: header files, one folder per data set, and which unit tests read them.

Nothing of it is part of this project; the checkout is only read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

VARIABLE = "CMSIS_NN_ROOT"
CASES = Path("Tests/UnitTest/TestCases")

Value = int | str | tuple[int, ...]

_ARRAY = re.compile(r"const (\w+) (\w+)\[\d*\]\s*=\s*\{([^}]*)\}")
_ALIAS = re.compile(r"const \w+ \*(?:const )?(\w+) = (\w+);")
_DEFINE = re.compile(r"#define (\w+)[ \t]+(.+)")
_TYPES = {"int8_t": np.int8, "int16_t": np.int16, "int32_t": np.int32, "int64_t": np.int64}


@dataclass(frozen=True, slots=True)
class DataSet:
    """config, arrays: by the names of the headers, without the data set's name in front."""

    name: str
    config: Mapping[str, Value]
    arrays: Mapping[str, npt.NDArray[Any]]

    def __getitem__(self, key: str) -> int:
        """A number of the configuration. Raises KeyError where there is none."""
        value = self.config[key]
        if not isinstance(value, int):
            raise KeyError(f"{key} is {value!r}")
        return value

    def pair(self, rows: str, pixels: str) -> tuple[int, int]:
        return self[rows], self[pixels]

    def numbers(self, key: str) -> tuple[int, ...]:
        value = self.config[key]
        return value if isinstance(value, tuple) else (self[key],)

    def array(self, *names: str) -> npt.NDArray[Any]:
        """The first array of these names. Raises KeyError where there is none."""
        for name in names:
            if name in self.arrays:
                return self.arrays[name]
        raise KeyError(f"no array {' or '.join(names)} among {', '.join(sorted(self.arrays))}")


def root() -> Path | None:
    """The checkout that the environment names; None where it names none."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named and (Path(named) / CASES / "TestData").is_dir() else None


def names(checkout: Path) -> list[str]:
    return sorted(p.name for p in (checkout / CASES / "TestData").iterdir() if (p / "test_data.h").is_file())


def readers(checkout: Path) -> dict[str, list[str]]:
    """Data set -> the unit tests that read it, such as "convolve_s8"."""
    found: dict[str, list[str]] = {}
    for folder in sorted((checkout / CASES).glob("test_arm_*")):
        text = "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.c")))
        for name in sorted(set(re.findall(r"TestData/(\w+)/test_data\.h", text))):
            found.setdefault(name, []).append(folder.name.removeprefix("test_arm_"))
    return found


def load(checkout: Path, name: str) -> DataSet:
    """What the data set's test_data.h includes."""
    folder = checkout / CASES / "TestData" / name
    included = re.findall(r'#include "([^"]+)"', (folder / "test_data.h").read_text(encoding="utf-8"))
    text = "\n".join((folder / file).read_text(encoding="utf-8") for file in included)
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text.replace("\\\n", " "), flags=re.S)
    config = {key.removeprefix(name.upper() + "_"): _value(value) for key, value in _DEFINE.findall(text)}
    arrays = {key: np.array(_integers(body), _TYPES[kind]) for kind, key, body in _ARRAY.findall(text)}
    arrays |= {alias: arrays[of] for alias, of in _ALIAS.findall(text) if of in arrays}
    return DataSet(name, config, {key.removeprefix(name + "_"): a for key, a in arrays.items()})


def _value(text: str) -> Value:
    text = text.strip()
    if text.startswith("{"):
        return tuple(_integers(text.strip("{} ")))
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _integers(text: str) -> list[int]:
    return [int(word) for word in text.replace(",", " ").split()]
