"""Float inputs and outputs that the file only wraps around an int8 model, taken off."""

from __future__ import annotations

from dataclasses import replace

from edgekit_codegen.errors import CodegenError
from edgekit_codegen.ir import DType, Graph, Op
from edgekit_codegen.ir.verify import verify

from ..errors import ModelError
from .source import INSPECT_HINT


def strip_float_edges(graph: Graph) -> Graph:
    """The same model with int8 inputs and outputs: QUANTIZE at the entry and DEQUANTIZE at the exit removed.

    The caller then quantizes with the new input's scale and zero point. Raises ModelError (`model.float_io`) when an
    input or output is float32 for another reason.
    """
    for position, ident in enumerate(graph.inputs):
        consumers = graph.consumers(ident)
        if graph.tensors[ident].dtype is DType.FLOAT32 and len(consumers) == 1 and consumers[0].kind == "quantize":
            graph = _without(graph, consumers[0], position, None)
    for position, ident in enumerate(graph.outputs):
        producer = graph.producer(ident)
        if producer is not None and producer.kind == "dequantize" and not graph.consumers(ident):
            inner = producer.inputs[0]
            if inner is not None and graph.producer(inner) is not None and inner not in graph.outputs:
                graph = _without(graph, producer, None, position)
    for ident in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[ident]
        if tensor.dtype is DType.FLOAT32:
            raise ModelError(
                "model.float_io",
                f"tensor {ident} ({tensor.name}, {list(tensor.shape)}) stays float32: no QUANTIZE or DEQUANTIZE of its"
                " own stands at this edge",
                "keep the model's float input and output (--io model), or export it with int8 ones",
            )
    try:
        return verify(graph, "removing the float edges")
    except CodegenError as error:
        raise ModelError(error.code, error.message, error.hint or INSPECT_HINT) from error


def _without(graph: Graph, op: Op, as_input: int | None, as_output: int | None) -> Graph:
    """The graph without a conversion at its edge; its other side becomes the input or output of that position."""
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    if as_input is not None:
        inputs[as_input] = op.outputs[0]
    if as_output is not None and op.inputs[0] is not None:
        outputs[as_output] = op.inputs[0]
    edges = replace(graph, inputs=tuple(inputs), outputs=tuple(outputs))
    return edges.with_ops(tuple(o for o in graph.ops if o is not op))
