"""The real agent as a process on this machine, around a model whose second input is streamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.link_agent import build_agent

ROWS, ROW = 12, 300
MODEL = "link_stream.c"


def build_streamed(out: Path, *flags: str) -> Path:
    """The agent as the program `out`."""
    return build_agent(out, *flags, model=MODEL)


def sample(seed: int) -> tuple[bytes, bytes]:
    """Both inputs; some zero bytes among them, which COBS must hide."""
    rng = np.random.default_rng(seed)
    image = rng.integers(-128, 128, ROWS * ROW, dtype=np.int8)
    image[rng.random(ROWS * ROW) < 0.2] = 0
    return rng.integers(-128, 128, ROWS, dtype=np.int8).tobytes(), image.tobytes()


def expected(gain: bytes, image: bytes) -> tuple[bytes]:
    """The output that the model computes."""
    rows = np.frombuffer(image, np.int8).reshape(ROWS, ROW).astype(np.int32)
    sums = rows @ np.arange(1, ROW + 1, dtype=np.int32) + np.frombuffer(gain, np.int8)
    return (sums.astype("<i4").tobytes(),)
