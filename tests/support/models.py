"""The real models that tests read; they are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NAMES = ("mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ic", "mlperf_tiny_ad", "mlperf_tiny_sww", "mcunet_vww1")
ROOT = Path(__file__).resolve().parents[2]


def model_path(name: str) -> Path:
    """The .tflite of that name under EDGEKIT_MODELS or ../shared/models; skips the test where it is absent."""
    folder = Path(os.environ.get("EDGEKIT_MODELS", ROOT.parent / "shared" / "models"))
    path = folder / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is absent: set EDGEKIT_MODELS to the folder that holds {name}.tflite")
    return path
