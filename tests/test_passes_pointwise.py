"""Operators become cheaper ones only where every value stays the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.graph_builder import GraphBuilder
from support.rewrites import changes, kinds, optimized

from edgekit_codegen.ir import Quant
from edgekit_codegen.ops.attributes import Conv2D, Padding


@pytest.mark.parametrize("keep_dims", [True, False])
def test_a_mean_of_single_pixels_is_a_reshape(keep_dims: bool) -> None:
    b = GraphBuilder()
    result = optimized(b.graph(b.relu(b.mean(b.input((1, 1, 1, 5)), (1, 2), keep_dims=keep_dims))))
    assert "mean" not in kinds(result.graph)
    assert "mean 0 became a reshape: it averages single elements" in changes(result)


def test_a_mean_that_changes_the_scale_stays() -> None:
    b = GraphBuilder()
    mean = b.mean(b.relu(b.input((1, 1, 1, 3))), (1, 2))
    b.tensors[mean] = replace(b.tensors[mean], quant=Quant((0.5,), (0,)))
    assert "mean" in kinds(optimized(b.graph(mean)).graph)


def test_a_pointwise_convolution_of_one_pixel_is_a_fully_connected_layer() -> None:
    b = GraphBuilder()
    result = optimized(b.graph(b.conv2d(b.input((1, 1, 1, 6)), 5, (1, 1))))
    assert kinds(result.graph) == ["fully_connected"]
    assert result.graph.result(result.graph.ops[0]).shape == (1, 1, 1, 5)


@pytest.mark.parametrize("why", ["more pixels", "padding", "a larger kernel"])
def test_other_convolutions_stay(why: str) -> None:
    b = GraphBuilder()
    if why == "more pixels":
        y = b.conv2d(b.input((1, 1, 2, 6)), 5, (1, 1))
    elif why == "padding":
        y = b.conv2d(b.input((1, 1, 1, 6)), 5, (1, 1), Conv2D(padding=Padding(1, 1, 1, 1)))
    else:
        y = b.conv2d(b.input((1, 1, 1, 6)), 5, (3, 3), Conv2D(padding=Padding(1, 1, 1, 1)))
    assert kinds(optimized(b.graph(y)).graph) == ["conv2d"]


def test_one_scale_for_all_weights_is_as_good_as_one_a_channel() -> None:
    b = GraphBuilder()
    y = b.conv2d(b.input((1, 1, 1, 6)), 5, (1, 1))
    ident = b.ops[0].inputs[1] or 0
    b.tensors[ident] = replace(b.tensors[ident], quant=Quant((0.00731,), (0,)))
    assert kinds(optimized(b.graph(y)).graph) == ["fully_connected"]
