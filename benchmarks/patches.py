"""Patch by patch inference as MCUNetV2 (arXiv 2110.15352) counts it, worked out from block lists alone: no graph, no
planner.

What a layer needs is its input and its output, in bytes of int8; a depthwise convolution works in place, and so does
the sum at the end of a residual block. The first blocks run once per patch, on windows that overlap, and put their
result together in one buffer; the image is not counted there, for it may come from a decoder. All other blocks run one
after the other. Padding is the same on both sides of an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .networks import Network


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution.

    block    its number: the stem is 1, the first block 2
    size     rows and pixels of its output; `before` those of its input
    inputs   channels of the input, outputs of the output
    macs     multiply-accumulates per output pixel
    """

    block: int
    size: int
    before: int
    inputs: int
    outputs: int
    kernel: int
    stride: int
    macs: int

    @property
    def depthwise(self) -> bool:
        return self.kernel > 1 and self.inputs == self.outputs and self.macs == self.kernel**2 * self.inputs


@dataclass(frozen=True, slots=True)
class Stage:
    """The first blocks of a network, run patch by patch.

    blocks   how many, with the stem
    patches  along each side of the image
    patch    rows and pixels of a patch of the image
    macs     multiply-accumulates of the stage without patches; `padded` with patches of one size, which at the border
             exceed the image; `clipped` where nothing outside of it is computed
    peak     bytes of the whole inference
    """

    blocks: int
    patches: int
    patch: int
    macs: int
    padded: int
    clipped: int
    peak: int


def layers(network: Network) -> Iterator[Layer]:
    """The convolutions of stem and blocks; squeeze and excitation, which is small, is left out."""
    size, channels = network.resolution, network.stem
    yield Layer(1, -(-size // 2), size, 3, channels, 3, 2, 27 * channels)
    size = -(-size // 2)
    for number, block in enumerate(network.blocks, 2):
        if block.hidden != channels:
            yield Layer(number, size, size, channels, block.hidden, 1, 1, channels * block.hidden // block.groups)
        if block.kernel > 1:
            after, taps = -(-size // block.stride), block.kernel**2
            yield Layer(
                number, after, size, block.hidden, block.hidden, block.kernel, block.stride, taps * block.hidden
            )
            size = after
        yield Layer(number, size, size, block.hidden, block.out, 1, 1, block.hidden * block.out // block.groups)
        channels = block.out


def peak(network: Network) -> int:
    """Bytes, layer by layer."""
    return max(map(_bytes, layers(network)))


def stage(network: Network, blocks: int, patches: int) -> Stage:
    """The first `blocks` blocks in patches x patches patches."""
    every = list(layers(network))
    first, rest = [x for x in every if x.block <= blocks], [x for x in every if x.block > blocks]
    last = first[-1]
    edges = [n * last.size // patches for n in range(patches + 1)]
    windows = [list(_windows(first, edges[n], edges[n + 1])) for n in range(patches)]
    widest = [max(after - begin for begin, after in column) for column in zip(*windows, strict=True)]
    inside = [
        sum(min(after, layer.size) - max(begin, 0) for begin, after in column)
        for layer, column in zip(first, zip(*(w[1:] for w in windows), strict=True), strict=True)
    ]
    buffers = [_patch_bytes(x, a, b) for x, a, b in zip(first, widest[:-1], widest[1:], strict=True)]
    return Stage(
        blocks=blocks,
        patches=patches,
        patch=widest[0],
        macs=sum(x.macs * x.size**2 for x in first),
        padded=sum(x.macs * (patches * side) ** 2 for x, side in zip(first, widest[1:], strict=True)),
        clipped=sum(x.macs * side**2 for x, side in zip(first, inside, strict=True)),
        peak=max([last.size**2 * last.outputs + max(buffers), *map(_bytes, rest)]),
    )


def best(network: Network, patches: int) -> Stage:
    """The stage with the lowest peak, of those the one with the fewest blocks; blocks that squeeze end it."""
    squeezing = (number for number, block in enumerate(network.blocks, 2) if block.squeeze)
    end = next(squeezing, len(network.blocks) + 2)
    sizes = {x.block: x.size for x in layers(network)}
    stages = (stage(network, n, patches) for n in range(1, end) if sizes[n] >= patches)
    return min(stages, key=lambda s: (s.peak, s.blocks))


def _windows(first: Sequence[Layer], begin: int, after: int) -> Iterator[tuple[int, int]]:
    """Rows [begin, after) of the image, then of every layer's output, that rows of the last output are made of; beyond
    the image, too."""
    spans = [(begin, after)]
    for layer in reversed(first):
        begin, after = spans[-1]
        margin = layer.kernel // 2
        spans.append((begin * layer.stride - margin, (after - 1) * layer.stride - margin + layer.kernel))
    return reversed(spans)


def _bytes(layer: Layer) -> int:
    before, after = layer.before**2 * layer.inputs, layer.size**2 * layer.outputs
    return max(before, after) if layer.depthwise else before + after


def _patch_bytes(layer: Layer, before: int, after: int) -> int:
    """One layer on one patch; the first one reads the image."""
    source, result = (before**2 * layer.inputs if layer.block > 1 else 0), after**2 * layer.outputs
    return max(source, result) if layer.depthwise else source + result
