"""`edgekit run`, `profile` and `eval` as functions: one image, on a board, an emulated board or this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen import passes, reference
from edgekit_codegen.ir import DType, Graph, Tensor
from edgekit_codegen.naming import short_name

from .. import boards, frontend, pipeline, preprocess, workspace
from ..boards import Board
from ..config import project as projects
from ..config.project import Project
from ..config.settings import resolve
from ..errors import ConfigError, UsageError
from ..profiler import Connection, Measured, connect, measure
from ..results import EvalResult, LayerResult, ProfileResult, RunResult
from ..workspace import BuildFolder

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm"}
OnLayer = Callable[[LayerResult], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A build folder with everything that a run of it needs."""

    folder: BuildFolder
    board: Board
    graph: Graph
    project: Project | None


def open_job(directory: Path | str | None, start: Path) -> Job:
    """The named build folder, or the project's newest, with its board and the graph it was built from."""
    folder = workspace.open_folder(Path(directory)) if directory is not None else workspace.newest(start)
    around = projects.find(folder.path) or projects.find(start)
    project = projects.load(around) if around is not None else None
    board = boards.load(folder.board, extra=project.folder / "boards" if project is not None else None)
    source = frontend.load(folder.model, io=folder.io)
    with pipeline.compiler_errors(folder.model.name):
        graph = passes.optimize(source).graph
    return Job(folder, board, graph, project)


def profile(
    directory: Path | str | None = None,
    *,
    emulate: bool = False,
    device: str | None = None,
    timeout: float | None = None,
    on_layer: OnLayer | None = None,
    start: Path | str = ".",
) -> ProfileResult:
    """One inference over a fixed random input, with per-layer figures, memory marks and the output check."""
    job = open_job(directory, Path(start))
    with _connected(job, emulate, device, timeout) as connection:
        return measure(connection, job.folder, job.graph, random_inputs(job.graph), on_layer).profile


def run(
    directory: Path | str | None = None,
    *,
    inputs: Sequence[Path | str] = (),
    output: Path | str | None = None,
    emulate: bool = False,
    device: str | None = None,
    timeout: float | None = None,
    start: Path | str = ".",
) -> RunResult:
    """One inference over pictures or .npy files; without `inputs`, over the fixed random input.

    inputs  one file per input of the model, in its order
    output  where to write the first output as .npy; further outputs get -1, -2, ... before the suffix
    """
    job = open_job(directory, Path(start))
    values = read_inputs([Path(path) for path in inputs], job) if inputs else random_inputs(job.graph)
    with _connected(job, emulate, device, timeout) as connection:
        measured = measure(connection, job.folder, job.graph, values)
    written = () if output is None else _write(Path(output), measured)
    label, score = _classify(job, measured.outputs[0])
    return RunResult(measured.profile, written, label, score)


def evaluate(
    directory: Path | str | None = None,
    *,
    emulate: bool = False,
    device: str | None = None,
    timeout: float | None = None,
    limit: int | None = None,
    on_sample: Callable[[int, int], None] | None = None,
    start: Path | str = ".",
) -> EvalResult:
    """Accuracy over the project's labelled samples ([eval] in edgekit.toml), on the reference and on the device."""
    job = open_job(directory, Path(start))
    samples, labels = _labelled(job)
    if limit is not None:
        samples, labels = samples[:limit], labels[:limit]
    host = device_correct = identical = 0
    with _connected(job, emulate, device, timeout) as connection:
        for index, (sample, label) in enumerate(zip(samples, labels, strict=True)):
            inference = connection.session.infer([sample.tobytes()])
            expected = reference.run(job.graph, [sample])[0]
            answer = np.frombuffer(inference.outputs[0], expected.dtype).reshape(expected.shape)
            identical += answer.tobytes() == expected.tobytes()
            host += chosen(expected) == label
            device_correct += chosen(answer) == label
            if on_sample is not None:
                on_sample(index + 1, len(samples))
        target = connection.target
    return EvalResult(job.folder.model_name, job.folder.board, target, len(samples), host, device_correct, identical)


def random_inputs(graph: Graph, seed: int = 0) -> list[npt.NDArray[Any]]:
    """The fixed input of `profile`: uniform over the element type's range, the same on every machine."""
    generator = np.random.default_rng(seed)
    inputs: list[npt.NDArray[Any]] = []
    for tensor in (graph.tensors[i] for i in graph.inputs):
        if tensor.dtype is DType.FLOAT32:
            inputs.append(generator.uniform(-1.0, 1.0, tensor.shape).astype(np.float32))
        else:
            info = np.iinfo(tensor.dtype.numpy)
            inputs.append(generator.integers(info.min, info.max + 1, tensor.shape, dtype=tensor.dtype.numpy))
    return inputs


