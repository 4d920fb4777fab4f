"""Names for people: tensors and shapes as messages, comments and pictures show them."""

from __future__ import annotations

from .ir.types import Tensor

LENGTH = 48


def short_name(tensor: Tensor) -> str:
    """The tensor's name without what converters append to it, at most LENGTH characters, printable ASCII."""
    name = tensor.name.split(";")[0]
    name = "".join(c if " " <= c <= "~" else "?" for c in name) or f"tensor {tensor.id}"
    return name if len(name) <= LENGTH else "..." + name[-(LENGTH - 3) :]


def dimensions(tensor: Tensor) -> str:
    """The shape without its batch of one: 24x24x16, 640."""
    shape = tensor.shape[1:] if len(tensor.shape) > 1 and tensor.shape[0] == 1 else tensor.shape
    return "x".join(str(d) for d in shape) or "1"
