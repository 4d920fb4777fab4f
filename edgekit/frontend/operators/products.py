"""Products of matrices, and what normalises their rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from edgekit_codegen.ir import Activation, Op, Tensor
from edgekit_codegen.ops.attributes import BatchMatmul, FullyConnected, LogSoftmax, Reshape, Softmax

from ..source import Source
from .record import Translation


def _fully_connected(source: Source) -> tuple[Op, ...]:
    options = source.options_or_none("FullyConnectedOptions")
    if options is not None and options["weights_format"] != 0:
        raise source.error(
            "operator.options", "its weights are in a shuffled order", "export without an accelerator's weight format"
        )
    keep_dims = options is not None and bool(options["keep_num_dims"])
    attrs = FullyConnected(keep_dims=keep_dims, activation=source.activation(options))
    op = source.op("fully_connected", attrs, inputs=3, optional=1)
    x, weights = source.input(0), source.input(1)
    if not weights.is_constant:
        return _product(source, op, x, weights, attrs)
    if not weights.shape:
        return (op,)
    depth, (_, pixels, channels) = weights.shape[-1], x.hwc
    if depth % (pixels * channels) and (pixels * channels) % depth:
        vectors, reshaped = _vectors(source, x, depth)
        return reshaped, replace(op, inputs=(vectors.id, *op.inputs[1:]))
    return (op,)


def _vectors(source: Source, x: Tensor, depth: int) -> tuple[Tensor, Op]:
    """x as [batch, depth]."""
    if x.elements % depth:
        raise source.error("operator.shape", f"the {x.elements} elements of its input are no multiple of {depth}")
    vectors = source.new_tensor(x, (x.elements // depth, depth))
    return vectors, source.step("reshape", (x,), vectors, Reshape())


def _product(source: Source, op: Op, x: Tensor, weights: Tensor, attrs: FullyConnected) -> tuple[Op, ...]:
    """Weights that are computed: the vectors times a transposed matrix."""
    if len(weights.shape) != 2:
        raise source.error("operator.shape", f"its weights have rank {len(weights.shape)}, not 2")
    if op.inputs[2] is not None or attrs.activation is not Activation.NONE:
        raise source.error(
            "operator.inputs",
            "its weights are computed by the model, which is only supported without bias and activation",
            "use a BATCH_MATMUL, and an ADD and a RELU behind it",
        )
    vectors, reshaped = _vectors(source, x, weights.shape[1])
    product = source.new_tensor(source.output(), (vectors.shape[0], weights.shape[0]))
    return (
        reshaped,
        source.step("batch_matmul", (vectors, weights), product, BatchMatmul(adj_y=True)),
        source.step("reshape", (product,), source.output(), Reshape()),
    )


def _softmax(source: Source) -> Op:
    beta = float(source.options("SoftmaxOptions")["beta"])
    if not (math.isfinite(beta) and beta > 0.0):
        raise source.error("operator.options", f"its beta {beta} is not a positive number", "use a softmax of beta 1")
    return source.op("softmax", Softmax(beta), inputs=1)


def _batch_matmul(source: Source) -> Op:
    options = source.options_or_none("BatchMatMulOptions")
    attrs = BatchMatmul(options is not None and bool(options["adj_x"]), options is not None and bool(options["adj_y"]))
    return source.op("batch_matmul", attrs, inputs=2)


TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        "FULLY_CONNECTED": Translation(_fully_connected, (2, 3)),
        "BATCH_MATMUL": Translation(_batch_matmul, (2, 2)),
        "LOG_SOFTMAX": Translation(lambda source: source.op("log_softmax", LogSoftmax(), inputs=1), (1, 1)),
        "SOFTMAX": Translation(_softmax, (1, 1)),
    }
)
