"""The models that benchmarks run: the example's own, and the real ones where they are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REAL = ("mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ic", "mlperf_tiny_ad", "mlperf_tiny_sww", "mcunet_vww1")


def models() -> dict[str, Path]:
    """Name -> file; the real ones from EDGEKIT_MODELS or ../shared/models, and only those that are there."""
    folder = Path(os.environ.get("EDGEKIT_MODELS", ROOT.parent / "shared" / "models"))
    every = {"digits": ROOT / "examples" / "digits" / "digits.tflite"}
    every |= {name: folder / f"{name}.tflite" for name in REAL}
    return {name: path for name, path in every.items() if path.is_file()}
