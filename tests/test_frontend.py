"""What the frontend makes of well-formed .tflite files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.graph_builder import STEP, GraphBuilder
from support.models import NAMES, model_path
from support.tflite_files import BUILTIN, FLOAT32, INT32, File, FileOperator, FileTensor

from edgekit.errors import Exit, ModelError, UsageError
from edgekit.export.tflite import dump
from edgekit.frontend import identifier, inspect, load
from edgekit.frontend.inspection import inspect_bytes
from edgekit.frontend.tflite import parse
from edgekit_codegen.ir import Activation, DType, Graph, Quant
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Mean, Pad, Padding, Pool2D, Relu, Transpose
from edgekit_codegen.reference import run

CONV = {"Padding": 0, "StrideH": 2, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}


def conv_file(options: dict[str, int], out: tuple[int, ...], image: tuple[int, ...] = (1, 8, 5, 1)) -> File:
    """A 3x2 convolution to two channels."""
    weights = np.arange(12, dtype=np.int8).tobytes()
    return File(
        [
            FileTensor(image),
            FileTensor(out),
            FileTensor((2, 3, 2, 1), data=weights, scale=(0.5, 0.25), zero_point=(0, 0)),
        ],
        [FileOperator(BUILTIN.CONV_2D, (0, 2, -1), (1,), ("Conv2DOptions", {**CONV, **options}))],
    )


def constant(values: list[int], shape: tuple[int, ...] | None = None) -> FileTensor:
    data = np.array(values, np.int32).tobytes()
    return FileTensor((len(values),) if shape is None else shape, INT32, data, scale=None)


@pytest.mark.parametrize("name", NAMES)
def test_real_models_load(name: str) -> None:
    graph = load(model_path(name))
    assert graph.name == name
    assert [op.origin for op in graph.ops] == [(i,) for i in range(len(graph.ops))]


def test_float_edges_are_kept_or_stripped() -> None:
    path = model_path("mcunet_vww1")
    whole, stripped = load(path), load(path, io="int8")
    assert {whole.tensors[i].dtype for i in (*whole.inputs, *whole.outputs)} == {DType.FLOAT32}
    assert {stripped.tensors[i].dtype for i in (*stripped.inputs, *stripped.outputs)} == {DType.INT8}
    assert len(stripped.ops) == len(whole.ops) - 2
    image = np.random.default_rng(0).random((1, 80, 80, 3), np.float32)
    entry, out = stripped.tensors[stripped.inputs[0]], stripped.tensors[stripped.outputs[0]]
    steps = np.round(image / np.float32(entry.scale)) + entry.zero_point
    (inner,) = run(stripped, [np.clip(steps, -128, 127).astype(np.int8)])
    (real,) = run(whole, [image])
    np.testing.assert_allclose(real, (inner.astype(np.float64) - out.zero_point) * out.scale, rtol=1e-6)


def test_stripping_an_int8_model_changes_nothing() -> None:
    b = GraphBuilder()
    graph = parse(dump(b.graph(b.conv2d(b.input((1, 4, 4, 3))))), "m")
    assert [t.dtype for t in (graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]])] == [DType.INT8] * 2


def test_a_float_output_that_is_not_wrapped_cannot_be_stripped(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.dequantize(b.input((1, 4)))
    path = tmp_path / "m.tflite"
    path.write_bytes(dump(b.graph(b.quantize(x, STEP), x)))
    assert load(path).outputs
    with pytest.raises(ModelError, match="stays float32") as error:
        load(path, io="int8")
    assert error.value.code == "model.float_io"


def test_same_padding_becomes_numbers() -> None:
    (op,) = parse(conv_file({}, (1, 4, 5, 2)).write(), "m").ops
    assert op.attrs == Conv2D(stride=(2, 1), padding=Padding(top=0, bottom=1, left=0, right=1))
    assert op.inputs[2] is None


def test_valid_padding_dilation_and_activation() -> None:
    file = conv_file(
        {"Padding": 1, "StrideH": 1, "DilationHFactor": 2, "DilationWFactor": 3, "FusedActivationFunction": 3},
        (1, 4, 2, 2),
    )
    (op,) = parse(file.write(), "m").ops
    assert op.attrs == Conv2D(dilation=(2, 3), activation=Activation.RELU6)


@pytest.mark.parametrize(("code", "name"), [(4, "TANH"), (5, "SIGN_BIT")])
def test_an_activation_that_is_no_clamp_is_refused(code: int, name: str) -> None:
    with pytest.raises(ModelError, match=rf"operator 0 CONV_2D .*{name}") as error:
        parse(conv_file({"FusedActivationFunction": code}, (1, 4, 5, 2)).write(), "m")
    assert error.value.code == "operator.activation"
    assert "RELU6" in error.value.hint


def test_a_file_that_contradicts_its_own_shapes_is_refused() -> None:
    with pytest.raises(ModelError, match=r"operator 0 CONV_2D .*\[1, 4, 5, 2\]") as error:
        parse(conv_file({}, (1, 5, 5, 2)).write(), "m")
    assert error.value.hint


def test_the_depth_multiplier_follows_from_the_shapes() -> None:
    weights = FileTensor((1, 1, 1, 4), data=bytes(4))
    options = ("DepthwiseConv2DOptions", {"StrideH": 1, "StrideW": 1, "DepthMultiplier": 0})
    file = File(
        [FileTensor((1, 2, 2, 2)), FileTensor((1, 2, 2, 4)), weights],
        [FileOperator(BUILTIN.DEPTHWISE_CONV_2D, (0, 2), (1,), options)],
    )
    (op,) = parse(file.write(), "m").ops
    assert op.attrs == DepthwiseConv2D(multiplier=2)


def test_parameters_from_constant_tensors() -> None:
    same = FileTensor((1, 3, 4, 2))
    file = File(
        [
            same,
            FileTensor((1, 6, 4, 3)),
            constant([0, 0, 1, 2, 0, 0, 0, 1], (4, 2)),
            FileTensor((1, 3, 6, 4)),
            constant([0, 3, 1, 2]),
            FileTensor((1, 3, 1, 1)),
            constant([-1, 2]),
            FileTensor((3,)),
            constant([3]),
            FileTensor((3,)),
        ],
        [
            FileOperator(BUILTIN.PAD, (0, 2), (1,)),
            FileOperator(BUILTIN.TRANSPOSE, (1, 4), (3,)),
            FileOperator(BUILTIN.MEAN, (3, 6), (5,), ("ReducerOptions", {"KeepDims": True})),
            FileOperator(BUILTIN.RESHAPE, (5, 8), (7,)),
            FileOperator(BUILTIN.RELU_N1_TO_1, (7,), (9,)),
        ],
        outputs=(9,),
    )
    graph = parse(file.write(), "m")
    assert [op.attrs for op in graph.ops][:3] == [
        Pad(((0, 0), (1, 2), (0, 0), (0, 1))),
        Transpose((0, 3, 1, 2)),
        Mean((2, 3), keep_dims=True),
    ]
    assert graph.ops[3].inputs == (5,)
    assert graph.ops[4].attrs == Relu(Activation.RELU_N1_TO_1)
    assert {t.dtype for t in graph.tensors.values()} == {DType.INT8}  # the parameters' tensors are gone


def test_a_parameter_that_the_model_computes_is_refused() -> None:
    file = File(
        [FileTensor((1, 4)), FileTensor((4, 1)), FileTensor((2,), INT32, scale=None)],
        [FileOperator(BUILTIN.TRANSPOSE, (0, 2), (1,))],
        inputs=(0, 2),
    )
    with pytest.raises(ModelError, match=r"operator 0 TRANSPOSE .*permutation.*not constant"):
        parse(file.write(), "m")


def test_a_pool_and_a_constant_that_two_operators_share() -> None:
    weights = FileTensor((1, 1, 1, 1), data=b"\x05")
    conv = ("Conv2DOptions", {"StrideH": 1, "StrideW": 1})
    pool = ("Pool2DOptions", {"StrideH": 2, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 3, "Padding": 0})
    image = FileTensor((1, 4, 4, 1))
    file = File(
        [image, image, weights, image, FileTensor((1, 2, 4, 1))],
        [
            FileOperator(BUILTIN.CONV_2D, (0, 2), (1,), conv),
            FileOperator(BUILTIN.CONV_2D, (1, 2), (3,), conv),
            FileOperator(BUILTIN.MAX_POOL_2D, (3,), (4,), pool),
        ],
        outputs=(4,),
    )
    graph = parse(file.write(), "m")
    assert graph.ops[0].inputs[1] == graph.ops[1].inputs[1] == 2
    assert graph.ops[2].attrs == Pool2D((2, 3), (2, 1), Padding(0, 0, 1, 1))


def test_an_open_batch_is_one_but_other_open_dimensions_are_refused() -> None:
    def file(signature: tuple[int, ...]) -> bytes:
        operators = [FileOperator(BUILTIN.RELU, (0,), (1,))]
        return File([FileTensor((1, 4), signature=signature), FileTensor((1, 4))], operators).write()

    assert parse(file((-1, 4)), "m").inputs == (0,)
    with pytest.raises(ModelError, match=r"\[1, -1\]") as error:
        parse(file((1, -1)), "m")
    assert (error.value.code, error.value.exit) == ("tensor.dynamic", Exit.MODEL)


def test_unsupported_operators_are_all_named() -> None:
    image = FileTensor((1, 4))
    file = File(
        [image, image, image, image],
        [
            FileOperator(BUILTIN.RELU, (0,), (1,)),
            FileOperator(BUILTIN.L2_NORMALIZATION, (1,), (2,)),
            FileOperator(BUILTIN.CUSTOM, (2,), (3,), custom="MyFilter"),
        ],
        outputs=(3,),
    ).write()
    with pytest.raises(
        ModelError, match=r"operator 1 L2_NORMALIZATION \(\[1, 4\] int8 -> \[1, 4\] int8\).*2 CUSTOM:MyFilter"
    ) as error:
        parse(file, "m")
    assert error.value.code == "operator.unsupported"
    assert "leave the normalisation to the application" in error.value.hint
    seen = inspect_bytes(file, "m")
    assert [(o.index, o.name, o.supported) for o in seen.operators] == [
        (0, "RELU", True),
        (1, "L2_NORMALIZATION", False),
        (2, "CUSTOM:MyFilter", False),
    ]
    assert "custom operators" in seen.operators[2].hint
    assert not seen.supported


def test_inspection_of_a_real_model() -> None:
    seen = inspect(model_path("mlperf_tiny_kws"))
    assert seen.supported
    assert [o.name for o in seen.operators][-3:] == ["RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]
    assert seen.macs == sum(o.macs or 0 for o in seen.operators) == 2656768
    assert seen.inputs[0].shape == (1, 49, 10, 1)
    assert (seen.inputs[0].dtype, seen.inputs[0].zero_point) == ("int8", (83,))
    first = seen.operators[0]
    assert (first.kind, first.attributes) == ("conv2d", "10x4/2 relu")
    assert first.inputs[1] is not None and len(first.inputs[1].scale) == 64


def test_a_float_model_is_refused_with_the_way_out() -> None:
    image = FileTensor((1, 4), FLOAT32, scale=None)
    with pytest.raises(ModelError, match=r"operator 0 RELU .*float32.*not int8") as error:
        parse(File([image, image], [FileOperator(BUILTIN.RELU, (0,), (1,))]).write(), "m")
    assert "int8" in error.value.hint


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.tflite", tmp_path):
        with pytest.raises(UsageError) as error:
            load(path)
        assert error.value.code == "model.not_found"


def test_an_unknown_io_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load(tmp_path / "m.tflite", io="float")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kws_ref_model", "kws_ref_model"),
        ("3-layer net.v2", "model_3_layer_net_v2"),
        ("int", "model_int"),
        ("größe", "gr_e"),
        ("--", "model"),
        ("_x", "x"),
    ],
)
def test_model_names_are_c_identifiers(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_constants_are_read_in_place_and_cannot_be_written() -> None:
    b = GraphBuilder()
    graph = parse(dump(b.graph(b.conv2d(b.input((1, 4, 4, 3))))), "m")
    weights = graph.operand(graph.ops[0], 1).data
    assert weights is not None
    with pytest.raises(ValueError, match="read-only"):
        weights[...] = 0


def test_per_channel_scales_keep_their_axis() -> None:
    b = GraphBuilder()
    graph: Graph = parse(dump(b.graph(b.depthwise(b.input((1, 4, 4, 3))))), "m")
    quant = graph.operand(graph.ops[0], 1).quant
    assert isinstance(quant, Quant)
    assert (len(quant.scale), quant.axis) == (3, 3)
