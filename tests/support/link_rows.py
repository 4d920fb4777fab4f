"""The real agent as a process on this machine, around a model whose second input and second output are streamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.link_agent import build_agent
from support.link_stream import ROW, ROWS, sample

MODEL = "link_rows.c"
FAIL, FAILED = 66, 7
"""The first gain that makes the model fail behind its fifth row, and what it returns then: they are link_rows.c's."""


def build_rows(out: Path, *flags: str) -> Path:
    """The agent as the program `out`."""
    return build_agent(out, *flags, model=MODEL)


def failing() -> tuple[bytes, bytes]:
    """Both inputs, of an inference that the model ends."""
    gain, image = sample(0)
    return bytes([FAIL]) + gain[1:], image


def expected(gain: bytes, image: bytes) -> tuple[bytes, bytes]:
    """The outputs that the model computes."""
    rows = np.frombuffer(image, np.int8).reshape(ROWS, ROW)
    sharp = rows + np.frombuffer(gain, np.int8)[:, None]  # int8 wraps
    return rows.sum(1, dtype=np.int32).astype("<i4").tobytes(), sharp.astype(np.int8).tobytes()
