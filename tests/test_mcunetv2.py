"""The rule of MCUNetV2, worked out again, gives the paper's figures, and what brute force counts on a small network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks import mcunetv2, networks, patches
from benchmarks.networks import Block, Network
from edgekit_codegen import passes

BLOCKS = (Block(8, 6, 3, 1), Block(12, 8, 5, 2), Block(8, 8, 3, 1))
TINY = Network("tiny", "", 26, 4, "relu", BLOCKS, (), (2,), "", "", None)


def test_mobilenet_v2_is_that_of_table_1() -> None:
    network = networks.read("mobilenet_v2")
    assert patches.peak(network) == 112 * 112 * (16 + 96)
    stage = patches.best(network, 4)
    assert (stage.blocks, stage.patch, stage.peak) == (5, 75, 28 * 28 * (32 + 192))
    assert round(stage.padded / 1e6) == 130
    assert round(stage.padded / stage.macs - 1, 3) == 0.419
    assert round(stage.clipped / stage.macs - 1, 3) == 0.306
    macs = passes.macs(networks.build(network))
    assert round((stage.padded - stage.macs) / macs, 3) == 0.127
    assert round((stage.clipped - stage.macs) / macs, 3) == 0.093


def test_the_reconstruction_of_the_redistributed_network_meets_table_1() -> None:
    network = networks.read("mobilenet_v2_rd")
    published = mcunetv2.TABLE_1[network.name]
    stage, macs = patches.best(network, 4), passes.macs(networks.build(network))
    assert stage.patch == published.patch
    assert patches.peak(network) == published.per_layer * 1024
    assert round(stage.peak / 1024) == published.per_patch
    assert round(stage.padded / 1e6) == published.stage_macs
    assert round(stage.padded / stage.macs - 1, 2) == published.stage_overhead
    assert round((stage.clipped - stage.macs) / macs, 2) == published.overall_overhead
    assert macs + stage.clipped - stage.macs == pytest.approx(published.overall_macs * 1e6, rel=0.01)


@pytest.mark.parametrize("name", networks.names())
def test_layers_are_the_graphs_convolutions_over_images(name: str) -> None:
    """But for the head; squeeze and excitation works on single pixels."""
    network = replace(networks.read(name), head=())
    graph = networks.build(network)
    images = [op for op in graph.ops if graph.result(op).elements > graph.result(op).shape[-1]]
    assert sum(x.macs * x.size**2 for x in patches.layers(network)) == passes.macs(graph.with_ops(tuple(images)))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_clipped_patches_are_what_brute_force_counts(blocks: int, count: int) -> None:
    """Pixel by pixel: what the pixels of a patch of the result depend on, within every layer's image."""
    first = [layer for layer in patches.layers(TINY) if layer.block <= blocks]
    size, total = first[-1].size, 0
    edges = [n * size // count for n in range(count + 1)]
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            needed = {(y, x) for y in range(top, bottom) for x in range(left, right)}
            for layer in reversed(first):
                total += layer.macs * len(needed)
                reach = [d - layer.kernel // 2 for d in range(layer.kernel)]
                read = {(y * layer.stride + i, x * layer.stride + j) for y, x in needed for i in reach for j in reach}
                needed = {(y, x) for y, x in read if 0 <= y < layer.before and 0 <= x < layer.before}
    stage = patches.stage(TINY, blocks, count)
    assert stage.clipped == total
    assert stage.macs <= stage.clipped <= stage.padded


def test_squeeze_and_excitation_ends_the_patches() -> None:
    network = networks.read("mnasnet_a1")
    assert network.blocks[patches.best(network, 4).blocks - 1].squeeze
