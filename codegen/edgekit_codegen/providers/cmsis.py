"""CMSIS-NN as a provider: its functions compute whole layers, c/kernels/*_cmsis.h call them.

Weights stay in the order of the .tflite. An operator is offered where CMSIS-NN's arithmetic is the reference's,
whatever the input: sums, and what they are scaled by, keep within the range of its fixed-point steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ir.types import Graph, Op
from ..ops import add, convolution, fully_connected, linear, mul, pooling, softmax
from ..ops.attributes import DepthwiseConv2D
from ..ops.record import CValue, Kernel, Requant
from . import cmsis_scratch
from .offer import Offer, Provider

NAME = "cmsis-nn"

COMMIT = "99f736a63036613032f9b70de36b493bcd7802d4"
"""Of github.com/ARM-software/CMSIS-NN: what the headers, and the sizes of working memory, are written for."""

_MAX_SIDE = 1 << 16  # of an image; sizes are kept in uint16_t
_MAX_RIGHT = 30  # bits
_MAX_CLASSES = 255  # of a softmax: the shift of what they are divided by then stays below 31


def _scales(largest: npt.ArrayLike, multiplier_shift: npt.ArrayLike) -> bool:
    """Whether numbers up to that size, times 2^shift, stay within int32, and no shift to the right is too long."""
    shift = np.asarray(multiplier_shift, np.int64)
    shifted = np.asarray(largest, np.int64) << np.maximum(shift, 0)
    return bool((shifted < 1 << 31).all() and (shift >= -_MAX_RIGHT).all())


def _sides_fit(graph: Graph, op: Op) -> bool:
    shapes = graph.operand(op, 0).shape, graph.result(op).shape
    return all(side < _MAX_SIDE for shape in shapes for side in shape)


def _requant(graph: Graph, op: Op) -> Requant:
    """Of a convolution, with the plain bias: CMSIS-NN takes the input's zero point into account itself."""
    return linear.epilogue(
        convolution.bias(graph, op), convolution.matrix(graph, op), 0, convolution.factors(graph, op)
    )


def _convolution_applies(isa: str, graph: Graph, op: Op) -> bool:
    if isa == "mve" and not _padded_evenly(graph, op):
        return False
    return _sides_fit(graph, op) and _scales(convolution.largest(graph, op), _requant(graph, op).shift)


def _padded_evenly(graph: Graph, op: Op) -> bool:
    """Whether a convolution of a single row reads all of it without padding, or in steps of one pixel with as much of
    it on both sides, or one more behind it. With MVE, CMSIS-NN's function for single rows refuses others, or computes
    something else."""
    a, weights = convolution.attrs(op), cmsis_scratch.dense(graph, op)
    if weights is None or not cmsis_scratch.in_a_row(graph, op, weights):
        return True
    total, more = cmsis_scratch.padding_in_a_row(graph, op, weights[2])
    return total == 2 * a.padding.left + more and (total == 0 or a.stride[1] == 1)


def _convolution_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, x, out = convolution.attrs(op), graph.operand(op, 0), graph.result(op)
    limits = convolution.epilogue_params(graph, op)
    multiplier = {"conv.ch_mult": a.multiplier} if isinstance(a, DepthwiseConv2D) else {}
    return {
        "in": x.shape,
        "weights": graph.operand(op, 1).shape,
        "out": out.shape,
        "conv.input_offset": -x.zero_point,
        "conv.output_offset": out.zero_point,
        **multiplier,
        **_window(a.stride, (a.padding.top, a.padding.left), "conv"),
        "conv.dilation": a.dilation[::-1],
        "conv.activation": (_int(limits["act_min"]), _int(limits["act_max"])),
    }


