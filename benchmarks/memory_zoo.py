"""Ten small architectures that stress planners, each in its own way: int8 graphs of random, seeded weights.

    python -m benchmarks.memory_zoo

prints what the front of every one of them reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgekit_codegen import passes
from edgekit_codegen.ir import Activation, Graph, TensorId
from edgekit_codegen.ops.attributes import Resize, SquaredDifference
from edgekit_codegen.schedule.front import front
from edgekit_codegen.schedule.text import describe
from edgekit_codegen.target import host_target

from .builder import Builder

RELU = Activation.RELU


def unet() -> Graph:
    """Skips that live from one end to the other, and tensors that grow again."""
    b = Builder(1)
    x, skips = b.input(48, 48, 3), []
    for channels in (8, 16, 24):
        x = b.conv(b.conv(x, channels, 3, activation=RELU), channels, 3, activation=RELU)
        skips.append(x)
        x = b.pool("max", x, 2, 2)
    x = b.conv(x, 32, 3, activation=RELU)
    for kind, skip in zip(("bilinear", "nearest_neighbor", "nearest_neighbor"), reversed(skips), strict=True):
        rows, pixels, channels = b.shape(skip)[1:]
        larger = b.op(f"resize_{kind}", (x,), Resize((rows, pixels)))
        x = b.conv(b.concatenate(larger, skip), channels, 3, activation=RELU)
    return b.graph("unet", b.conv(x, 2))


def ssd() -> Graph:
    """Six outputs, finished one after the other; all live to the end."""
    b = Builder(2)
    x = b.conv(b.input(64, 64, 3), 8, 3, 2, RELU)
    x = b.conv(b.depthwise(x, 3, 2, RELU), 16, activation=RELU)
    outputs: list[TensorId] = []
    for channels in (24, 32, 48):
        x = b.conv(b.depthwise(x, 3, 2, RELU), channels, activation=RELU)
        anchors = b.shape(x)[1] * b.shape(x)[2] * 3
        for values in (4, 5):
            head = b.conv(b.depthwise(x, 3, 1, RELU), 3 * values)
            outputs.append(b.reshape(head, (1, anchors, values)))
    return b.graph("ssd", *outputs)


def inception() -> Graph:
    """Four branches over one input, joined, twice; the order of the branches matters."""
    b = Builder(3)
    x = b.conv(b.input(40, 40, 3), 16, 3, 2, RELU)
    for width in (8, 12):
        branches = (
            b.conv(x, width, activation=RELU),
            b.conv(b.conv(x, width, activation=RELU), 2 * width, 3, activation=RELU),
            b.conv(b.conv(x, width // 2, activation=RELU), width, 5, activation=RELU),
            b.conv(b.pool("max", x, 3, 1), width, activation=RELU),
        )
        x = b.concatenate(*branches)
    return b.graph("inception", b.dense(b.mean(x), 10))


def densenet() -> Graph:
    """Every layer reads all before it, so that nothing dies until the block ends."""
    b = Builder(4)
    x = b.conv(b.input(32, 32, 3), 12, 3, 1, RELU)
    for _ in range(2):
        for _ in range(4):
            new = b.conv(b.conv(x, 16, activation=RELU), 6, 3, activation=RELU)
            x = b.concatenate(x, new)
        x = b.pool("average", b.conv(x, 18, activation=RELU), 2, 2)
    return b.graph("densenet", b.dense(b.mean(x), 10))


def squeeze_excite() -> Graph:
    """A tensor that waits for its own mean before it is scaled: no stream runs through that."""
    b = Builder(5)
    x = b.conv(b.input(48, 48, 3), 8, 3, 2, RELU)
    for out, stride in ((8, 1), (16, 2), (16, 1), (24, 2)):
        hidden = 4 * b.shape(x)[3]
        y = b.depthwise(b.conv(x, hidden, activation=RELU), 3, stride, RELU)
        factor = b.sigmoid(b.conv(b.conv(b.mean(y), hidden // 4, activation=RELU), hidden))
        y = b.conv(b.mul(y, factor), out)
        x = b.add(x, y) if b.shape(x) == b.shape(y) else y
    return b.graph("squeeze_excite", b.dense(b.mean(x), 10))


def resnet() -> Graph:
    """Shortcuts, some of them through a projection."""
    b = Builder(6)
    x = b.conv(b.input(32, 32, 3), 16, 3, 1, RELU)
    for channels, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
        y = b.conv(b.conv(x, channels, 3, stride, RELU), channels, 3)
        x = b.add(y, x if b.shape(x) == b.shape(y) else b.conv(x, channels, 1, stride), RELU)
    return b.graph("resnet", b.softmax(b.dense(b.mean(x), 10)))


def dilated() -> Graph:
    """Windows that reach far, with a pyramid of them over one input: rings of many rows."""
    b = Builder(7)
    x = b.conv(b.input(48, 48, 3), 12, 3, 2, RELU)
    for dilation in (1, 2, 4):
        x = b.add(x, b.conv(x, 12, 3, activation=RELU, dilation=dilation))
    rates = [b.conv(b.depthwise(x, 3, 1, RELU, rate), 8, activation=RELU) for rate in (1, 3, 6)]
    return b.graph("dilated", b.conv(b.concatenate(*rates), 4))


def shuffle() -> Graph:
    """Halves that are split, joined and shuffled; views, slices and concatenations that need no copy."""
    b = Builder(8)
    x = b.conv(b.input(48, 48, 3), 16, 3, 2, RELU)
    for stage in range(2):
        for _ in range(2):
            half = b.shape(x)[3] // 2
            kept, y = b.channels(x, 0, half), b.channels(x, half, half)
            y = b.conv(b.depthwise(b.conv(y, half, activation=RELU), 3), half, activation=RELU)
            x = b.shuffle(b.concatenate(kept, y), 2)
        if stage == 0:
            a = b.conv(b.depthwise(x, 3, 2), 16, activation=RELU)
            x = b.concatenate(a, b.conv(b.depthwise(b.conv(x, 16, activation=RELU), 3, 2), 16, activation=RELU))
    return b.graph("shuffle", b.dense(b.mean(x), 10))


def keyword() -> Graph:
    """Odd sizes and strides of 3 and 5 down to a single pixel."""
    b = Builder(9)
    x = b.conv(b.input(61, 43, 1), 12, 7, 3, RELU)
    for kernel, stride, channels in ((5, 1, 16), (3, 3, 20), (5, 1, 24), (5, 5, 32), (3, 2, 32)):
        x = b.conv(b.depthwise(x, kernel, stride, RELU), channels, activation=RELU)
    return b.graph("keyword", b.softmax(b.dense(x, 12)))


def siamese() -> Graph:
    """Two inputs, of which the second one waits while the first is worked on."""
    b = Builder(10)
    towers = []
    for x in (b.input(40, 40, 1), b.input(40, 40, 1)):
        for channels in (8, 12, 16):
            x = b.conv(x, channels, 3, 2, RELU)
        towers.append(x)
    distance = b.op("squared_difference", towers, SquaredDifference())
    return b.graph("siamese", b.sigmoid(b.dense(b.mean(distance), 1)))


ZOO: Mapping[str, Callable[[], Graph]] = {
    function.__name__: function
    for function in (unet, ssd, inception, densenet, squeeze_excite, resnet, dilated, shuffle, keyword, siamese)
}


def main() -> None:
    print(f"{'network':<16}{'layers':>8}{'layer by layer':>16}{'smallest':>10}{'bound':>10}  schedule")
    for name, make in ZOO.items():
        graph = passes.optimize(make()).graph
        points = front(graph, host_target())
        last = points[-1].plan
        sizes = f"{points[0].plan.arena_bytes:>16,}{last.arena_bytes:>10,}{last.lower_bound_bytes:>10,}"
        print(f"{name:<16}{len(graph.ops):>8}{sizes}  {describe(last.schedule)}")


if __name__ == "__main__":
    main()
