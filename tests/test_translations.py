"""What the operators of a file become is what their translations declare, and what docs/operators.md says."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from conformance.cases import CASES
from conformance.movement_files import FILES, integers, model
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conv_graphs import Case
from support.tflite_files import BUILTIN

from edgekit.errors import ModelError
from edgekit.export import tflite
from edgekit.frontend import container
from edgekit.frontend.operators import TRANSLATIONS
from edgekit.frontend.operators.record import kinds_of
from edgekit.frontend.tflite import parse

EXAMPLES = 60  # per kind of file; a quarter of them per operator kind


def observed() -> dict[str, set[str]]:
    """The kinds that each operator of a file became, over drawn files."""
    became: dict[str, set[str]] = defaultdict(set)

    def read(data: bytes) -> None:
        names = [operator.name for operator in container.read(data).operators]
        for op in parse(data, "drawn").ops:
            became[names[op.origin[0]]].add(op.kind)

    for data in (_neg(), _space_to_batch()):
        read(data)
    drawn = [(files, EXAMPLES // 4) for files in _single_operators()] + [(files, EXAMPLES) for files in _movement()]
    for files, examples in drawn:

        @settings(max_examples=examples)
        @given(files)
        def look(data: bytes) -> None:
            read(data)

        look()
    return became


def _single_operators() -> list[st.SearchStrategy[bytes]]:
    written = {kind for name, translation in TRANSLATIONS.items() for kind in kinds_of(name, translation)}
    return [CASES[kind](False).map(_dumped).filter(bool) for kind in CASES if kind in written]


def _dumped(case: Case) -> bytes:
    """The case as a file; empty where the format cannot say it."""
    try:
        return tflite.dump(case.graph)
    except ModelError:
        return b""


def _neg() -> bytes:
    """Computed here as TensorFlow Lite Micro computes a product; it has no NEG of int8."""
    return model(BUILTIN.NEG, [np.zeros((2, 3), np.int8)], [(2, 3)]).file


def _space_to_batch() -> bytes:
    """With a border, whose value TensorFlow Lite Micro leaves to chance."""
    inputs = [np.zeros((1, 3, 3, 2), np.int8), integers(2, 2), integers(0, 1, 1, 0, shape=(2, 2))]
    return model(BUILTIN.SPACE_TO_BATCH_ND, inputs, [(4, 2, 2, 2)]).file


def _movement() -> list[st.SearchStrategy[bytes]]:
    return [files().map(lambda model: model.file) for files in FILES.values()]


def test_translations_become_the_kinds_that_they_declare() -> None:
    declared = {name: set(kinds_of(name, translation)) for name, translation in TRANSLATIONS.items()}
    assert observed() == declared
