"""CMSIS-NN's own test data through reference and kernels, where a checkout is at hand; and that failures are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import cmsis_nn, cmsis_nn_data

CONFIG = """#define TINY_OUT_CH 2
#define TINY_IN_CH 1
#define TINY_INPUT_W 2
#define TINY_INPUT_H 1
#define TINY_OUT_ACTIVATION_MIN -128
#define TINY_OUT_ACTIVATION_MAX 5
#define TINY_INPUT_BATCHES 1
#define TINY_FILTER_X 1
#define TINY_FILTER_Y 1
#define TINY_STRIDE_X 1
#define TINY_STRIDE_Y 1
#define TINY_PAD_X 0
#define TINY_PAD_Y 0
#define TINY_OUTPUT_W 2
#define TINY_OUTPUT_H 1
#define TINY_INPUT_OFFSET 1
#define TINY_OUTPUT_OFFSET -1
#define TINY_DILATION_X 1
#define TINY_DILATION_Y 1
"""
ARRAYS = """const int8_t tiny_input[2] = {3, -5};
const int8_t tiny_weights[2] =
    {2, -1};
const int32_t tiny_biases[2] = {10, 0};
const int32_t tiny_output_mult[2] = {1073741824, 1073741824};
const int32_t tiny_output_shift[2] = {0, 1};
const int8_t tiny_output[4] = {%s};
const int8_t *const tiny_output_ref = tiny_output;
"""
# ((3 + 1) * 2 + 10) / 2 - 1 = 8, which the activation clamps to 5; (3 + 1) * -1 - 1; and the same of -5 + 1 = -4.
RIGHT, WRONG = "5, -5, 0, 3", "5, -5, 0, 4"


def checkout(folder: Path, golden: str) -> Path:
    """A checkout with one convolution, one data set of another type, and one that no test reads."""
    cases = folder / cmsis_nn_data.CASES
    for name in ("tiny", "tiny_f32", "unread"):
        (cases / "TestData" / name).mkdir(parents=True)
        (cases / "TestData" / name / "test_data.h").write_text('#include "config_data.h"\n#include "data.h"\n')
    (cases / "TestData" / "tiny" / "config_data.h").write_text(CONFIG)
    (cases / "TestData" / "tiny" / "data.h").write_text(ARRAYS % golden)
    for test, name in (("convolve_s8", "tiny"), ("convolve_f32", "tiny_f32")):
        (cases / f"test_arm_{test}").mkdir()
        (cases / f"test_arm_{test}" / "test.c").write_text(f'#include "../TestData/{name}/test_data.h"\n')
    return folder


@pytest.mark.parametrize(
    ("golden", "counts"), [(RIGHT, "1 passed, 0 failed, 2 skipped"), (WRONG, "0 passed, 1 failed, 2 skipped")]
)
def test_reasons_come_first_and_counts_last(tmp_path: Path, golden: str, counts: str) -> None:
    lines = cmsis_nn.report(list(cmsis_nn.outcomes(checkout(tmp_path, golden))))
    assert lines[-1] == counts
    assert lines[:2] == [
        "skipped 1, floating point: tiny_f32 (convolve_f32)",
        "skipped 1, no unit test reads it: unread",
    ]
    assert lines[2:-1] == (
        ["failed tiny (convolve_s8): 1 of 4 values of the reference differ"] if golden == WRONG else []
    )


def test_data_that_do_not_fit_are_a_failure(tmp_path: Path) -> None:
    outcomes = {o.name: o for o in cmsis_nn.outcomes(checkout(tmp_path, "1, 2, 3"))}
    assert outcomes["tiny (convolve_s8)"].verdict == "failed"


def test_absence_is_visible(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(cmsis_nn_data.VARIABLE, raising=False)
    assert cmsis_nn.main() == 0
    said, counts = capsys.readouterr().out.splitlines()
    assert cmsis_nn_data.VARIABLE in said
    assert counts == "0 passed, 0 failed, 0 skipped"


def test_every_int8_data_set() -> None:
    root = cmsis_nn_data.root()
    if root is None:
        pytest.skip(f"{cmsis_nn_data.VARIABLE} names no checkout of CMSIS-NN")
    outcomes = list(cmsis_nn.outcomes(root))
    assert not [o for o in outcomes if o.verdict == "failed"]
    assert any(o.verdict == "passed" for o in outcomes)
