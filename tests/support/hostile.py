"""Hostile files given to a worker process, which may die of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .hostile_worker import Job, Outcome
from .models import ROOT

WORKER = ("-m", "support.hostile_worker")
MOST_DEATHS = 10
WALL_SECONDS = 600  # without an answer, however busy the machine is


@dataclass(frozen=True)
class Report:
    """What became of every job, in order."""

    outcomes: tuple[tuple[Job, Outcome], ...]

    @property
    def wrong(self) -> list[str]:
        """How to reproduce what is neither refused nor built, with what was seen."""
        return [f"{reproduce(job)}\n{outcome.message}" for job, outcome in self.outcomes if outcome.status == "wrong"]

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How many jobs of a (kind, status) there are."""
        return Counter((job.kind, outcome.status) for job, outcome in self.outcomes)

    def table(self) -> str:
        """Files, refusals and builds per kind, the slowest file and the most memory."""
        counts = self.counts
        lines = [f"{'kind':<14}{'files':>8}{'refused':>9}{'built':>8}{'wrong':>8}"]
        for kind in dict.fromkeys(job.kind for job, _ in self.outcomes):
            refused, built, wrong = (counts[kind, status] for status in ("refused", "built", "wrong"))
            lines.append(f"{kind:<14}{refused + built + wrong:>8}{refused:>9}{built:>8}{wrong:>8}")
        job, slowest = max(self.outcomes, key=lambda entry: entry[1].seconds)
        lines.append(f"slowest: {slowest.seconds:.2f} s of processor time, {reproduce(job)}")
        lines.append(f"peak memory: {max(outcome.peak for _, outcome in self.outcomes) >> 20} MiB")
        return "\n".join(lines)


def reproduce(job: Job) -> str:
    """The command that shows what becomes of one mutation."""
    return f"PYTHONPATH=tests python -m support.hostile_worker {job.model} {job.kind} {job.seed}"


def run(jobs: Iterable[Job]) -> Report:
    """Every job in a worker. One that dies or hangs got a job wrong, and the next job gets a new one: up to MOST_DEATHS
    times, then the remaining jobs are not tried."""
    outcomes, deaths = [], 0
    worker = _Worker()
    try:
        for job in jobs:
            outcome = worker.ask(job)
            outcomes.append((job, outcome or Outcome("wrong", message=worker.end())))
            if outcome is None:
                deaths += 1
                if deaths > MOST_DEATHS:
                    break
                worker = _Worker()
    finally:
        worker.end()
    return Report(tuple(outcomes))


class _Worker:
    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by end)
        self._process = subprocess.Popen(
            [sys.executable, *WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), *sys.path)), **_ONE_THREAD},
        )

    def ask(self, job: Job) -> Outcome | None:
        """What became of the job, or None where the worker died or did not answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        watchdog = threading.Timer(WALL_SECONDS, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(asdict(job)) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        return Outcome(**json.loads(line)) if line else None

    def end(self) -> str:
        """End the process; how it ended, and the last it said."""
        if self._errors.closed:
            return ""
        self._process.communicate(timeout=WALL_SECONDS)
        status = self._process.returncode
        how = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-2000:]
        self._errors.close()
        return f"the worker ended with {how}\n{said}"


_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Each thread of NumPy's would take address space of its own."""
