"""The compiler's input language: a graph of quantized tensors and operators."""

from .region import Box
from .types import Activation, Attrs, DType, Graph, Op, Quant, Shape, Tensor, TensorId

__all__ = ["Activation", "Attrs", "Box", "DType", "Graph", "Op", "Quant", "Shape", "Tensor", "TensorId"]
