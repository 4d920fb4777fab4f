"""From pictures and stored samples to a model's input tensor, exactly, on the host.

The arithmetic is float64 with one rounding at the end, so that every run, test and platform gets the same bytes:

    real   = pixel * scale + offset            per channel, or one value for all
    stored = clamp(round(real / s) + z)        round half away from zero; s and z are the tensor's
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit_codegen.ir import DType, Tensor

from .config.project import InputConfig
from .errors import ConfigError, ModelError, UsageError


def to_tensor(real: npt.NDArray[np.float64], tensor: Tensor) -> npt.NDArray[Any]:
    """Real values in the tensor's element type and shape; int8 is quantized, float32 is cast."""
    if real.size != tensor.elements:
        raise ModelError(
            "input.shape",
            f"the input has {real.size} values of shape {list(real.shape)}, the model expects {list(tensor.shape)}",
            "check [input] resize and layout in edgekit.toml, or the shape of the array",
        )
    shaped = real.reshape(tensor.shape)
    if tensor.dtype is DType.FLOAT32:
        return shaped.astype(np.float32)
    if tensor.quant is None:
        raise ModelError("input.type", f"the input {tensor.name} is {tensor.dtype.value} without a scale")
    stored = round_half_away(shaped / tensor.scale) + tensor.zero_point
    info = np.iinfo(tensor.dtype.numpy)
    return np.clip(stored, info.min, info.max).astype(tensor.dtype.numpy)


def round_half_away(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round to the nearest integer, ties away from zero, as C's round()."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def scaled(pixels: npt.NDArray[Any], scale: Sequence[float], offset: Sequence[float]) -> npt.NDArray[np.float64]:
    """pixel * scale + offset over the last dimension."""
    result: npt.NDArray[np.float64] = pixels.astype(np.float64) * np.asarray(scale) + np.asarray(offset)
    return result


def image(path: Path, config: InputConfig, tensor: Tensor) -> npt.NDArray[Any]:
    """A picture file as the model's input tensor, resized and normalised as [input] in edgekit.toml says.

    The picture is resized with a bilinear filter only when its size differs from `resize`.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise UsageError("input.no_pillow", f"reading {path} needs Pillow", "pip install 'edgekit[images]'") from None
    mode = {"gray": "L", "rgb": "RGB"}[config.layout]
    try:
        with Image.open(path) as opened:
            picture = opened.convert(mode)
    except FileNotFoundError:
        raise UsageError("input.missing", f"no such file: {path}") from None
    except (UnidentifiedImageError, OSError) as error:
        raise UsageError("input.unreadable", f"{path} is not a picture that Pillow can read: {error}") from None
    if config.resize is not None:
        height, width = config.resize
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=np.uint8)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    channels = pixels.shape[2]
    for key, values in (("scale", config.scale), ("offset", config.offset)):
        if len(values) not in (1, channels):
            raise ConfigError(
                "config.value", f"[input] {key} has {len(values)} values, the picture has {channels} channels"
            )
    return to_tensor(scaled(pixels, config.scale, config.offset), tensor)


def array(path: Path, tensor: Tensor) -> npt.NDArray[Any]:
    """A .npy file as the model's input tensor: int8 as it is, floats quantized with the tensor's parameters."""
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UsageError("input.missing", f"no such file: {path}") from None
    except (OSError, ValueError, EOFError) as error:
        raise UsageError("input.unreadable", f"{path} is not a NumPy array file: {error}") from None
    if not isinstance(values, np.ndarray):
        raise UsageError("input.unreadable", f"{path} holds several arrays; one .npy file is one input")
    if values.dtype == tensor.dtype.numpy:
        if values.size != tensor.elements:
            return to_tensor(values.astype(np.float64), tensor)
        return values.reshape(tensor.shape)
    if values.dtype.kind == "f":
        return to_tensor(values.astype(np.float64), tensor)
    raise UsageError(
        "input.type",
        f"{path} holds {values.dtype}, the model's input {tensor.name} is {tensor.dtype.value}",
        "give the model's own type, or real values as float32 or float64",
    )
