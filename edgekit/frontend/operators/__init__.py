"""The file's operators as the graph's, one translation per operator, in one module per family.

What only concerns the file is settled here: padding modes become numbers, parameters that arrive as constant tensors
become attributes. Whether the result can be computed is the operator table's question, not this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op

from ..source import Source
from . import elementwise, movement, products, reductions, windows
from .record import Translation

TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        name: translation
        for family in (windows, products, elementwise, reductions, movement)
        for name, translation in family.TRANSLATIONS.items()
    }
)


def translate(source: Source) -> tuple[Op, ...]:
    """The graph's operators, in order. Raises ModelError (`operator.*`), naming the operator and what to do."""
    name = source.operator.name
    if name not in TRANSLATIONS:
        raise source.error("operator.unsupported", "this operator is not supported", unsupported_hint(name))
    entry = TRANSLATIONS[name]
    for code, what, given, (least, most) in (
        ("operator.inputs", "inputs", len(source.operator.inputs), entry.inputs),
        ("operator.outputs", "outputs", len(source.operator.outputs), entry.outputs),
    ):
        if not least <= given <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            raise source.error(code, f"{given} {what} instead of {expected}")
    result = entry.translate(source)
    return result if isinstance(result, tuple) else (result,)


def unsupported_hint(name: str) -> str:
    """What to do about an operator that has no translation."""
    if name.startswith("CUSTOM"):
        return "custom operators cannot be compiled; rebuild the model from builtin operators"
    remedy = _REMEDIES.get(name, "replace it in the model")
    return f"{remedy}; supported are {', '.join(sorted(TRANSLATIONS))}"


_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "HARD_SWISH": "use RELU6 as the activation",
        "LOGISTIC": "use RELU6 as the activation, or leave the sigmoid to the application",
        "TANH": "use RELU6 or RELU_N1_TO_1 as the activation",
        "LEAKY_RELU": "use RELU as the activation",
        "PRELU": "use RELU as the activation",
        "ELU": "use RELU as the activation",
        "GELU": "use RELU as the activation",
        "L2_NORMALIZATION": "leave the normalisation to the application",
        "ARG_MAX": "end the model at the scores and take the largest in the application",
        "SUM": "use a mean and fold the factor into the next layer",
        "PADV2": "pad with zero, so that the converter writes PAD",
        "MIRROR_PAD": "pad with zero",
        "SQUEEZE": "use a reshape",
        "EXPAND_DIMS": "use a reshape",
        "SHAPE": "fix the input's shape before exporting, so that the converter folds it",
        "STRIDED_SLICE": "fix the input's shape before exporting, so that the converter folds it",
        "IF": "export the model without control flow",
        "WHILE": "export the model without control flow",
    }
)
