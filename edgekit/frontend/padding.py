"""SAME padding as explicit numbers, for the frontend and the exporter."""

from __future__ import annotations


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """(before, after) of SAME padding along one dimension: ceil(size / stride) outputs, the odd element after."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
