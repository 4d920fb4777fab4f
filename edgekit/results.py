"""What the commands return and print: one frozen dataclass per command, each with its JSON form (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from .builder.artifact import MemoryUse
from .frontend import Inspection, OperatorInfo, TensorInfo
from .plan_results import Explanation, PlanPoint

Json = dict[str, Any]
Target = Literal["emulated", "qemu", "hardware", "host"]


class Result(Protocol):
    """Anything a command returns."""

    def to_json(self) -> Json:
        """The `data` of the command's JSON envelope."""
        ...


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What one exact rewrite did to the model: a line per change, and the MACs and bytes of constants that it saved."""

    name: str
    changes: tuple[str, ...]
    macs_saved: int
    bytes_saved: int


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A firmware image and what it needs.

    input        "resident", "streamed": each row delivered once, in order, or "random-access": beside the arena
    output       the same: each row handed over once, in order
    arena_bytes  inputs, outputs, intermediates and kernel scratch
    sram_bytes   arena + data + bss + stack bound
    stack_bytes  the bound from frame sizes and the call graph, None where the toolchain gives none
    macs         multiply-accumulates executed; macs_original is the model's before exact rewrites
    cached       nothing had to be compiled
    mac_factor   multiply-accumulates that the schedule executes by `macs`
    extra_instructions  estimated, beyond those of layer by layer
    rewritten    what was computed again, or in groups, for the schedule to fit
    kernels      layer -> whose kernel computes it
    library      which CMSIS-NN the image holds, "" for none
    """

    model: str
    board: str
    toolchain: str
    build_id: str
    arena_bytes: int
    arena_lower_bound_bytes: int
    stack_bytes: int | None
    sram_bytes: int
    flash_bytes: int
    code_bytes: int
    weights_bytes: int
    regions: tuple[MemoryUse, ...]
    macs: int
    macs_original: int
    rewrites: tuple[Rewrite, ...]
    input: str
    output: str
    schedule: str
    elf: Path
    dir: Path
    cached: bool
    seconds: float
    kernels: Mapping[str, str]
    library: str
    mac_factor: float
    extra_instructions: int
    rewritten: tuple[str, ...]

    def to_json(self) -> Json:
        plain = {
            name: getattr(self, name) for name in self.__slots__ if name not in ("regions", "rewrites", "elf", "dir")
        }
        return {
            **plain,
            "regions": [asdict(r) for r in self.regions],
            "rewrites": [asdict(r) for r in self.rewrites],
            "elf": str(self.elf),
            "dir": str(self.dir),
        }


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A memory plan, with no toolchain involved.

    input               "resident", "streamed": each row delivered once, in order, or "random-access": beside the arena
    output              the same: each row handed over once, in order
    kernels             layer -> whose kernel computes it
    mac_factor          multiply-accumulates that the schedule executes by `macs`
    extra_instructions  estimated, beyond those of layer by layer
    rewritten           what is computed again, or in groups, for the schedule to fit
    saved               the schedule file that was written
    points              the front, where it was asked for
    explanation         why the plan needs what it needs, where it was asked for
    """

    model: str
    board: str
    arena_bytes: int
    arena_lower_bound_bytes: int
    gap: float
    regions: tuple[MemoryUse, ...]
    macs: int
    macs_original: int
    rewrites: tuple[Rewrite, ...]
    input: str
    output: str
    schedule: str
    peak_layer: str
    peak_tensors: tuple[tuple[str, int], ...]
    buffers: tuple[Json, ...]
    kernels: Mapping[str, str]
    mac_factor: float
    extra_instructions: int
    rewritten: tuple[str, ...]
    plots: tuple[Path, ...] = ()
    saved: Path | None = None
    points: tuple[PlanPoint, ...] = ()
    explanation: Explanation | None = None

    def to_json(self) -> Json:
        return {
            "model": self.model,
            "board": self.board,
            "arena_bytes": self.arena_bytes,
            "arena_lower_bound_bytes": self.arena_lower_bound_bytes,
            "gap": self.gap,
            "regions": [asdict(r) for r in self.regions],
            "macs": self.macs,
            "macs_original": self.macs_original,
            "rewrites": [asdict(r) for r in self.rewrites],
            "mac_factor": self.mac_factor,
            "extra_instructions": self.extra_instructions,
            "rewritten": list(self.rewritten),
            "input": self.input,
            "output": self.output,
            "schedule": self.schedule,
            "peak": {"layer": self.peak_layer, "tensors": [{"name": n, "bytes": b} for n, b in self.peak_tensors]},
            "buffers": list(self.buffers),
            "kernels": dict(self.kernels),
            "plots": [str(p) for p in self.plots],
            "saved_schedule": None if self.saved is None else str(self.saved),
            "points": [p.to_json() for p in self.points],
            "explanation": None if self.explanation is None else self.explanation.to_json(),
        }


@dataclass(frozen=True, slots=True)
class LayerResult:
    """One layer's figures; what a target cannot tell is None. `detail`: attributes and shapes in a few words."""

    index: int
    name: str
    op: str
    detail: str
    macs: int
    instructions: int | None
    cycles: int | None

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """One inference on a device, layer by layer.

    target         where it ran; an emulated figure is never called a measured one
    input          "resident", "streamed": no figure has the waiting for its rows, or "random-access": beside the arena
    output         the same, of the rows that are handed over
    instructions   executed, exact; None on hardware and host
    cycles         measured on hardware; estimated from a cost table on an emulated core; None where there is none
    stack_bytes    high-water mark of the painted stack
    arena_bytes    high-water mark of the painted arena
    """

    model: str
    board: str
    target: Target
    build_id: str
    input: Literal["resident", "streamed", "random-access"]
    output: Literal["resident", "streamed"]
    instructions: int | None
    cycles: int | None
    clock_hz: int | None
    latency_ms: float | None
    cycles_source: Literal["measured", "estimated"] | None
    layers: tuple[LayerResult, ...]
    stack_bytes: int | None
    arena_bytes: int | None
    output_sha256: str
    output_matches_reference: bool

    def to_json(self) -> Json:
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "layers"}
        return {**plain, "layers": [layer.to_json() for layer in self.layers]}


