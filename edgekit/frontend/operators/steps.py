"""Several operators of the graph for one of the file's, with views where shapes have to change in between."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit_codegen.ir import Attrs, Op, Shape, Tensor
from edgekit_codegen.ops.attributes import Reshape

from ..source import Source


class Steps:
    """The operators of one translation, in order."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._ops: list[Op] = []

    def done(self) -> tuple[Op, ...]:
        return tuple(self._ops)

    def add(
        self, kind: str, attrs: Attrs, inputs: Sequence[Tensor], shape: Shape, into: Tensor | None = None
    ) -> Tensor:
        """An operator and its result of that shape, quantized as input 0.

        into  the file's tensor that takes the result, through a view where its shape is another
        """
        if into is not None and into.shape == shape:
            self._ops.append(self.source.step(kind, inputs, into, attrs))
            return into
        result = self.source.new_tensor(inputs[0] if into is None else into, shape)
        self._ops.append(self.source.step(kind, inputs, result, attrs))
        return result if into is None else self.view(result, into)

    def view(self, x: Tensor, into: Tensor) -> Tensor:
        """A tensor's elements as those of one of the file's."""
        self._ops.append(self.source.step("reshape", [x], into, Reshape()))
        return into

    def shaped(self, x: Tensor, shape: Shape) -> Tensor:
        """A tensor's elements under another shape; a constant's are its data."""
        if x.shape == shape:
            return x
        if x.data is not None:
            return self.source.new_tensor(x, shape, x.data.reshape(shape))
        return self.add("reshape", Reshape(), [x], shape)


def require_shape(source: Source, output: Tensor, shape: Sequence[int]) -> None:
    """Raise ModelError (`operator.shape`) where the file says another shape than the operator gives."""
    if output.shape != tuple(shape):
        raise source.error(
            "operator.shape",
            f"its output should have shape {list(shape)} but has {list(output.shape)}",
            "export the model again with a fixed input shape",
        )


def dimension(source: Source, axis: int, rank: int) -> int:
    """A dimension counted from the front. Raises ModelError (`operator.parameter`) when there is no such dimension."""
    if not -rank <= axis < rank:
        raise source.error("operator.parameter", f"there is no dimension {axis} in rank {rank}")
    return axis % rank
