"""What is in a model file, also where not everything in it is supported."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_codegen.ir import Tensor
from edgekit_codegen.ops import TABLE

from ..errors import ModelError
from . import container as file
from .container import Container, RawOperator, RawTensor
from .tflite import lower, operands, parse, single


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as the file has it.

    index       in the file's tensor table
    dtype       element type in lower case
    scale       real value per step; one per tensor or one per slice along `axis`; empty when not quantized
    bytes       of the constant's data; 0 for an activation
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    constant: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """One operator.

    name       the file's name for it; "CUSTOM:name" for a custom one
    kind       edgekit's name, several joined by " + ", or None when unsupported
    attributes in a few words ("3x3/2 relu6"); empty when unsupported
    macs       multiply-accumulates; None when unsupported
    code, reason, hint  why it is unsupported and what to do; empty when supported
    """

    index: int
    name: str
    inputs: tuple[TensorInfo | None, ...]
    outputs: tuple[TensorInfo, ...]
    supported: bool
    kind: str | None = None
    attributes: str = ""
    macs: int | None = None
    code: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model file.

    file_bytes  size of the file
    weights     bytes of the constants that operators read, each counted once
    macs        of the supported operators
    problems    what is wrong with the model as a whole; empty when it can be compiled
    """

    name: str
    file_bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: tuple[OperatorInfo, ...]
    weights_bytes: int
    macs: int
    problems: tuple[ModelError, ...]

    @property
    def supported(self) -> bool:
        return not self.problems


def inspect_bytes(data: bytes, name: str) -> Inspection:
    """Every operator of a .tflite file, supported or not. Raises ModelError (`tflite.*`) when it is not one."""
    model = file.read(data)
    known: dict[int, Tensor] = {}
    operators = tuple(_operator(model, operator, known) for operator in model.operators)
    problems = []
    try:
        parse(data, name)
    except ModelError as error:
        problems.append(error)
    constants = {t.index: t for o in operators for t in o.inputs if t is not None and t.constant}
    return Inspection(
        name=name,
        file_bytes=len(data),
        inputs=tuple(_tensor(model.tensors[i]) for i in model.inputs),
        outputs=tuple(_tensor(model.tensors[i]) for i in model.outputs),
        operators=operators,
        weights_bytes=sum(t.bytes for t in constants.values()),
        macs=sum(o.macs or 0 for o in operators),
        problems=tuple(problems),
    )


def _operator(model: Container, operator: RawOperator, computed: dict[int, Tensor]) -> OperatorInfo:
    """computed: constants that operators gave so far, by tensor; this one's are added."""
    inputs = tuple(None if i is None else _tensor(model.tensors[i]) for i in operator.inputs)
    outputs = tuple(_tensor(model.tensors[i]) for i in operator.outputs)
    try:
        tensors = operands(model, operator, computed)
        lowered = lower(model, operator, tensors)
    except ModelError as error:
        reason = error.message.removeprefix(f"{model.describe(operator)}: ")
        return OperatorInfo(
            operator.index, operator.name, inputs, outputs, False, code=error.code, reason=reason, hint=error.hint
        )
    computed.update((i, t) for i, t in lowered.tensors.items() if t.is_constant)
    known = {**tensors, **lowered.tensors}
    steps = [(TABLE[op.kind], single(op, known), op) for op in lowered.ops]
    kind = " + ".join(op.kind for op in lowered.ops) or "constant"
    attributes = "; ".join(filter(None, (record.describe(alone, op) for record, alone, op in steps)))
    macs = sum(record.macs(alone, op) for record, alone, op in steps)
    return OperatorInfo(operator.index, operator.name, inputs, outputs, True, kind, attributes, macs)


def _tensor(raw: RawTensor) -> TensorInfo:
    q = raw.quantization
    return TensorInfo(
        index=raw.index,
        name=raw.name,
        shape=raw.shape,
        dtype=raw.type,
        scale=() if q is None else q.scale,
        zero_point=() if q is None else q.zero_point,
        axis=0 if q is None else q.axis,
        constant=raw.data is not None,
        bytes=0 if raw.data is None else len(raw.data),
    )
