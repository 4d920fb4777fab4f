"""Pictures and arrays become input tensors exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit import preprocess
from edgekit.config.project import InputConfig
from edgekit.errors import ConfigError, ModelError, UsageError
from edgekit_codegen.ir import DType, Quant, Tensor


def tensor(shape: tuple[int, ...], scale: float = 0.5, zero_point: int = -3) -> Tensor:
    return Tensor(0, "x", shape, DType.INT8, Quant((scale,), (zero_point,)))


def test_rounds_half_away_from_zero_and_saturates() -> None:
    real = np.array([0.25, 0.75, -0.25, -0.75, 1e9, -1e9])
    assert preprocess.to_tensor(real, tensor((6,))).tolist() == [-2, -1, -4, -5, 127, -128]


def test_a_float_input_keeps_its_values() -> None:
    plain = Tensor(0, "x", (2,), DType.FLOAT32)
    assert preprocess.to_tensor(np.array([0.1, 2.0]), plain).dtype == np.float32


def test_a_picture_is_scaled_per_channel_and_quantized(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    pillow.fromarray(pixels).save(tmp_path / "x.png")
    config = InputConfig(layout="rgb", scale=(1.0, 0.5, 0.25), offset=(0.0, 1.0, 2.0))
    stored = preprocess.image(tmp_path / "x.png", config, tensor((1, 2, 2, 3)))
    real = pixels * np.array([1.0, 0.5, 0.25]) + np.array([0.0, 1.0, 2.0])
    assert np.array_equal(stored[0], np.floor(real / 0.5 + 0.5) - 3)


def test_a_picture_of_another_size_is_resized_only_on_request(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(ModelError, match="24 values"):
        preprocess.image(tmp_path / "x.png", InputConfig(layout="gray"), tensor((1, 2, 2, 1)))
    resized = preprocess.image(tmp_path / "x.png", InputConfig(layout="gray", resize=(2, 2)), tensor((1, 2, 2, 1)))
    assert resized.shape == (1, 2, 2, 1)


def test_wrong_channel_counts_and_unreadable_files_are_named(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(ConfigError, match="3 values"):
        preprocess.image(tmp_path / "x.png", InputConfig(layout="gray", scale=(1.0,) * 3), tensor((1, 2, 2, 1)))
    (tmp_path / "y.png").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match=r"y\.png"):
        preprocess.image(tmp_path / "y.png", InputConfig(), tensor((1, 2, 2, 3)))


def test_arrays_are_taken_as_stored_or_quantized_and_never_reinterpreted(tmp_path: Path) -> None:
    np.save(tmp_path / "stored.npy", np.array([1, -2], np.int8))
    assert preprocess.array(tmp_path / "stored.npy", tensor((2,))).tolist() == [1, -2]
    np.save(tmp_path / "real.npy", np.array([1.0, 2.0], np.float32))
    assert preprocess.array(tmp_path / "real.npy", tensor((2,))).tolist() == [-1, 1]
    np.save(tmp_path / "other.npy", np.array([1, 2], np.int32))
    with pytest.raises(UsageError, match="int32"):
        preprocess.array(tmp_path / "other.npy", tensor((2,)))
    np.save(tmp_path / "size.npy", np.zeros(3, np.int8))
    with pytest.raises(ModelError, match="3 values"):
        preprocess.array(tmp_path / "size.npy", tensor((2,)))
    np.savez(tmp_path / "many.npy.npz", a=np.zeros(2))
    with pytest.raises(UsageError, match="several"):
        preprocess.array(tmp_path / "many.npy.npz", tensor((2,)))