@dataclass(frozen=True, slots=True)
class RunResult:
    """One inference: the outputs, their classes where the project names labels, and the profile that came with it."""

    profile: ProfileResult
    outputs: tuple[Path, ...]
    label: str | None
    score: float | None

    def to_json(self) -> Json:
        return {
            **self.profile.to_json(),
            "outputs": [str(p) for p in self.outputs],
            "label": self.label,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class EvalResult:
    """Accuracy over labelled samples, on the host's reference and on the device, and how many outputs were equal."""

    model: str
    board: str
    target: Target
    samples: int
    correct_host: int
    correct_device: int
    identical_outputs: int

    @property
    def accuracy_host(self) -> float:
        return self.correct_host / self.samples

    @property
    def accuracy_device(self) -> float:
        return self.correct_device / self.samples

    def to_json(self) -> Json:
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {**plain, "accuracy_host": self.accuracy_host, "accuracy_device": self.accuracy_device}


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One board, as `edgekit boards` lists it. status: emulated, qemu, hardware or build-only."""

    name: str
    aliases: tuple[str, ...]
    title: str
    core: str
    status: str
    ram_bytes: int
    flash_bytes: int

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BoardsResult:
    boards: tuple[BoardRow, ...]

    def to_json(self) -> Json:
        return {"boards": [b.to_json() for b in self.boards]}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `doctor` looked at. `remedy` is the one command that gets it, empty where nothing is missing."""

    name: str
    ok: bool
    found: str
    needed_for: str
    remedy: str = ""

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class DoctorResult:
    checks: tuple[Check, ...]

    def to_json(self) -> Json:
        return {"checks": [c.to_json() for c in self.checks]}


@dataclass(frozen=True, slots=True)
class InspectResult:
    """A model file, operator by operator, and what of it is unsupported."""

    inspection: Inspection

    def to_json(self) -> Json:
        model = self.inspection
        return {
            "model": model.name,
            "file_bytes": model.file_bytes,
            "weights_bytes": model.weights_bytes,
            "macs": model.macs,
            "inputs": [_tensor_json(t) for t in model.inputs],
            "outputs": [_tensor_json(t) for t in model.outputs],
            "operators": [_operator_json(o) for o in model.operators],
            "supported": model.supported,
            "problems": [{"code": p.code, "message": p.message, "hint": p.hint} for p in model.problems],
        }


def _tensor_json(tensor: TensorInfo | None) -> Json | None:
    if tensor is None:
        return None
    return {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype, "constant": tensor.constant} | {
        "scale": list(tensor.scale),
        "zero_point": list(tensor.zero_point),
        "axis": tensor.axis,
    }


def _operator_json(op: OperatorInfo) -> Json:
    return {
        "index": op.index,
        "name": op.name,
        "kind": op.kind,
        "attributes": op.attributes,
        "inputs": [_tensor_json(t) for t in op.inputs],
        "outputs": [_tensor_json(t) for t in op.outputs],
        "macs": op.macs,
        "supported": op.supported,
        "reason": op.reason,
        "hint": op.hint,
    }
