"""The command line's contract: exit codes, the JSON envelope, messages that say what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.command_line import edgekit, envelope
from support.models import ROOT, model_path

DIGITS = ROOT / "examples" / "digits"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, built for this machine."""
    folder = tmp_path_factory.mktemp("project") / "digits"
    shutil.copytree(DIGITS, folder, ignore=shutil.ignore_patterns("build"))
    done = edgekit("build", "--board", "host", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_build_outside_a_project_names_new_and_build_model(tmp_path: Path) -> None:
    done = edgekit("build", "--board", "stm32f746", cwd=tmp_path)
    assert done.returncode == 2
    assert "edgekit new" in done.stderr
    assert "edgekit build MODEL" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_board_lists_the_closest(tmp_path: Path) -> None:
    done = edgekit("plan", DIGITS / "digits.tflite", "--board", "stm32f764", "--json", cwd=tmp_path)
    assert done.returncode == 3
    (error,) = envelope(done)["errors"]
    assert error["code"] == "board.unknown"
    assert "stm32f746" in error["message"] + error["hint"]


def test_errors_are_enveloped_too_and_usage_is_exit_2(tmp_path: Path) -> None:
    done = edgekit("build", "--no-such-option", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert envelope(done)["errors"][0]["code"] == "usage"
    assert edgekit("plan", "absent.tflite", "--board", "host", cwd=tmp_path).returncode == 2


def test_a_broken_model_is_exit_4(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes((DIGITS / "digits.tflite").read_bytes()[:1000])
    done = edgekit("build", "broken.tflite", "--board", "host", "--json", cwd=tmp_path)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert envelope(done)["errors"]


def test_a_typo_in_edgekit_toml_names_file_line_and_key(tmp_path: Path) -> None:
    shutil.copytree(DIGITS, tmp_path / "p", ignore=shutil.ignore_patterns("build"))
    file = tmp_path / "p" / "edgekit.toml"
    file.write_text(file.read_text().replace("model =", "modle ="))
    done = edgekit("build", "--board", "host", cwd=tmp_path / "p")
    assert done.returncode == 3
    assert "edgekit.toml:" in done.stderr
    assert "model" in done.stderr


def test_a_model_that_does_not_fit_is_exit_5_and_names_the_tensor(tmp_path: Path) -> None:
    model = model_path("mcunet_vww1")
    boards = tmp_path / "boards"
    boards.mkdir()
    (tmp_path / "edgekit.toml").write_text('[project]\nname = "p"\nmodel = "m.tflite"\n')
    shutil.copyfile(model, tmp_path / "m.tflite")
    small = (ROOT / "boards" / "stm32f746g-disco.toml").read_text()
    small = small.replace('name = "stm32f746g-disco"', 'name = "small"').replace("0x40000", "0x8000")
    small = small.replace('aliases = ["stm32f746"]', "aliases = []")
    (boards / "small.toml").write_text(small)
    done = edgekit("plan", "--board", "small", "--json", cwd=tmp_path)
    assert done.returncode == 5, done.stdout
    message = envelope(done)["errors"][0]["message"]
    assert "dtcm" in message
    assert "sram" in message
    assert any(tensor in message for tensor in ("40x40", "(", "tensor"))


def test_no_toolchain_is_exit_6_with_the_command_that_gets_one(tmp_path: Path) -> None:
    done = edgekit(
        "build",
        DIGITS / "digits.tflite",
        "--board",
        "stm32f746",
        "--toolchain",
        "gnu",
        cwd=tmp_path,
        PATH="/nonexistent",
    )
    assert done.returncode == 6
    assert "edgekit[toolchain]" in done.stderr


def test_no_device_is_exit_7_and_points_to_emulate(digits: Path, tmp_path: Path) -> None:
    done = edgekit("build", DIGITS / "digits.tflite", "--board", "stm32f746", "-o", tmp_path / "b", cwd=tmp_path)
    if done.returncode == 6:
        pytest.skip("no toolchain for Cortex-M here")
    done = edgekit("profile", tmp_path / "b", cwd=tmp_path)
    assert done.returncode == 7
    assert "--emulate" in done.stderr


def test_build_json_has_the_fields_that_scripts_rely_on(digits: Path) -> None:
    data = envelope(edgekit("build", "--board", "host", "--json", cwd=digits))["data"]
    fields = "model board toolchain arena_bytes arena_lower_bound_bytes sram_bytes flash_bytes code_bytes weights_bytes"
    fields += " regions macs macs_original schedule elf dir"
    assert set(fields.split()) <= set(data)
    assert data["arena_bytes"] >= data["arena_lower_bound_bytes"] > 0
    assert data["cached"] is True
    assert Path(data["elf"]).is_file()


def test_run_reads_and_writes_arrays_and_equals_the_reference(digits: Path) -> None:
    images = np.load(DIGITS / "test_images.npy")
    np.save(digits / "x.npy", images[0].astype(np.float32) * 0.0625)
    done = edgekit("run", "--input", "x.npy", "--output", "y.npy", "--json", cwd=digits)
    assert done.returncode == 0, done.stderr
    data = envelope(done)["data"]
    assert data["target"] == "host"
    assert data["output_matches_reference"] is True
    assert data["label"] == str(np.load(DIGITS / "test_labels.npy")[0])
    assert int(np.load(digits / "y.npy").argmax()) == int(data["label"])


def test_run_classifies_a_picture(digits: Path) -> None:
    pytest.importorskip("PIL")
    done = edgekit("run", "--input", "sample.png", cwd=digits)
    assert done.returncode == 0, done.stderr
    assert "score" in done.stdout


def test_profile_fields_and_honest_nulls_on_the_host(digits: Path) -> None:
    data = envelope(edgekit("profile", "--json", cwd=digits))["data"]
    assert data["cycles"] is None
    assert data["latency_ms"] is None
    assert data["cycles_source"] is None
    assert data["instructions"] is None
    assert {"name", "op", "macs", "instructions", "cycles"} <= set(data["layers"][0])
    assert data["arena_bytes"] > 0


def test_dry_run_builds_nothing(tmp_path: Path) -> None:
    done = edgekit("build", DIGITS / "digits.tflite", "--board", "stm32f746", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_new_makes_a_project_that_builds(tmp_path: Path) -> None:
    done = edgekit("new", "mine", "--model", DIGITS / "digits.tflite", "--board", "host", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = edgekit("build", cwd=tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    assert edgekit("new", "mine", cwd=tmp_path).returncode == 2


def test_inspect_lists_every_operator(tmp_path: Path) -> None:
    data = envelope(edgekit("inspect", DIGITS / "digits.tflite", "--json", cwd=tmp_path))["data"]
    assert data["operators"][0]["name"] == "CONV_2D"
    assert all(op["supported"] for op in data["operators"])


def test_boards_and_doctor_answer(tmp_path: Path) -> None:
    listed = envelope(edgekit("boards", "--json", cwd=tmp_path))["data"]["boards"]
    f746 = next(b for b in listed if b["name"] == "stm32f746g-disco")
    assert f746["ram_bytes"] == (16 + 64 + 256) * 1024
    assert f746["flash_bytes"] == 1024 * 1024
    assert f746["status"] in ("emulated", "build-only")
    assert envelope(edgekit("doctor", "--json", cwd=tmp_path))["data"]["checks"]


def test_the_functions_return_what_the_commands_print(digits: Path) -> None:
    import edgekit as package

    result = package.build(start=digits, board="host")
    assert result.cached
    assert result.to_json()["arena_bytes"] == result.arena_bytes
    assert package.profile(start=digits).output_matches_reference
