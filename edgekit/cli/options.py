"""The options that commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

MODEL = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def common(function: F) -> F:
    """--json and --non-interactive, which every command has."""
    function = click.option("--json", "as_json", is_flag=True, help="One JSON envelope on stdout, text on stderr.")(
        function
    )
    return click.option("--non-interactive", is_flag=True, help="Never ask; fail instead.", expose_value=False)(
        function
    )


def board(function: F) -> F:
    return click.option("--board", "board_name", metavar="BOARD", help="Board name or alias (see `edgekit boards`).")(
        function
    )


def compiler(function: F) -> F:
    """--toolchain and --optimize."""
    function = click.option("--optimize", metavar="LEVEL", help="speed, balanced or size.")(function)
    return click.option("--toolchain", metavar="NAME", help="gnu or zig; default: gnu if on the PATH, else zig.")(
        function
    )


def io(function: F) -> F:
    return click.option(
        "--io", "io_mode", metavar="MODE", help="model: as in the file; int8: strip QUANTIZE/DEQUANTIZE at the edges."
    )(function)


def sram(what: str) -> Callable[[F], F]:
    """--sram. what: of which it is the most."""
    return click.option(
        "--sram", callback=_size, metavar="BYTES", help=f"Most bytes of RAM for {what}, as 32768 or 32K."
    )


def latency_overhead(function: F) -> F:
    return click.option(
        "--latency-overhead",
        type=click.FloatRange(min=1.0),
        metavar="FACTOR",
        help="Take the smallest plan of those estimated to need at most FACTOR times the instructions of layer by"
        " layer, as 1.1, instead of the fastest.",
    )(function)


def schedule(function: F) -> F:
    return click.option(
        "--schedule", type=MODEL, metavar="FILE", help="Take the schedule that `plan --save-schedule` wrote."
    )(function)


def solver(function: F) -> F:
    return click.option(
        "--solver", is_flag=True, help="Pack the schedule's buffers by CP-SAT as well (extra 'solver'); takes longer."
    )(function)


def kernels(function: F) -> F:
    return click.option(
        "--kernels",
        metavar="NAME",
        help="cmsis-nn: CMSIS-NN, of CMSIS_NN_ROOT or fetched, computes the layers that it can, each as a whole."
        " Default: edgekit's own kernels.",
    )(function)


def stream_input(function: F) -> F:
    return click.option("--stream-input", is_flag=True, help="The input's rows arrive one by one, in order.")(function)


def frame_buffer(function: F) -> F:
    return click.option(
        "--frame-buffer",
        is_flag=True,
        help="The input lies in memory of yours, beside the arena: it is read there, as often as needed.",
    )(function)


def stream_output(function: F) -> F:
    return click.option("--stream-output", is_flag=True, help="The output's rows leave one by one, in order.")(function)


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Bytes: 32768, 32K or 1M."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]+)([KM]?)(?:i?B)?", value, re.IGNORECASE)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size; write bytes, or 32K, or 1M", ctx, param)
    return int(found[1]) << {"": 0, "K": 10, "M": 20}[found[2].upper()]


def device(function: F) -> F:
    """How to reach the device: --emulate, --device, --timeout, --dry-run and the build's folder."""
    for decorate in (
        click.option("--dry-run", is_flag=True, help="Say what would run where, and stop."),
        click.option("--timeout", metavar="SECONDS", help="How long to wait for the device."),
        click.option("--device", "device_name", metavar="PORT", help="Serial port of the board."),
        click.option("--emulate", is_flag=True, help="Run the same image on an emulated board."),
        click.argument("build_dir", metavar="[DIR]", required=False, type=FOLDER),
    ):
        function = decorate(function)
    return function


def seconds(text: str | None) -> float | None:
    """--timeout. Raises UsageError for what is no time."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0.0:
        raise UsageError("usage", f"--timeout is {text!r}", "a number of seconds above 0")
    return value
