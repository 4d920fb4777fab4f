"""Mutations of real models: each is refused as it should be, or builds and computes what the reference does.

At least 5,000 files (ten times as many with --full) go through the whole path to C in a process that has 1 GiB of
memory and 10 s of processor time per file (support/hostile_worker.py). A failure names the command that repeats it.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support import host_model, hostile
from support.hostile_files import every_operator
from support.hostile_worker import Job
from support.models import NAMES, ROOT, model_path
from support.mutations import KINDS, mutation

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
ROUNDS = {
    "digits": 1,
    "every operator": 3,
    "mlperf_tiny_kws": 7,
    "mlperf_tiny_vww": 4,
    "mlperf_tiny_ic": 10,
    "mlperf_tiny_ad": 15,
    "mlperf_tiny_sww": 12,
    "mcunet_vww1": 2,
}  # of 100 files; the longer one takes, the fewer
SHARES = {
    "bit-flip": 10,
    "truncation": 8,
    "length": 10,
    "offset": 12,
    "cycle": 9,
    "opcode": 9,
    "type": 8,
    "shape": 8,
    "quantization": 6,
    "options": 6,
    "index": 5,
    "name": 1,
    "constant": 2,
    "block": 3,
    "several": 3,
}  # of a round


def test_there_are_enough_mutations_of_every_kind() -> None:
    assert SHARES.keys() == KINDS.keys()
    assert sum(SHARES.values()) == 100
    assert sum(100 * ROUNDS[name] for name in NAMES) >= 5000


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutation_is_a_function_of_its_seed(kind: str) -> None:
    files = [mutation(DIGITS, kind, seed) for seed in range(8)]
    assert files == [mutation(DIGITS, kind, seed) for seed in range(8)]
    changed = [file != DIGITS.read_bytes() for file in files]
    assert sum(changed) >= 4
    assert len(set(files)) > 2


@pytest.mark.parametrize("name", ["digits", "every operator", *NAMES])
def test_mutations(name: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    model = whole(name, tmp_path)
    times = 10 if pytestconfig.getoption("--full") else 1
    jobs = [Job(str(model), k, seed) for k, n in SHARES.items() for seed in range(n * ROUNDS[name] * times)]
    report = hostile.run(jobs)
    print(report.table())  # shown with -rP, and where the test fails
    assert not report.wrong, "\n\n".join([f"{len(report.wrong)} files:", *report.wrong[:10]])
    assert len(report.outcomes) == len(jobs)
    counts = Counter(outcome.status for _, outcome in report.outcomes)
    assert min(counts["refused"], counts["built"]) > len(jobs) // 20  # some edits hit the structure, some the weights
    built = [job for job, outcome in report.outcomes if outcome.status == "built"]
    for kind in list(dict.fromkeys(job.kind for job in built))[:: 2 if times == 1 else 1]:
        for job in [job for job in built if job.kind == kind][:times]:
            computes_the_reference(job, tmp_path / f"{job.kind}-{job.seed}")


def whole(name: str, folder: Path) -> Path:
    """The model file before anything is done to it."""
    if name == "digits":
        return DIGITS
    if name == "every operator":
        path = folder / "every_operator.tflite"
        path.write_bytes(every_operator())
        return path
    return model_path(name)


def computes_the_reference(job: Job, folder: Path) -> None:
    """The C of a mutation that builds gives the reference's bytes, without undefined behaviour."""
    folder.mkdir()
    report = hostile.run([replace(job, keep=str(folder))])
    assert not report.wrong, report.wrong
    program = host_model.compile_folder(folder, "model_model", ["model.c"], host_model.TRAP)
    done = subprocess.run([program, "1"], input=(folder / "input").read_bytes(), capture_output=True, timeout=120)
    assert done.returncode == 0, hostile.reproduce(job)
    assert done.stdout == (folder / "answer").read_bytes(), hostile.reproduce(job)


@pytest.mark.parametrize(
    ("does", "seen"),
    [
        ("all(iter(lambda: True, False))", "SIGPROF"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("bytearray(1 << 30)", "MemoryError"),
        ("(lambda f: f(f))(lambda f: f(f))", "RecursionError"),
        ("import warnings; warnings.warn('overflow')", "UserWarning"),
    ],
)
def test_a_worker_that_hangs_or_dies_or_raises_is_found_out(
    does: str, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's build is replaced; the next job finds it as it was."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os\n"
        "from support import hostile_worker as real\n"
        "whole = real._build\n"
        "def build(path, io, job):\n"
        f"    if job.seed == 1: {does}\n"
        "    else: whole(path, io, job)\n"
        "real._build, real.SECONDS = build, 0.5\n"
        "real.main([])\n"
    )
    monkeypatch.setattr(hostile, "WORKER", (str(worker),))
    report = hostile.run([Job(str(DIGITS), "name", seed) for seed in range(3)])
    assert [outcome.status for _, outcome in report.outcomes] == ["built", "wrong", "built"]
    assert seen in report.wrong[0]
    assert "hostile_worker" in report.wrong[0]
    assert f"{DIGITS} name 1" in report.wrong[0]
