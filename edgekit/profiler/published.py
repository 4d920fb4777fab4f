"""Published figures of other engines, read from profiles/published.toml: what an own figure is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import resources
from ..config.toml import Document, Keys, decode, read

Evidence = Literal["file", "rules", "network"]


@dataclass(frozen=True, slots=True)
class Result:
    """One model's figures.

    model        a key of the file's [models]
    latency_ms   one inference, milliseconds
    per_second   inferences per second, where the source prints that; latency_ms then follows from it
    energy_uj    one inference, microjoules, from a run of its own
    sram_bytes   peak of working memory, as its source counts it
    source       path in the submission's repository of the file that prints the figures
    """

    model: str
    latency_ms: float
    source: str
    per_second: float | None = None
    energy_uj: float | None = None
    sram_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What an engine did on one board.

    publication    where the figures were published, with its round
    engine         with the kernel library where that is another project's
    version        as the submission names it: a release, or a commit
    runnable_here  the engine's sources are public, so that it can be built and run next to edgekit
    core           as compilers name it: "cortex-m7"
    clock_hz       the core's clock
    repository     on GitHub, "owner/name"; commit: the one the figures were read at
    system         path in the repository of the file that describes engine, board and clock
    evidence       how sure it is that the model is the file of that hash: "file", the repository holds it; "rules", the
                   benchmark's rules ask for that network, quantized perhaps by the submitter; "network", only the
                   network's name is the same
    """

    publication: str
    submitter: str
    engine: str
    mcu: str
    core: str
    runnable_here: bool
    repository: str
    commit: str
    system: str
    evidence: Evidence
    results: tuple[Result, ...]
    version: str | None = None
    board: str | None = None
    clock_hz: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One row: a result, its submission and the model file's SHA-256 in lower-case hex."""

    submission: Submission
    result: Result
    model_sha256: str

    @property
    def cycles(self) -> float | None:
        """Core cycles per inference; None where the clock is not told."""
        clock = self.submission.clock_hz
        return None if clock is None else self.result.latency_ms * 1e-3 * clock


@dataclass(frozen=True, slots=True)
class _File:
    schema: Literal[1]
    models: dict[str, str]
    submission: tuple[Submission, ...]


def published(path: Path | None = None) -> tuple[Published, ...]:
    """Every row of profiles/published.toml, or of another such file; ConfigError with its line where it is wrong."""
    document = read(resources.profiles() / "published.toml" if path is None else path)
    file = decode(document, _File)
    _check(document, file)
    return tuple(Published(s, r, file.models[r.model]) for s in file.submission for r in s.results)


def _check(document: Document, file: _File) -> None:
    for model, digest in file.models.items():
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise document.error(("models", model), "is not a SHA-256", "64 hexadecimal digits in lower case")
    seen: set[tuple[str | None, ...]] = set()
    for i, submission in enumerate(file.submission):
        at: Keys = ("submission", i)
        _check_submission(document, at, submission)
        for j, result in enumerate(submission.results):
            here: Keys = (*at, "results", j)
            _check_result(document, here, result, file.models)
            engine = (submission.publication, submission.submitter, submission.engine, submission.version)
            row = (*engine, submission.board, submission.mcu, result.model)
            if row in seen:
                raise document.error(here, f"{result.model} of this engine and board is here twice")
            seen.add(row)


def _check_submission(document: Document, at: Keys, submission: Submission) -> None:
    texts = ("publication", "submitter", "engine", "mcu", "core", "system", "version", "board")
    for key in texts:
        if getattr(submission, key) == "":
            raise document.error((*at, key), "is empty", "leave out what the source does not tell")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", submission.repository):
        raise document.error((*at, "repository"), f"is {submission.repository!r}", "owner/name")
    if not re.fullmatch("[0-9a-f]{40}", submission.commit):
        raise document.error((*at, "commit"), f"is {submission.commit!r}", "the commit's 40 hexadecimal digits")
    if submission.clock_hz is not None and submission.clock_hz < 1_000_000:
        raise document.error((*at, "clock_hz"), f"is {submission.clock_hz}", "the core's clock in hertz")
    if not submission.results:
        raise document.error((*at, "results"), "is empty")


def _check_result(document: Document, at: Keys, result: Result, models: dict[str, str]) -> None:
    if result.model not in models:
        raise document.error((*at, "model"), f"is {result.model!r}", f"one of [models]: {', '.join(models)}")
    if not result.source:
        raise document.error((*at, "source"), "is empty", "the path of the file that prints the figure")
    for key, value in _figures(result):
        if not 0 < value < float("inf"):
            raise document.error((*at, key), f"is {value}", "a positive number")
    if result.per_second is not None and abs(result.latency_ms * result.per_second / 1e3 - 1) > 1e-5:
        expected = f"{1e3 / result.per_second:.6g}"
        raise document.error((*at, "latency_ms"), f"is {result.latency_ms}, but 1000 / per_second is {expected}")


def _figures(result: Result) -> Iterator[tuple[str, float]]:
    """The numbers that are there, by key."""
    for key in ("latency_ms", "per_second", "energy_uj", "sram_bytes"):
        value = getattr(result, key)
        if value is not None:
            yield key, value
