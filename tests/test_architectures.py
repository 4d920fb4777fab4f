"""The published networks that benchmarks plan are those of their sources, and files that others can read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import networks
from edgekit import frontend
from edgekit.export.tflite import dump
from edgekit_codegen import passes
from edgekit_codegen.ir import Graph
from edgekit_codegen.reference import run

NAMES = networks.names()
PUBLISHED = [name for name in NAMES if networks.read(name).published is not None]


def small(name: str) -> Graph:
    return networks.build(networks.read(name), resolution=64)


def input_of(graph: Graph) -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)


@pytest.mark.parametrize("name", PUBLISHED)
def test_macs_and_parameters_are_within_one_percent_of_the_published_figures(name: str) -> None:
    network = networks.read(name)
    published = network.published
    assert published is not None and published.source
    graph = networks.build(network, published.resolution)
    assert passes.macs(graph) == pytest.approx(published.macs, rel=0.01)
    assert networks.parameters(graph) == pytest.approx(published.parameters, rel=0.01)


def test_with_a_narrow_head_the_small_mobilenet_is_the_one_that_mcunet_counts() -> None:
    """mit-han-lab/mcunet, README.md: 23.5M, 0.75M at 144 x 144."""
    network = replace(networks.read("mobilenet_v2_035"), head=(448,))
    graph = networks.build(network)
    assert passes.macs(graph) == pytest.approx(23.5e6, rel=0.01)
    assert networks.parameters(graph) == pytest.approx(0.75e6, rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_can_be_written_as_tflite_and_read_again(name: str, tmp_path: Path) -> None:
    graph = small(name)
    (tmp_path / "model.tflite").write_bytes(dump(graph))
    read = frontend.load(tmp_path / "model.tflite")
    assert passes.macs(read) == passes.macs(graph)
    assert networks.parameters(read) == networks.parameters(graph)


@pytest.mark.parametrize("name", NAMES)
def test_activations_neither_vanish_nor_saturate(name: str) -> None:
    """With weights of the wrong spread the last layers would see one value, and exact figures would say little."""
    graph = small(name)
    (output,) = run(graph, [input_of(graph)])
    assert 10 < output.std() < 90
    assert np.mean((output == -128) | (output == 127)) < 0.2


def test_the_same_seed_gives_the_same_network() -> None:
    network = networks.read("mobilenet_v2_035")
    first, same, other = (dump(networks.build(network, 32, seed)) for seed in (0, 0, 1))
    assert first == same
    assert first != other