def read_inputs(paths: Sequence[Path], job: Job) -> list[npt.NDArray[Any]]:
    """One file per input of the model, in its order."""
    tensors = [job.graph.tensors[i] for i in job.graph.inputs]
    if len(paths) != len(tensors):
        names = ", ".join(short_name(tensor) for tensor in tensors)
        raise UsageError(
            "input.count",
            f"{job.folder.model_name} has {len(tensors)} inputs ({names}), {len(paths)} files were given",
            "give --input once per input of the model, in this order",
        )
    return [_read_input(path, tensor, job) for path, tensor in zip(paths, tensors, strict=True)]


def _read_input(path: Path, tensor: Tensor, job: Job) -> npt.NDArray[Any]:
    """A picture (by [input] of the project) or a .npy file as the value of an input."""
    if path.suffix.lower() == ".npy":
        return preprocess.array(path, tensor)
    if path.suffix.lower() not in IMAGES:
        raise UsageError(
            "input.type", f"{path}: unknown kind of input", "a .npy array, or a picture: " + ", ".join(sorted(IMAGES))
        )
    if job.project is None:
        raise UsageError(
            "input.no_project",
            f"{path}: how a picture becomes the input stands in edgekit.toml ([input]), and there is none here",
            "make one with `edgekit new`, or give a .npy file",
        )
    return preprocess.image(path, job.project.input, tensor)


@contextmanager
def _connected(job: Job, emulate: bool, device: str | None, timeout: float | None) -> Iterator[Connection]:
    seconds = resolve("timeout", None if timeout is None else str(timeout), job.project)
    try:
        limit = float(seconds.known)
    except ValueError:
        raise ConfigError("config.value", f"timeout is {seconds.value!r} (from {seconds.source})") from None
    port = None if emulate and device is None else resolve("device", device, job.project).value
    with connect(job.folder, job.board, emulate=emulate, port=port, timeout=limit) as connection:
        yield connection


def _labelled(job: Job) -> tuple[list[npt.NDArray[Any]], list[int]]:
    if job.project is None or job.project.eval is None:
        raise UsageError(
            "eval.none", "the project's edgekit.toml has no [eval] section", "name images and labels there"
        )
    projects.check_files(job.project)
    if len(job.graph.inputs) != 1:
        count = len(job.graph.inputs)
        raise UsageError("eval.inputs", f"{job.folder.model_name} has {count} inputs; [eval] feeds models of one input")
    config, folder = job.project.eval, job.project.folder
    images = np.load(folder / config.images, allow_pickle=False)
    labels = np.load(folder / config.labels, allow_pickle=False)
    if len(images) != len(labels) or len(images) == 0:
        raise ConfigError("eval.shape", f"[eval] has {len(images)} images and {len(labels)} labels")
    tensor = job.graph.tensors[job.graph.inputs[0]]
    tensors = [preprocess.to_tensor(preprocess.scaled(x, (config.scale,), (config.offset,)), tensor) for x in images]
    return tensors, [int(label) for label in labels]


def _write(path: Path, measured: Measured) -> tuple[Path, ...]:
    paths = [path, *(path.with_stem(f"{path.stem}-{i}") for i in range(1, len(measured.outputs)))]
    for file, values in zip(paths, measured.outputs, strict=True):
        with file.open("wb") as stream:
            np.save(stream, values)
    return tuple(paths)


def chosen(output: npt.NDArray[Any]) -> int:
    """The class that an output stands for: the place of its largest element, or what a model that ends in ARG_MAX
    answers."""
    return int(output.reshape(-1)[0]) if _is_index(output) else int(np.argmax(output))


def _is_index(output: npt.NDArray[Any]) -> bool:
    return output.dtype == np.int32 and output.size == 1


def _classify(job: Job, output: npt.NDArray[Any]) -> tuple[str | None, float | None]:
    """The label and the real-valued score of the largest output, where the project names labels."""
    names = job.project.labels.names if job.project is not None else ()
    if not names:
        return None, None
    best = chosen(output)
    if _is_index(output):
        return (names[best] if best < len(names) else None), None
    if len(names) != output.size:
        raise ConfigError("labels.count", f"[labels] names {len(names)} classes, the model has {output.size} outputs")
    value = float(output.reshape(-1)[best])
    tensor = job.graph.tensors[job.graph.outputs[0]]
    score = value if tensor.quant is None else tensor.scale * (value - tensor.zero_point)
    return names[best], score
