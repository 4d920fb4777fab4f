"""What whole models execute on emulated cores, as planned: a table, and with --layers every layer of each model.

    python -m benchmarks.kernels [--layers] [--board BOARD]... [--toolchain gnu|zig]... [--optimize O2|O3|Os] [MODEL]...

Instructions are exact and emulated, cycles are estimates; nothing is measured on silicon. All figures of a row are of
one image, whose output equalled the reference.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product

import edgekit
from edgekit.results import BuildResult, LayerResult, ProfileResult

from .models import models

BOARDS = ("stm32f746g-disco", "nucleo-l4r5zi", "mps3-an547")
_TIMEOUT = 600.0  # seconds that an inference may take on a busy machine
HEAD = ("model", "board", "toolchain", "instructions", "cycles", "code", "weights", "arena", "stack", "sram")


def run(model: str, board: str, toolchain: str, optimize: str) -> tuple[BuildResult, ProfileResult]:
    """One image and its inference. Raises AssertionError where the output is not the reference's."""
    with tempfile.TemporaryDirectory() as out:
        build = edgekit.build(models()[model], board=board, out=out, toolchain=toolchain, optimize=optimize)
        profile = edgekit.profile(out, emulate=True, timeout=_TIMEOUT)
    if not profile.output_matches_reference:
        raise AssertionError(f"{model} on {board}, {toolchain}: the output differs from the reference")
    return build, profile


def row(model: str, board: str, toolchain: str, build: BuildResult, profile: ProfileResult) -> str:
    sizes = (build.code_bytes, build.weights_bytes, build.arena_bytes, build.stack_bytes or 0, build.sram_bytes)
    cells = (f"{n:,}" for n in (profile.instructions or 0, profile.cycles or 0, *sizes))
    return f"| {' | '.join((model, board, toolchain, *cells))} |"


def layers(profiled: Sequence[LayerResult]) -> Iterator[str]:
    """A line a layer: its name, multiply-accumulates, instructions, and those per multiply-accumulate."""
    for layer in profiled:
        count, macs = layer.instructions or 0, layer.macs
        yield f"    {layer.name:24}{macs:12,}{count:12,}" + (f"{count / macs:8.2f}" if macs else "")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description="Instructions of whole models.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(models())}; all where none is named")
    parser.add_argument("--board", action="append", dest="boards")
    parser.add_argument("--toolchain", action="append", dest="toolchains", choices=("gnu", "zig"))
    parser.add_argument("--optimize", default="O2", choices=("O2", "O3", "Os"))
    parser.add_argument("--layers", action="store_true")
    options = parser.parse_args(arguments)
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * 3}{' ---: |' * (len(HEAD) - 3)}")
    for target in product(options.models or models(), options.boards or BOARDS, options.toolchains or ("gnu",)):
        build, profile = run(*target, options.optimize)
        print(row(*target, build, profile))
        if options.layers:
            print("\n".join(layers(profile.layers)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
