"""`edgekit run`, `profile` and `eval`: everything that talks to a device."""

from __future__ import annotations

from pathlib import Path

import click
from rich.live import Live
from rich.progress import Progress

from ... import api
from ...api.device import Job, open_job
from ...errors import MismatchError
from ...report import tables
from ...results import Json, LayerResult, ProfileResult
from .. import options
from ..output import Output


@click.command()
@options.device
@options.common
def profile(
    build_dir: Path | None,
    emulate: bool,
    device_name: str | None,
    timeout: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure one inference, layer by layer.

    DIR is a build folder; without it, the project's newest. Shows time, SRAM high-water marks and whether the output
    equals the reference.
    """
    output = Output.create(as_json)
    if dry_run:
        _dry_run("profile", build_dir, emulate, device_name, output)
        return
    arrived: list[LayerResult] = []
    with Live(tables.layers(arrived), console=output.console, transient=True, refresh_per_second=8) as live:

        def on_layer(layer: LayerResult) -> None:
            arrived.append(layer)
            live.update(tables.layers(arrived))

        result = api.profile(
            build_dir, emulate=emulate, device=device_name, timeout=options.seconds(timeout), on_layer=on_layer
        )
    output.show(*tables.profile(result))
    _finish("profile", result, result, output)


@click.command()
@options.device
@click.option(
    "--input",
    "input_paths",
    type=options.MODEL,
    metavar="FILE",
    multiple=True,
    help="A picture, or a .npy array; once per input of the model.",
)
@click.option("--output", "output_path", type=options.MODEL, metavar="FILE", help="Write the output as .npy.")
@options.common
def run(
    build_dir: Path | None,
    emulate: bool,
    device_name: str | None,
    timeout: str | None,
    dry_run: bool,
    input_paths: tuple[Path, ...],
    output_path: Path | None,
    as_json: bool,
) -> None:
    """Run one input and compare with the reference.

    DIR is a build folder; without it, the project's newest. Outputs are compared byte for byte.
    """
    output = Output.create(as_json)
    if dry_run:
        _dry_run("run", build_dir, emulate, device_name, output)
        return
    result = api.run(
        build_dir,
        inputs=input_paths,
        output=output_path,
        emulate=emulate,
        device=device_name,
        timeout=options.seconds(timeout),
    )
    output.show(*tables.run(result))
    _finish("run", result, result.profile, output)


@click.command(name="eval")
@options.device
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first samples.")
@options.common
def evaluate(
    build_dir: Path | None,
    emulate: bool,
    device_name: str | None,
    timeout: str | None,
    dry_run: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """Accuracy on the host and on the device.

    DIR is a build folder; without it, the project's newest. Runs the samples that [eval] in edgekit.toml names.
    """
    output = Output.create(as_json)
    if dry_run:
        _dry_run("eval", build_dir, emulate, device_name, output)
        return
    with Progress(console=output.console, transient=True) as progress:
        task = progress.add_task("samples", total=None)
        result = api.evaluate(
            build_dir,
            emulate=emulate,
            device=device_name,
            timeout=options.seconds(timeout),
            limit=limit,
            on_sample=lambda done, total: progress.update(task, completed=done, total=total),
        )
    output.show(*tables.evaluation(result))
    if result.identical_outputs != result.samples:
        raise MismatchError(
            "eval.mismatch",
            f"{result.samples - result.identical_outputs} of {result.samples} outputs differ from the reference",
        )
    output.result("eval", result)


class _DryRun:
    def __init__(self, job: Job, how: str) -> None:
        self.job, self.how = job, how

    def to_json(self) -> Json:
        folder = self.job.folder
        return {"model": folder.model_name, "board": folder.board, "elf": str(folder.elf), "device": self.how}


def _dry_run(command: str, build_dir: Path | None, emulate: bool, device: str | None, output: Output) -> None:
    job = open_job(build_dir, Path())
    host = job.board.build.port == "host"
    how = "this machine" if host else "emulated" if emulate else device or "the one board that is connected"
    output.show(f"would {command} {job.folder.model_name} ({job.folder.elf}) for {job.board.title} on: {how}")
    output.result(command, _DryRun(job, how))


def _finish(command: str, result: api.Result, profile: ProfileResult, output: Output) -> None:
    if not profile.output_matches_reference:
        raise MismatchError(
            "output.mismatch",
            f"the output of {profile.model} on {profile.board} ({profile.target}) differs from the reference",
            "this is a bug in edgekit or a broken device: please report it with `edgekit run --output y.npy`",
        )
    output.result(command, result)
