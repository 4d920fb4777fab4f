"""CMSIS-NN's own test data, through the reference functions and the C kernels.

    CMSIS_NN_ROOT=<checkout of CMSIS-NN> python -m tests.conformance.cmsis_nn

Every int8 data set is read in the way in which CMSIS-NN's unit tests read it, once per test, and both results are
compared with the golden output, byte for byte. Reasons come first, the counts last. What is checked: the arithmetic of
an operator whose record derives exactly the data set's multipliers and shifts (see cmsis_nn_graphs.py). The data give
a fused activation as stored bounds, which no activation of a graph means: both results are clamped to them afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]  # `conformance` and `support`, where this is the program

from support.kernel_runner import compute  # noqa: E402

from conformance import cmsis_nn_data as data  # noqa: E402
from conformance.cmsis_nn_graphs import BUILDERS, Run  # noqa: E402
from edgekit_codegen import reference  # noqa: E402
from edgekit_codegen.errors import CodegenError  # noqa: E402
from edgekit_codegen.ops import TABLE, convolution, fully_connected  # noqa: E402

SKIPPED = {
    "_s16": "16-bit activations",
    "_s4": "4-bit weights",
    "_f16": "floating point",
    "_f32": "floating point",
    "ds_cnn": "a network of several layers, of the kinds that are checked one by one",
    "lstm": "LSTM",
    "svdf": "SVDF",
    "": "no unit test reads it",
}
"""Part of a unit test's name -> why its data are not for this program; the first that fits."""


DERIVED = {
    "conv2d": convolution.requant,
    "depthwise_conv2d": convolution.requant,
    "fully_connected": fully_connected.plain_requant,
}
"""The epilogues of kinds whose kernels take another form of them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """name: the data set and the unit test; verdict: "passed", "failed" or "skipped"."""

    name: str
    verdict: str
    reason: str = ""


def outcomes(checkout: Path) -> Iterator[Outcome]:
    """Of every data set and unit test that reads it, in the order of their names."""
    tests = data.readers(checkout)
    for name in data.names(checkout):
        for test in tests.get(name, [""]):
            title = f"{name} ({test})" if test else name
            if test not in BUILDERS:
                yield Outcome(title, "skipped", next(why for part, why in SKIPPED.items() if part in test))
                continue
            try:
                reason = failure(BUILDERS[test](data.load(checkout, name)))
            except (
                CodegenError,
                KeyError,
                ValueError,
            ) as error:  # a record that refuses, data that do not fit together
                reason = str(error)
            yield Outcome(title, "failed" if reason else "passed", reason)


def failure(run: Run) -> str:
    """What is wrong with a data set's results; nothing where all is right."""
    (op,) = run.graph.ops
    wrong = _scaling(run)
    if wrong:
        return wrong
    (expected,) = reference.run(run.graph, run.inputs)
    for what, result in (("reference", expected), ("kernel", compute(run.graph, op, run.inputs))):
        different = np.count_nonzero(np.clip(result, *run.bounds) != run.golden)
        if different:
            return f"{different} of {run.golden.size} values of the {what} differ"
    return ""


def _scaling(run: Run) -> str:
    """How the kernel's constants differ from the data set's."""
    (op,) = run.graph.ops
    kernel = TABLE[op.kind].kernel
    if kernel is None or run.scaling is None:
        return ""
    derived = DERIVED.get(op.kind, kernel.requant)
    requant, actual = derived(run.graph, op), dict(kernel.params(run.graph, op))
    if requant is not None:
        actual = {"multiplier": requant.multiplier.tolist(), "shift": requant.shift.tolist()}
    return "; ".join(f"{k} is {actual.get(k)}, not {v}" for k, v in run.scaling.items() if actual.get(k) != v)


def report(found: Sequence[Outcome]) -> list[str]:
    """What was skipped, by reason; every failure; the counts."""
    lines = []
    for reason in dict.fromkeys(o.reason for o in found if o.verdict == "skipped"):
        names = [o.name for o in found if o.verdict == "skipped" and o.reason == reason]
        lines.append(f"skipped {len(names)}, {reason}: {', '.join(names)}")
    lines += [f"failed {o.name}: {o.reason}" for o in found if o.verdict == "failed"]
    return [*lines, ", ".join(f"{sum(o.verdict == v for o in found)} {v}" for v in ("passed", "failed", "skipped"))]


def main() -> int:
    """Print the outcomes; 1 where something failed."""
    checkout = data.root()
    if checkout is None:
        print(f"nothing is checked: set {data.VARIABLE} to a checkout of CMSIS-NN")
    found = [] if checkout is None else list(outcomes(checkout))
    print("\n".join(report(found)))
    return 1 if any(o.verdict == "failed" for o in found) else 0


if __name__ == "__main__":
    sys.exit(main())
