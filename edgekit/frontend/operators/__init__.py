"""The file's operators as the graph's, one translation per operator, in one module per family.

What only concerns the file is settled here: padding modes become numbers, parameters that arrive as constant tensors
become attributes. Whether the result can be computed is the operator table's question, not this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgekit_codegen.ir import Op

from ..source import Source
from . import blocks, elementwise, movement, parts, products, reductions, windows
from .record import Translation

TRANSLATIONS: Mapping[str, Translation] = MappingProxyType(
    {
        name: translation
        for family in (windows, products, elementwise, reductions, movement, parts, blocks)
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


_FIX_SHAPE = "only what follows from shapes and constants is computed: fix the input's shape before exporting"
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "L2_NORMALIZATION": "leave the normalisation to the application",
        **dict.fromkeys(
            ("CAST", "FILL", "FLOOR_DIV", "FLOOR_MOD", "RANGE", "RANK", "REDUCE_PROD", "SHAPE"), _FIX_SHAPE
        ),
        "IF": "export the model without control flow",
        "WHILE": "export the model without control flow",
    }
)
