"""The C of models with constant parameters, as users get it: every operator kind, many operators in one model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import host_model, plans

from conformance.cases import CASES
from conformance.side_by_side import drawn, side_by_side, with_an_interface
from conformance.tally import Tally
from edgekit_codegen import reference
from edgekit_codegen.emit import emit

BATCH = 20  # operators in one model


@pytest.mark.parametrize("kind", CASES)
def test_generated_c_is_reference(kind: str, tally: Tally, tmp_path: Path) -> None:
    every = drawn(with_an_interface(kind), tally.amount("generated C"))
    for first in range(0, len(every), BATCH):
        cases = every[first : first + BATCH]
        graph = side_by_side(cases)
        folder = tmp_path / str(first)
        folder.mkdir()
        model = host_model.build(emit(graph, plans.plan(graph), plans.HOST), graph, folder)
        values = [value for case in cases for value in case.inputs]
        (answer,) = model.run([values])
        expected = [reference.run(case.graph, case.inputs)[0] for case in cases]
        at = 0
        for case, result in zip(cases, expected, strict=True):
            held = np.frombuffer(answer[at : at + result.nbytes], result.dtype).reshape(result.shape)
            np.testing.assert_array_equal(held, result, err_msg=str(case.op))
            at += result.nbytes
    tally.add(kind, ("generated C",), len(every))
