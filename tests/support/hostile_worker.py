"""A process that takes hostile model files through the path that makes C, one after the other, in little memory.

    PYTHONPATH=tests python -m support.hostile_worker MODEL.tflite KIND SEED [MORE SEEDS]

says what becomes of these mutations of a model. Without arguments it is a server: a line of JSON in for each file
(`Job`), a line out (`Outcome`). A file that takes too long or too much memory ends the process.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from edgekit import boards, pipeline
from edgekit.boards import Board
from edgekit.errors import EdgekitError, Exit

from . import host_model
from .mutations import mutation

MEMORY_BYTES = 1 << 30  # of address space, the interpreter and its libraries included
SECONDS = 10  # of processor time per file, so that a busy machine changes nothing
LONGEST_MESSAGE = 2000
_PASS = re.compile(r"after (cancel_noops|fold_pad|fuse_activation|removing the float edges): ")


@dataclass(frozen=True)
class Job:
    """A mutation of the model file `model`.

    keep  folder for what was built: the C sources, `input`, and `answer`, the reference's output for it; "" for none
    """

    model: str
    kind: str
    seed: int
    keep: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    status   "built", "refused" (a ModelError as it should be) or "wrong" (anything else)
    code     the error's code, "" where there is none
    message  of the error; the traceback where it is wrong
    seconds  of processor time
    peak     the most bytes of memory that the process has had in use so far
    """

    status: str
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    peak: int = 0


def limit() -> None:
    """Cap this process's memory, and let the alarm of `attempt` end it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    warnings.simplefilter("error")


def attempt(job: Job, folder: Path) -> Outcome:
    """Mutate the model and build it up to the emitted C."""
    path = folder / "model.tflite"
    path.write_bytes(mutation(Path(job.model), job.kind, job.seed))
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        try:
            _build(path, "int8" if job.seed % 4 == 0 else "model", job)
            outcome = Outcome("built")
        except EdgekitError as error:
            outcome = _refusal(error)
    except Exception:
        outcome = Outcome("wrong", message=traceback.format_exc()[-3000:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return replace(outcome, seconds=time.process_time() - began, peak=peak)


@cache
def _board() -> Board:
    return boards.load("stm32f746g-disco")


def _build(path: Path, io: str, job: Job) -> None:
    compiled = pipeline.compile_model(path, _board(), io)
    sources = pipeline.to_c(compiled)
    if job.keep:
        keep = Path(job.keep)
        inputs = host_model.random_inputs(compiled.graph, np.random.default_rng(job.seed))
        host_model.write(sources, keep)
        (keep / "input").write_bytes(b"".join(np.ascontiguousarray(value).tobytes() for value in inputs))
        (keep / "answer").write_bytes(host_model.reference_bytes(compiled.graph, inputs))


def _refusal(error: EdgekitError) -> Outcome:
    """A refusal must be one that the user can act on, and no failure of the compiler's own checks in disguise."""
    problems = {
        f"exit code {int(error.exit)}": error.exit is not Exit.MODEL,
        "no hint": not error.hint,
        f"a message of {len(error.message)} characters": len(error.message) > LONGEST_MESSAGE,
        "unprintable characters": not error.message.isprintable(),
        "an internal check failed": error.code.startswith("plan.") or _PASS.search(error.message) is not None,
        "no rule says what is wrong": "impossible shapes or values" in error.message,
    }
    found = [text for text, true in problems.items() if true]
    message = f"{', '.join(found)}: {error.message} (hint: {error.hint})" if found else error.message
    return Outcome("wrong" if found else "refused", error.code, message[:3000])


def serve() -> None:
    """Answer jobs from stdin until it ends."""
    with tempfile.TemporaryDirectory() as folder, os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what a library prints must not pass for an answer
        for line in sys.stdin:
            answers.write(json.dumps(asdict(attempt(Job(**json.loads(line)), Path(folder)))) + "\n")
            answers.flush()


def main(arguments: list[str]) -> None:
    limit()
    if not arguments:
        serve()
        return
    model, kind, *seeds = arguments
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            outcome = attempt(Job(model, kind, int(seed)), Path(folder))
            print(f"{seed}: {outcome.status} {outcome.code} in {outcome.seconds:.2f} s\n{outcome.message}")


if __name__ == "__main__":
    main(sys.argv[1:])
