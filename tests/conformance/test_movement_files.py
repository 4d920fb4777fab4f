"""What the frontend makes of operators that move elements computes what TensorFlow Lite Micro computes for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.movement_files import FILES, NUMPY_ONLY
from conformance.oracle import run_file
from edgekit.frontend.tflite import parse
from edgekit_codegen import passes, reference


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
def test_files_compute_what_the_oracle_computes(kind: str, data: st.DataObject) -> None:
    """Also after the passes."""
    case = data.draw(FILES[kind]())
    graph = parse(case.file, "one")
    results = reference.run(graph, case.inputs)
    expected = list(case.numpy or ())
    if kind not in NUMPY_ONLY:
        oracle = run_file(case.file, case.inputs, len(graph.outputs))
        for value, other in zip(expected, oracle, strict=False):
            np.testing.assert_array_equal(value.reshape(-1), other.reshape(-1))
        expected = oracle
    after = reference.run(passes.optimize(graph).graph, case.inputs)
    for ident, result, optimized, value in zip(graph.outputs, results, after, expected, strict=True):
        assert result.shape == graph.tensors[ident].shape
        np.testing.assert_array_equal(result.reshape(-1), value.reshape(-1))
        np.testing.assert_array_equal(optimized, result)
