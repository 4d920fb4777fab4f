"""Whole files of absurd models: refused by name, or built in little time and memory, whatever their size and names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support import host_model
from support.command_line import edgekit
from support.hostile_files import SMALL, with_tensor
from support.tflite_files import BUILTIN, File, FileOperator, FileTensor

from edgekit import boards, pipeline
from edgekit.errors import Exit, ModelError
from edgekit_codegen.emit import Sources


def build(file: File, folder: Path) -> Sources:
    path = folder / "model.tflite"
    path.write_bytes(file.write())
    return pipeline.to_c(pipeline.compile_model(path, boards.load("host")))


def refused(file: File, folder: Path) -> ModelError:
    with pytest.raises(ModelError) as error:
        build(file, folder)
    assert error.value.exit is Exit.MODEL
    assert error.value.hint
    return error.value


def chain(tensor: FileTensor, operators: int) -> File:
    """RELU after RELU."""
    steps = [FileOperator(BUILTIN.RELU, (i,), (i + 1,)) for i in range(operators)]
    return File([tensor] * (operators + 1), steps, outputs=(operators,))


@pytest.mark.parametrize(
    ("shape", "operators", "code"),
    [
        ((1, 1 << 24), 1, "model.size"),
        ((1, 1, 1 << 24, 1), 1, "model.size"),
        ((1, 1 << 23, 1, 1), 1, "model.size"),
        ((1, 1 << 16, 1, 1), 2, "model.size"),
        ((1, 100, 1, 1), 1000, "model.size"),
        ((1, 1 << 27), 1, "tensor.size"),
        ((1, 1 << 30), 1, "tensor.size"),
        ((1 << 16,) * 4, 1, "tensor.size"),
        ((1,) * 100_000, 1, "tensor.rank"),
    ],
)
def test_what_no_microcontroller_holds_is_refused(
    shape: tuple[int, ...], operators: int, code: str, tmp_path: Path
) -> None:
    error = refused(chain(FileTensor(shape), operators), tmp_path)
    assert error.code == code
    assert "RELU" in error.message or "relu" in error.message or "tensor 0" in error.message
    assert len(error.message) < 1000


def test_a_window_over_many_rows_is_refused(tmp_path: Path) -> None:
    """4096 rows of a kernel, each read for 100 rows of the output."""
    options = ("Pool2DOptions", {"StrideH": 1, "StrideW": 1, "FilterHeight": 4096, "FilterWidth": 1, "Padding": 0})
    image = FileTensor((1, 100, 1, 1))
    error = refused(File([image, image], [FileOperator(BUILTIN.MAX_POOL_2D, (0,), (1,), options)]), tmp_path)
    assert error.code == "model.size"
    assert "max_pool2d (operator 0)" in error.message


def test_many_tensors_that_live_at_once_build(tmp_path: Path) -> None:
    row = FileTensor((1, 4))
    sums = [FileOperator(BUILTIN.ADD, (0, i), (i + 1,), ("AddOptions", {})) for i in range(1000)]
    file = File([row] * 1001, sums, outputs=tuple(range(1, 1001)))
    assert build(file, tmp_path).layers == 1000


def test_views_of_views_build_however_many(tmp_path: Path) -> None:
    """The last view is read first, so that its bytes are looked for through all the others."""
    n = 1000
    shapes = [FileTensor((1, 4)), FileTensor((4, 1))]
    views = [FileOperator(BUILTIN.RESHAPE, (i,), (i + 1,)) for i in range(n)]
    read = FileOperator(BUILTIN.RELU, (n,), (n + 1,))
    tensors = [*(shapes[i % 2] for i in range(n + 1)), shapes[n % 2]]
    file = File(tensors, [*views, read], outputs=tuple(range(n + 1, 0, -1)))
    assert build(file, tmp_path).layers == 1


@pytest.mark.parametrize("activation", [2, 3])  # RELU_N1_TO_1, RELU6
@pytest.mark.parametrize("operator", ["RELU6", "ADD", "MAX_POOL_2D", "FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"])
def test_clamps_far_outside_of_what_a_scale_reaches_are_refused(operator: str, activation: int, tmp_path: Path) -> None:
    window = {"StrideH": 1, "StrideW": 1}
    options = {
        "RELU6": None,
        "ADD": ("AddOptions", {}),
        "MAX_POOL_2D": ("Pool2DOptions", {**window, "FilterHeight": 1, "FilterWidth": 1}),
        "FULLY_CONNECTED": ("FullyConnectedOptions", {}),
        "CONV_2D": ("Conv2DOptions", window),
        "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {**window, "DepthMultiplier": 1}),
    }[operator]
    if options is not None:
        options = (options[0], {**options[1], "FusedActivationFunction": activation})
    image = FileTensor((1, 1) if operator == "FULLY_CONNECTED" else (1, 1, 1, 1), scale=(1e-40,))
    weights = replace(image, data=b"\x01", scale=(1.0,))
    inputs = {"RELU6": (0,), "MAX_POOL_2D": (0,), "ADD": (0, 0)}.get(operator, (0, 2))
    file = File([image, image, weights], [FileOperator(getattr(BUILTIN, operator), inputs, (1,), options)])
    error = refused(file, tmp_path)
    assert error.code == f"unsupported.{operator.lower().replace('_2d', '2d').replace('relu6', 'relu')}"
    assert "beyond 2^31 steps" in error.message


def test_an_input_that_no_c_is_written_for_is_refused(tmp_path: Path) -> None:
    int64 = FileTensor((1, 4), 4, scale=None)
    error = refused(replace(SMALL, tensors=[*SMALL.tensors, int64], inputs=(0, 2)), tmp_path)
    assert error.code == "emit.interface"
    assert "int64" in error.message


@pytest.mark.parametrize(
    "name",
    [
        "*/ int evil; /*",
        "*\\ int evil; /\\*",
        "*\\\\/ int evil; /*/",
        "/*/ int evil; /*",
        '"; int evil; //',
        '\\"; int evil; //',
        "??/\n int evil;",
        "\r\n#error evil",
        "${name}$evil",
        "%s%n evil",
        "return",
        b"\xff\xfe\xc3\x28 evil",
        "evil" * 1000,
    ],
)
def test_names_of_tensors_stay_comments_and_strings(name: str | bytes, tmp_path: Path) -> None:
    weights = FileTensor((1, 1, 1, 1), data=b"\x01", name=name)
    image = FileTensor((1, 2, 2, 1), name=name)
    options = ("Conv2DOptions", {"StrideH": 1, "StrideW": 1})
    sources = build(File([image, image, weights], [FileOperator(BUILTIN.CONV_2D, (0, 2), (1,), options)]), tmp_path)
    for path, text in sources.files.items():
        if path.endswith((".c", ".h")):
            bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
            assert "evil" not in re.sub(r'"(\\.|[^"\\\n])*"', "", bare), path
    host_model.write(sources, tmp_path)
    host_model.compile_folder(tmp_path, sources.symbol, sources.units, host_model.TRAP)


def test_a_message_shows_a_name_as_far_as_it_is_text(tmp_path: Path) -> None:
    error = refused(with_tensor(name="[/bold]\x1b[2J\u202e" * 300, scale=(0.0,)), tmp_path)
    assert error.message.isprintable()
    assert len(error.message) < 2000


def test_the_command_line_shows_names_that_look_like_its_own_markup(tmp_path: Path) -> None:
    image = FileTensor((1, 4), name="[/bold][blue]x")
    built = File([image, image], [FileOperator(BUILTIN.RELU6, (0,), (1,))])
    custom = File([image, image], [FileOperator(BUILTIN.CUSTOM, (0,), (1,), custom="[/red]x")])
    (tmp_path / "built.tflite").write_bytes(built.write())
    (tmp_path / "custom.tflite").write_bytes(custom.write())
    for model, name, code in (("built", "[/bold][blue]x", 0), ("custom", "[/red]x", 4)):
        inspected = edgekit("inspect", f"{model}.tflite", cwd=tmp_path)
        planned = edgekit("plan", f"{model}.tflite", "--board", "host", cwd=tmp_path)
        assert (inspected.returncode, planned.returncode) == (0, code), inspected.stderr + planned.stderr
        assert name in inspected.stdout
        assert name in planned.stdout + planned.stderr
