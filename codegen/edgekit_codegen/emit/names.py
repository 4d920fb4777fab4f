"""The names that generated code gives to things."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..ir.types import Graph, TensorId
from ..memory.plan import Fresh, Plan, Storage, Strip
from ..ops import TABLE
from ..ops.record import Overlap
from ..schedule import walk
from ..schedule.types import Affine, Due, Loop, Pull, Run

_TAKEN = {"edgekit", "ek_rows", "example_main", "kernels", "layers", "cmake"}


def identifier(name: str) -> str:
    """A C identifier and file name for a model, as close to its name as possible."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not plain or plain[0].isdigit() or plain in _TAKEN or plain.startswith("ek_"):
        plain = f"model_{plain}".rstrip("_")
    return plain


@dataclass(slots=True)
class Names:
    """Names for one model's layers and tensors.

    layers  operators in the order of layer numbers
    maps    C name -> the tensor that it maps, in order of first use
    used    the plan's regions that hold anything; generated code numbers these only
    """

    graph: Graph
    plan: Plan
    layers: tuple[int, ...] = ()
    maps: dict[str, TensorId] = field(default_factory=dict)
    used: tuple[int, ...] = ()
    _storages: dict[TensorId, Storage] = field(default_factory=dict)
    _origins: dict[TensorId, str] = field(default_factory=dict)
    _newest: dict[TensorId, tuple[str, Affine]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._newest = dict(_newest(self.graph, self.plan))
        self.layers = walk.layers(self.plan.schedule)
        self.used = tuple(i for i, use in enumerate(self.plan.regions) if use.used)
        self._storages = {s.tensor: s for s in self.plan.storages}
        for i, ident in enumerate(self.graph.inputs):
            self._origins[ident] = f"in_{i}"
        moved: Counter[str] = Counter()
        for index, op in enumerate(self.graph.ops):
            source = op.inputs[0] if op.inputs else None
            if index in self.layers:
                self._origins[op.outputs[0]] = self.number(index)
            elif TABLE[op.kind].overlap is Overlap.VIEW and source in self._origins:
                view, base = self.graph.tensors[op.outputs[0]], self._origins[source].split("_as_")[0]
                same = view.hwc == self._hwc_of(base)
                self._origins[view.id] = base if same else f"{base}_as_{'x'.join(map(str, view.hwc))}"
            elif source in self._origins:
                word = f"{self._origins[source]}_part" if len(op.inputs) == 1 else "joined"
                self._origins[op.outputs[0]] = f"{word}_{moved[word]}"
                moved[word] += 1

    def number(self, op: int) -> str:
        """A layer's number, as wide as the largest."""
        width = max(2, len(str(len(self.layers) - 1)))
        return f"{self.layers.index(op):0{width}d}"

    def layer(self, op: int) -> str:
        return f"layer_{self.number(op)}"

    def constant(self, op: int) -> str:
        """The layer's name in layers.json and the prefix of its constants: conv2d_03."""
        return f"{self.graph.ops[op].kind}_{self.number(op)}"

    def region(self, index: int) -> int:
        """The number of one of the plan's regions in ek_ctx_t.region."""
        return self.used.index(index)

    def storage(self, tensor: TensorId) -> Storage:
        return self._storages[tensor]

    def tile_of(self, graph: Graph, op: int) -> str:
        """The loop variable that counts the tiles in which an operator's operands or output move; "" where none."""
        operator = graph.ops[op]
        idents = (
            *(t.id for t in TABLE[operator.kind].operands(graph, operator) if not t.is_constant),
            operator.outputs[0],
        )
        moving = (s.first if s.strip is None else s.strip.x for s in (self._storages[i] for i in idents))
        return next((var for first in moving for var, _ in first.terms), "")

    def fresh(self, tensor: TensorId) -> Fresh:
        """Where a tensor's newest rows lie, the region as generated code numbers it."""
        found = self._storages[tensor].fresh
        assert found is not None
        return replace(found, region=self.region(found.region))

    def fresh_tensors(self, graph: Graph, op: int) -> tuple[TensorId, ...]:
        """An operator's operands, and its output, whose newest rows may not be in their slots yet."""
        operator = graph.ops[op]
        held = {t.id: self._storages[t.id] for t in TABLE[operator.kind].operands(graph, operator) if not t.is_constant}
        found = tuple(i for i, s in held.items() if s.split)
        return found if self._storages[operator.outputs[0]].strip is None else (*found, operator.outputs[0])

    def turns_of(self, graph: Graph, op: int) -> tuple[str, ...]:
        """The loop variables that say which rows of these are new."""
        return tuple(dict.fromkeys(self.newest(ident) for ident in self.fresh_tensors(graph, op)))

    def strip(self, tensor: TensorId) -> Strip:
        """Where a tile's new rows lie, the region as generated code numbers it."""
        found = self._storages[tensor].strip
        assert found is not None
        return replace(found, region=self.region(found.region))

    def newest(self, tensor: TensorId) -> str:
        """The loop variable that says which turn's rows of a tensor are new; negative where none are."""
        return self._newest[tensor][0]

    def first_row(self, tensor: TensorId) -> Affine:
        """The first of that turn's rows."""
        return self._newest[tensor][1]

    def writer(self, tensor: TensorId) -> int:
        """The number of the layer that writes a tensor; of a streamed input, of the first layer."""
        ops = {self.graph.ops[op].outputs[0]: n for n, op in enumerate(self.layers)}
        return ops.get(tensor, 0)

    def map(self, tensor: TensorId) -> str:
        """The name of a tensor's map, which is emitted because it was asked for."""
        name = f"map_{self._origins[tensor]}"
        self.maps.setdefault(name, tensor)
        return name

    def _hwc_of(self, base: str) -> tuple[int, int, int]:
        owner = next(ident for ident, origin in self._origins.items() if origin == base)
        return self.graph.tensors[owner].hwc


def _newest(graph: Graph, plan: Plan) -> Iterator[tuple[TensorId, tuple[str, Affine]]]:
    """The tensors whose rows a stream computes or pulls, each with the variable that counts its turns and the first row
    of a turn."""
    for loop in walk.nodes(plan.schedule):
        for node in loop.body if isinstance(loop, Loop) else ():
            for leaf in walk.leaves(node) if isinstance(node, Due) else ():
                assert isinstance(node, Due)
                if isinstance(leaf, Run):
                    yield graph.ops[leaf.op].outputs[0], (node.var, leaf.box.y0)
                elif isinstance(leaf, Pull):
                    yield leaf.tensor, (node.var, leaf.row)
