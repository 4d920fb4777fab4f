"""What a translation function sees of one operator, with the errors it raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from edgekit_codegen.ir import Activation, Attrs, Op, Shape, Tensor

from ..errors import ModelError
from .container import Container, RawOperator
from .flatbuffer import Record

_ACTIVATIONS: Mapping[int, Activation] = {
    0: Activation.NONE,
    1: Activation.RELU,
    2: Activation.RELU_N1_TO_1,
    3: Activation.RELU6,
}
INSPECT_HINT = "edgekit inspect MODEL shows every operator; if the model runs elsewhere, please report it"
"""What to do where nothing more particular is known."""

_REFUSED_ACTIVATIONS: Mapping[int, str] = {4: "TANH", 5: "SIGN_BIT"}


@dataclass(frozen=True, slots=True)
class Source:
    """One operator of the file and the tensors it names.

    tensors       by the file's index
    intermediate  tensors that the file does not have, made by `new_tensor`, by id; ids go on where the file's end
    """

    container: Container
    operator: RawOperator
    tensors: Mapping[int, Tensor]
    intermediate: dict[int, Tensor] = field(default_factory=dict)

    def error(self, code: str, message: str, hint: str = "") -> ModelError:
        """A ModelError that names the operator, its index and its shapes."""
        return ModelError(code, f"{self.container.describe(self.operator)}: {message}", hint or INSPECT_HINT)

    def input(self, position: int) -> Tensor:
        """An input that must be there. Raises ModelError (`operator.inputs`)."""
        inputs = self.operator.inputs
        ident = inputs[position] if position < len(inputs) else None
        if ident is None:
            raise self.error("operator.inputs", f"input {position} is missing")
        return self.tensors[ident]

    def output(self, position: int = 0) -> Tensor:
        return self.tensors[self.operator.outputs[position]]

    def new_tensor(self, like: Tensor, shape: Shape, data: npt.NDArray[Any] | None = None) -> Tensor:
        """A tensor between two operators that one of the file's becomes, or a constant of theirs: named, typed and
        quantized as another one."""
        ident = max(len(self.container.tensors), *(i + 1 for i in self.tensors)) + len(self.intermediate)
        self.intermediate[ident] = replace(like, id=ident, shape=shape, data=data)
        return self.intermediate[ident]

    def axis(self, axis: int) -> int:
        """A dimension of input 0 counted from the front. Raises ModelError when there is no such dimension."""
        rank = len(self.input(0).shape)
        if not -rank <= axis < rank:
            raise self.error("operator.parameter", f"there is no dimension {axis} in rank {rank}")
        return axis % rank

    def parameter(self, position: int, what: str) -> tuple[int, ...]:
        """The integers of an input that must be constant, in C order. Raises ModelError (`operator.parameter`)."""
        tensor = self.input(position)
        if tensor.data is None:
            raise self.error(
                "operator.parameter",
                f"its {what} (input {position}) is computed by the model, not constant",
                "fix the input's shape before exporting, so that the converter can fold it",
            )
        if tensor.dtype.value not in ("int32", "int64") or tensor.elements > 64:
            found = f"{tensor.dtype.value}{list(tensor.shape)}"
            raise self.error("operator.parameter", f"its {what} (input {position}) is {found}, not a few integers")
        return tuple(int(v) for v in tensor.data.reshape(-1))

    def options(self, name: str) -> Record:
        """The fields of the options table. Raises ModelError (`operator.options`) when absent or of another kind."""
        options = self.operator.options
        if options is None or options[0] != name or options[1] is None:
            found = "none" if options is None else options[0]
            raise self.error("operator.options", f"needs {name}, the file has {found}", "export the model again")
        return options[1]

    def options_or_none(self, name: str) -> Record | None:
        """As `options`, but None where the file has none: every field then takes its default."""
        return None if self.operator.options is None else self.options(name)

    def activation(self, options: Record | None) -> Activation:
        """The fused activation. Raises ModelError (`operator.activation`) for one that is not a clamp."""
        value = 0 if options is None else int(options["fused_activation_function"])
        if value not in _ACTIVATIONS:
            raise self.error(
                "operator.activation",
                f"the fused activation {_REFUSED_ACTIVATIONS.get(value, value)} is not supported",
                "use RELU, RELU6 or RELU_N1_TO_1, or none",
            )
        return _ACTIVATIONS[value]

    def op(self, kind: str, attrs: Attrs, inputs: int, optional: int = 0) -> Op:
        """The graph's operator over the first `inputs` inputs, the last `optional` of which may be absent."""
        required = tuple(self.input(i).id for i in range(inputs - optional))
        rest = self.operator.inputs[inputs - optional : inputs]
        padded = (*required, *rest, *(None,) * (optional - len(rest)))
        return Op(kind, padded, (self.output().id,), attrs, (self.operator.index,))

    def step(self, kind: str, inputs: Sequence[Tensor], output: Tensor, attrs: Attrs) -> Op:
        """One of several operators that the file's operator becomes."""
        return Op(kind, tuple(t.id for t in inputs), (output.id,), attrs, (self.operator.index,))