def _convolution_weights(graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    data, requant = graph.operand(op, 1).data, _requant(graph, op)
    assert data is not None
    return _joined(requant.bias, requant.multiplier, requant.shift, data)


def _fully_connected_applies(graph: Graph, op: Op) -> bool:
    if fully_connected.weights_zero(graph, op) != 0:
        return False
    return _scales(fully_connected.largest(graph, op), fully_connected.plain_requant(graph, op).shift)


def _per_channel(graph: Graph, op: Op) -> bool:
    quant = graph.operand(op, 1).quant
    return quant is not None and quant.per_channel


def _fully_connected_params(isa: str, graph: Graph, op: Op) -> Mapping[str, CValue]:
    plain = fully_connected.params(graph, op)
    return {
        "batches": graph.result(op).elements // _int(plain["out_c"]),
        "in_c": plain["in_c"],
        "out_c": plain["out_c"],
        "fc.input_offset": -graph.operand(op, 0).zero_point,
        "fc.filter_offset": 0,
        "fc.output_offset": plain["out_zero"],
        "fc.activation": (_int(plain["act_min"]), _int(plain["act_max"])),
        "per_channel": int(_per_channel(graph, op)),
        "sums": int(isa == "mve"),
    }


def _fully_connected_weights(isa: str, graph: Graph, op: Op) -> npt.NDArray[np.int8]:
    matrix, folded, held = (
        fully_connected.matrix(graph, op),
        fully_connected.plain_requant(graph, op),
        graph.operands(op)[2],
    )
    bias = np.zeros(len(matrix), np.int32) if held is None or held.data is None else held.data.reshape(-1)
    scales = slice(None) if _per_channel(graph, op) else slice(1)
    sums = [folded.bias] if isa == "mve" else []
    return _joined(bias, folded.multiplier[scales], folded.shift[scales], *sums, matrix)


def _pool_applies(graph: Graph, op: Op) -> bool:
    return _sides_fit(graph, op)


def _pool_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    a, plain = pooling.attrs(op), pooling.params(graph, op)
    return {
        "in": graph.operand(op, 0).shape,
        "window": (1, *a.kernel, 1),
        "out": graph.result(op).shape,
        **_window(a.stride, (a.padding.top, a.padding.left), "pool"),
        "pool.activation": (_int(plain["act_min"]), _int(plain["act_max"])),
    }


def _alike(graph: Graph, op: Op) -> bool:
    """Whether nothing is broadcast."""
    return graph.operand(op, 0).shape == graph.operand(op, 1).shape


def _add_applies(graph: Graph, op: Op) -> bool:
    plain = add.params(graph, op)
    shifts = plain["in_shift"], plain["out_shift"]
    return _alike(graph, op) and all(_scales(1 << 29, s) for s in shifts)


def _add_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return _elementwise(graph, op, add.params(graph, op), skip=(*_WALK, "sign"))


def _mul_applies(graph: Graph, op: Op) -> bool:
    return _alike(graph, op) and _scales(255 * 255, _int(mul.params(graph, op)["shift"]))


def _mul_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    return _elementwise(graph, op, mul.params(graph, op), skip=_WALK)


_WALK = ("channels", "pixel_step", "channel_step", "run")


def _elementwise(graph: Graph, op: Op, plain: Mapping[str, CValue], skip: tuple[str, ...]) -> Mapping[str, CValue]:
    kept = {name: value for name, value in plain.items() if name not in skip}
    return {"elements": graph.result(op).elements, **kept}


def _softmax_applies(graph: Graph, op: Op) -> bool:
    return graph.result(op).shape[-1] <= _MAX_CLASSES


def _softmax_params(graph: Graph, op: Op) -> Mapping[str, CValue]:
    plain = softmax.params(graph, op)
    return {"vectors": graph.result(op).elements // _int(plain["channels"]), **plain}


def _window(stride: tuple[int, int], padding: tuple[int, int], prefix: str) -> Mapping[str, CValue]:
    """(pixels, rows), as CMSIS-NN has them."""
    return {f"{prefix}.stride": stride[::-1], f"{prefix}.padding": padding[::-1]}


def _joined(*parts: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """The parts one behind the other, those of int32 in the byte order of the cores."""
    whole = (p.astype("<i4").view(np.int8) if p.dtype == np.int32 else p.reshape(-1) for p in parts)
    return np.concatenate(list(whole))


def _int(value: CValue) -> int:
    assert isinstance(value, int)
    return value


def _no_weights(graph: Graph, op: Op) -> None:
    return None


def _provider(isa: str) -> Provider:
    def offer(
        kind: str,
        applies: Callable[[Graph, Op], bool],
        params: Callable[[Graph, Op], Mapping[str, CValue]],
        weights: Callable[[Graph, Op], npt.NDArray[Any] | None] = _no_weights,
        scratch: Callable[[str, Graph, Op], int] = cmsis_scratch.none,
    ) -> Offer:
        name = f"ek_{kind}_cmsis"
        kernel = Kernel(
            f"{kind}_cmsis.h", name, f"{name}_t", params, weights, once=partial(scratch, isa), provider=NAME
        )
        return Offer(applies, kernel)

    convolutions = partial(_convolution_applies, isa), _convolution_params, _convolution_weights
    dense = partial(_fully_connected_params, isa), partial(_fully_connected_weights, isa)
    return {
        "conv2d": offer("conv2d", *convolutions, cmsis_scratch.conv2d),
        "depthwise_conv2d": offer("depthwise_conv2d", *convolutions, cmsis_scratch.depthwise_conv2d),
        "fully_connected": offer("fully_connected", _fully_connected_applies, *dense),
        "average_pool2d": offer("average_pool2d", _pool_applies, _pool_params, scratch=cmsis_scratch.average_pool2d),
        "max_pool2d": offer("max_pool2d", _pool_applies, _pool_params),
        "add": offer("add", _add_applies, _add_params),
        "mul": offer("mul", _mul_applies, _mul_params),
        "softmax": offer("softmax", _softmax_applies, _softmax_params),
    }


PROVIDERS: Mapping[str, Provider] = {isa: _provider(isa) for isa in ("scalar", "mve", "v6m")}
"""By Target.isa."""
