"""What the emitter takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..memory.plan import RegionUse


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """name  what the model is called, in C as close to it as identifiers allow; None takes the graph's name"""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """A model as C, complete in one folder.

    name       the prefix of its symbols: <name>_model is the ek_model_t, <name>_invoke runs it
    files      path relative to the folder -> text; deterministic
    units      the C files of the model itself, without example_main.c
    regions    the memory regions that the model uses, in the order of ek_ctx_t.region
    layers     how many layers it marks
    pulls      an input is streamed: an inference calls ek_ctx_t.pull
    pushes     an output is streamed: an inference calls ek_ctx_t.push
    providers  whose kernels it runs (providers.KERNELS); what is not edgekit's has to be linked
    """

    name: str
    files: Mapping[str, str]
    units: tuple[str, ...]
    regions: tuple[RegionUse, ...]
    layers: int
    pulls: bool = False
    pushes: bool = False
    providers: tuple[str, ...] = ("edgekit",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    @property
    def symbol(self) -> str:
        """The model's descriptor, an ek_model_t."""
        return f"{self.name}_model"
