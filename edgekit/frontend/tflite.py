"""A .tflite file as a graph. Whatever is wrong with the file ends in a ModelError that says where and what to do."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit_codegen import reference
from edgekit_codegen.errors import CodegenError
from edgekit_codegen.ir import Graph, Op, Tensor
from edgekit_codegen.ir.verify import check_operator, verify

from ..errors import ModelError
from . import container as file
from . import shape_arithmetic
from .container import Container, RawOperator
from .limits import check_size
from .operators import TRANSLATIONS, translate
from .shape_arithmetic import FOLDED_NAMES
from .source import INSPECT_HINT, Source
from .tensors import check_fixed, convert


def parse(data: bytes, name: str) -> Graph:
    """The model in a .tflite file's bytes as a verified graph; tensors keep the file's indices as ids.

    Raises ModelError: `tflite.*` for a broken container, `tensor.*` and `operator.*` for what is not supported, and
    the compiler's own codes (`op.*`, `unsupported.*`, `graph.*`) for what the operator table refuses, and `model.size`.
    """
    model = file.read(data)
    _refuse_unsupported(model)
    for index in model.inputs:
        check_fixed(model.tensors[index])
    tensors: dict[int, Tensor] = {}
    ops: list[Op] = []
    for operator in model.operators:
        tensors.update(operands(model, operator, tensors))
        lowered = lower(model, operator, tensors)
        tensors.update(lowered.tensors)
        ops += lowered.ops
    for index in (*model.inputs, *model.outputs):
        tensors.setdefault(index, convert(model.tensors[index]))
    _check_order(model, ops, tensors)
    for index in model.outputs:
        if tensors[index].is_constant:
            raise ModelError(
                "unsupported.constant_output",
                f"output {index} ('{tensors[index].name}') only depends on constants",
                "remove this output from the model; the application knows its value",
            )
    used = {i for op in ops for i in (*op.inputs, *op.outputs) if i is not None} | {*model.inputs, *model.outputs}
    graph = Graph(name, {i: tensors[i] for i in sorted(used)}, tuple(ops), model.inputs, model.outputs)
    try:
        verify(graph, "reading the model")
    except CodegenError as error:
        raise ModelError(error.code, error.message, error.hint or INSPECT_HINT) from error
    check_size(graph)
    return graph


def operands(model: Container, operator: RawOperator, known: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """The tensors that an operator names, by index. Raises ModelError (`tensor.*`), naming the operator as well."""
    indices = [i for i in (*operator.inputs, *operator.outputs) if i is not None]
    try:
        return {i: known[i] if i in known else convert(model.tensors[i]) for i in indices}
    except ModelError as error:
        raise ModelError(error.code, f"{model.describe(operator)}: {error.message}", error.hint) from error


@dataclass(frozen=True, slots=True)
class Lowered:
    """What one operator of the file becomes.

    ops      the graph's operators, in order; none where the result is a constant
    tensors  those between them, and outputs that became constants, by id
    """

    ops: tuple[Op, ...]
    tensors: Mapping[int, Tensor]


def lower(model: Container, operator: RawOperator, tensors: Mapping[int, Tensor]) -> Lowered:
    """The graph's operators for one of the file's, each accepted by the operator table on its own; what only depends
    on constants is computed. Raises ModelError, naming the operator.
    """
    source = Source(model, operator, tensors)
    folded = shape_arithmetic.fold(source)
    if folded is not None:
        return Lowered((), folded)
    ops = translate(source)
    known = ChainMap(source.intermediate, dict(tensors))
    left = []
    for op in ops:
        alone = single(op, known)
        try:
            check_operator(alone, op)
        except CodegenError as error:
            message = error.message.removeprefix(f"{op.kind} (operator {operator.index}): ")
            raise source.error(error.code, message, error.hint) from error
        if alone.inputs:
            left.append(op)
        else:
            (value,) = reference.run(alone, ())
            known[op.outputs[0]] = replace(alone.result(op), data=value)
    return Lowered(tuple(left), dict(source.intermediate))


def single(op: Op, tensors: Mapping[int, Tensor]) -> Graph:
    """A graph of one operator, for the rules that look at nothing else."""
    named = {i for i in (*op.inputs, *op.outputs) if i is not None}
    inputs = tuple(i for i in op.inputs if i is not None and tensors[i].data is None)
    return Graph("single", {i: tensors[i] for i in named}, (op,), inputs, op.outputs)


def _refuse_unsupported(model: Container) -> None:
    """Raise ModelError for the first operator without a translation, and name the others."""
    refused = [operator for operator in model.operators if operator.name not in {*TRANSLATIONS, *FOLDED_NAMES}]
    if not refused:
        return
    try:
        translate(Source(model, refused[0], {}))
    except ModelError as error:
        others = ", ".join(f"{o.index} {o.name}" for o in refused[1:9])
        more = f"; so are operators {others}{' and more' if len(refused) > 9 else ''}" if others else ""
        raise ModelError(error.code, error.message + more, error.hint) from None


def _check_order(model: Container, ops: Sequence[Op], tensors: Mapping[int, Tensor]) -> None:
    """Raise ModelError (`operator.order`) when an operator reads what is not there yet, or writes what is."""
    written = {*model.inputs, *(i for i, t in tensors.items() if t.is_constant)}
    for op in ops:
        early = next((i for i in op.inputs if i is not None and i not in written), None)
        again = next((i for i in op.outputs if i in written), None)
        if early is not None or again is not None:
            what = (
                f"writes tensor {again} a second time"
                if early is None
                else f"reads tensor {early} before it is written"
            )
            raise ModelError(
                "operator.order",
                f"{model.describe(model.operators[op.origin[0]])}: {what}",
                "the file is damaged, or the model keeps state between inferences: pass the state as input and output",
            )
        written.update(op.outputs)
