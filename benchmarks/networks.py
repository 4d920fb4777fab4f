"""The published networks of benchmarks/architectures, one TOML file each, and the graphs that they describe.

A file gives the blocks of a mobile network, in the order in which they run:

    stem    a dense convolution
    blocks  an expansion to `hidden` channels by a pointwise convolution (none where the input has as many), a depthwise
            convolution (none where `kernel` is 1), squeeze and excitation through `squeeze` channels where that is
            given, and a pointwise convolution to `out` channels, to which the input is added where the shapes agree.
            `groups`: of the pointwise convolutions, whose hidden channels are shuffled
    head    pointwise convolutions, the mean over rows and pixels, fully connected layers

The graphs are int8 with random, seeded weights: what they compute means nothing, what they need is what the trained
network would need. [published] is what the sources say about them, for the tests.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit_codegen.ir import Activation, Graph, TensorId
from edgekit_codegen.ops.attributes import Add, HardSwish, Mul

from .builder import UNIT, Builder, quantization

FOLDER = Path(__file__).parent / "architectures"
HARD_SWISH = quantization(-0.375, 6.0)
SHIFTED = quantization(0.0, 6.0)
"""x + 3, clamped to 0 .. 6: the first half of the hard sigmoid."""


@dataclass(frozen=True, slots=True)
class Published:
    """Figures of the source: multiply-accumulates of one inference over resolution x resolution pixels, and weights."""

    macs: float
    parameters: float
    resolution: int
    source: str


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual block; channels, kernel and stride as in the module's docstring.

    gate  "sigmoid" or "hard_sigmoid", after squeeze and excitation
    """

    hidden: int
    out: int
    kernel: int = 3
    stride: int = 1
    activation: str = "relu6"
    squeeze: int = 0
    gate: str = "sigmoid"
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Network:
    """One file of benchmarks/architectures.

    resolution       rows and pixels of the input that benchmarks plan for
    stem             channels of the first convolution, 3x3 with stride 2
    stem_activation  its activation
    head             channels of the pointwise convolutions before the mean
    dense            channels of the fully connected layers behind it; the last has no activation
    head_activation  of all others there
    note             what a reader of its figures has to know; empty for most
    """

    name: str
    title: str
    resolution: int
    stem: int
    stem_activation: str
    blocks: tuple[Block, ...]
    head: tuple[int, ...]
    dense: tuple[int, ...]
    head_activation: str
    note: str
    published: Published | None


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Network:
    """One network by its file's name. Raises TypeError for a key that is not one of a block."""
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    shared = table.get("every_block", {})
    published = table.get("published")
    return Network(
        name=name,
        title=table["title"],
        resolution=table["resolution"],
        stem=table["stem"]["channels"],
        stem_activation=table["stem"]["activation"],
        blocks=tuple(block for row in table["blocks"] for block in _blocks({**shared, **row})),
        head=tuple(table["head"]["pointwise"]),
        dense=tuple(table["head"]["dense"]),
        head_activation=table["head"]["activation"],
        note=table.get("note", ""),
        published=None if published is None else Published(**published),
    )


def _blocks(row: Mapping[str, Any]) -> list[Block]:
    """A row of the file: `repeat` blocks, of which the first has the stride."""
    fields = dict(row)
    repeat, stride = fields.pop("repeat", 1), fields.pop("stride", 1)
    return [Block(**fields, stride=stride if n == 0 else 1) for n in range(repeat)]


def build(network: Network, resolution: int | None = None, seed: int = 0) -> Graph:
    """The network's graph, over an image [1, resolution, resolution, 3] of int8; the same for the same seed."""
    b, size = Builder(seed), resolution or network.resolution
    x = _activated(b, b.input(size, size, 3), network.stem, 3, 2, network.stem_activation)
    for block in network.blocks:
        x = _block(b, x, block)
    for channels in network.head:
        x = _activated(b, x, channels, 1, 1, network.head_activation)
    x = b.mean(x)
    for channels in network.dense[:-1]:
        x = _activated(b, x, channels, 1, 1, network.head_activation)
    return b.graph(network.name, b.dense(x, network.dense[-1]))


def parameters(graph: Graph) -> int:
    """Weights and biases, as many numbers; batch normalization is in them."""
    return sum(t.elements for t in graph.tensors.values() if t.is_constant and t.elements > 1)


def _block(b: Builder, x: TensorId, block: Block) -> TensorId:
    y, before = x, b.shape(x)
    if before[3] != block.hidden:
        y = _activated(b, y, block.hidden, 1, 1, block.activation, block.groups)
    if block.groups > 1:
        y = b.shuffle(y, block.groups)
    if block.kernel > 1:
        y = _swish(b, b.depthwise(y, block.kernel, block.stride, _clamp(block.activation)), block.activation)
    if block.squeeze:
        y = _excited(b, y, block)
    y = b.conv(y, block.out, groups=block.groups)
    return b.add(x, y) if b.shape(y) == before else y


def _excited(b: Builder, x: TensorId, block: Block) -> TensorId:
    """x times a factor per channel, which depends on the means of all channels."""
    y = b.conv(b.mean(x), block.squeeze, activation=Activation.RELU)
    y = b.conv(y, block.hidden)
    if block.gate == "sigmoid":
        return b.mul(x, b.sigmoid(y))
    y = b.op("add", (y, b.number(3.0, SHIFTED)), Add(Activation.RELU6), SHIFTED)
    y = b.op("mul", (y, b.number(1 / 6, UNIT)), Mul(), UNIT)
    return b.mul(x, y)


def _activated(
    b: Builder, x: TensorId, channels: int, kernel: int, stride: int, activation: str, groups: int = 1
) -> TensorId:
    return _swish(b, b.conv(x, channels, kernel, stride, _clamp(activation), groups), activation)


def _swish(b: Builder, x: TensorId, activation: str) -> TensorId:
    return b.op("hard_swish", (x,), HardSwish(), HARD_SWISH) if activation == "hard_swish" else x


def _clamp(activation: str) -> Activation:
    return Activation.NONE if activation == "hard_swish" else Activation(activation)
