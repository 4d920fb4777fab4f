"""Compile C files in parallel, each at most once in its life."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolchainError
from .cache import Cache, digest
from .toolchains import REMEDY

WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror")
EXACT = ("-ffp-contract=off",)
"""A fused multiply-add rounds once where the reference rounds twice."""

MAX_LINES = 40


@dataclass(frozen=True, slots=True)
class Unit:
    """One C file to compile.

    source  absolute path
    name    the object's name under the objects' folder, without suffix: "model/model"
    flags   options of this unit, without paths that differ from machine to machine
    search  folders for #include, absolute; their contents are part of `inputs`
    inputs  digest of every byte that the result may depend on besides flags and compiler
    """

    source: Path
    name: str
    flags: tuple[str, ...]
    search: tuple[Path, ...]
    inputs: str


@dataclass(frozen=True, slots=True)
class Compiler:
    """How to compile: the command's start, the compiler's identity, and folders that are renamed in outputs.

    prefixes  absolute folder -> the name it has in __FILE__ and messages, so that outputs do not depend on where it is
    """

    command: tuple[str, ...]
    identity: str
    prefixes: Mapping[Path, str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Objects:
    """The compiled files in the units' order, a digest of what they are made from, and whether all were cached."""

    paths: tuple[Path, ...]
    keys: tuple[str, ...]
    cached: bool


def compile_units(units: Sequence[Unit], compiler: Compiler, folder: Path, cache: Cache, jobs: int = 2) -> Objects:
    """Compile every unit into `folder`; ToolchainError with the compiler's words where one fails."""

    def one(unit: Unit) -> tuple[Path, str, bool]:
        key = digest("object", compiler.identity, *unit.flags, "--", unit.source.name, unit.inputs)
        target = folder / f"{unit.name}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        if cache.take(key, ".o", target):
            return target, key, True
        _compile(unit, compiler, target)
        cache.put(key, ".o", target)
        return target, key, False

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        done = list(pool.map(one, units))
    return Objects(tuple(p for p, _, _ in done), tuple(k for _, k, _ in done), all(hit for _, _, hit in done))


def _compile(unit: Unit, compiler: Compiler, target: Path) -> None:
    run(
        [
            *compiler.command,
            *unit.flags,
            *(f"-ffile-prefix-map={folder}={name}" for folder, name in compiler.prefixes.items()),
            *(f"-I{folder}" for folder in unit.search),
            "-c",
            str(unit.source),
            "-o",
            str(target),
        ],
        compiler.environment,
        "toolchain.compile",
        f"{unit.source.name} does not compile",
    )


def run(argv: Sequence[str], environment: Mapping[str, str], code: str, what: str, cwd: Path | None = None) -> str:
    """Run a tool and return its standard output; ToolchainError with what it said where it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **environment}, cwd=cwd)
    except OSError as error:
        raise ToolchainError("toolchain.run", f"{argv[0]} does not run: {error}", REMEDY) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        more = [f"... and {len(said) - MAX_LINES} lines more"] if len(said) > MAX_LINES else []
        lines = "\n".join([*said[:MAX_LINES], *more])
        raise ToolchainError(code, f"{what} (exit {done.returncode} of {Path(argv[0]).name}):\n{lines}")
    return done.stdout
