"""TensorFlow Lite Micro as the oracle: the `tflite-micro` wheel runs what `edgekit.export.tflite` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgekit.export import tflite
from edgekit_codegen.ir import Graph

ARENA_BYTES = 1 << 20


def tflm(graph: Graph, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The first output as TensorFlow Lite Micro computes it; skips the test where the wheel is absent."""
    runtime = pytest.importorskip("tflite_micro", reason="no tflite-micro wheel for this platform").runtime
    interpreter = runtime.Interpreter.from_bytes(tflite.dump(graph), arena_size=ARENA_BYTES)
    for position, value in enumerate(inputs):
        interpreter.set_input(value, position)
    interpreter.invoke()
    return np.array(interpreter.get_output(0))
