"""The emitted folder: complete, readable, deterministic, clean under every compiler, and the same as last time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conformance.side_by_side import one_of_each
from support import host_model, plans, schedules
from support.graph_builder import GraphBuilder
from support.host_model import WARNINGS
from support.models import NAMES

from edgekit_codegen.emit import EmitOptions, Sources, emit, literals
from edgekit_codegen.emit.emit import MAX_REGIONS
from edgekit_codegen.emit.invoke import affine
from edgekit_codegen.emit.names import identifier
from edgekit_codegen.errors import CodegenError
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.attributes import Conv2D
from edgekit_codegen.schedule.types import Affine, AffineBox, Run, Schedule, Segment
from edgekit_codegen.target import Region, Target

GOLDEN = Path(__file__).parent / "golden" / "tiny"


def emitted(graph: Graph, target: Target = plans.HOST, name: str | None = None) -> Sources:
    return emit(graph, plans.plan(graph, target), target, EmitOptions(name=name))


def include_closure(files: dict[str, str], path: str) -> set[str]:
    found, pending = set(), [path]
    while pending:
        current = pending.pop()
        found.add(current)
        folder = current.rpartition("/")[0]
        for name in re.findall(r'#include "([^"]+)"', files[current]):
            beside = f"{folder}/{name}" if folder else name
            pending.append(beside if beside in files else name)
    return found


def test_the_folder_is_complete_and_holds_nothing_else() -> None:
    sources = emitted(plans.tiny(), name="tiny")
    files = dict(sources.files)
    own = {"tiny.c", "tiny.h", "tiny_weights.h", "layers.json", "example_main.c", "CMakeLists.txt", "README.md"}
    used = include_closure(files, "tiny.c") | include_closure(files, "example_main.c")
    assert set(files) == own | used
    assert sources.units == ("tiny.c",)
    assert sources.symbol == "tiny_model"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_bytes(name: str) -> None:
    """In this process, and in another one with other hashes."""
    graph = plans.real(name)
    sources = emitted(graph, plans.F746)
    assert dict(sources.files) == dict(emitted(graph, plans.F746).files)
    program = (
        "import hashlib; from support import plans; from edgekit_codegen.emit import emit;"
        f"g = plans.real({name!r}); s = emit(g, plans.plan(g, plans.F746), plans.F746);"
        "print(hashlib.sha256(repr(sorted(s.files.items())).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_generated_code_is_the_golden_one(request: pytest.FixtureRequest) -> None:
    """Reviewed by eye; `pytest --update-golden` after a change that is meant."""
    files = {k: v for k, v in emitted(plans.tiny(), name="tiny").files.items() if "/" not in k and "tiny" in k}
    files["layers.json"] = emitted(plans.tiny(), name="tiny").files["layers.json"]
    if request.config.getoption("--update-golden"):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        GOLDEN.mkdir(parents=True)
        for path, text in files.items():
            (GOLDEN / path).write_text(text, encoding="utf-8")
    assert sorted(files) == sorted(p.name for p in GOLDEN.iterdir())
    for path, text in files.items():
        assert text == (GOLDEN / path).read_text(encoding="utf-8"), f"{path} changed; --update-golden if that is meant"


@pytest.mark.parametrize("name", ["cc", "gcc", "clang", "arm-none-eabi-gcc", "zig cc"])
def test_every_operator_compiles_without_a_warning(name: str, tmp_path: Path) -> None:
    compilers = host_model.every_compiler()
    if name not in compilers:
        pytest.skip(f"{name} is not installed")
    graph = one_of_each()
    assert {op.kind for op in graph.ops} == set(TABLE)
    sources = emitted(graph)
    folder = host_model.write(sources, tmp_path)
    for flags in (["-O2"], ["-O0", "-pedantic"]):
        freestanding = ["-ffreestanding"] if name == "arm-none-eabi-gcc" else []
        command = [*compilers[name], *WARNINGS, *flags, *freestanding, "-I.", "-c", *sources.units]
        subprocess.run([*command, "-o", "model.o"], cwd=folder, check=True)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m7", "cortex-m55"])
def test_convolutions_of_any_channels_compile_without_a_warning(core: str, tmp_path: Path) -> None:
    """What a compiler sees of a kernel depends on a layer's constants."""
    name = "arm-none-eabi-gcc"
    if name not in (compilers := host_model.every_compiler()):
        pytest.skip(f"{name} is not installed")
    b = GraphBuilder()
    x = b.input((1, 7, 5, 2))
    for channels in (3, 1, 2, 4, 5, 6, 7, 8, 9):
        x = b.conv2d(b.conv2d(x, channels, attrs=Conv2D(padding=plans.SAME)), channels, (1, 1))
    sources = emitted(b.graph(x))
    folder = host_model.write(sources, tmp_path)
    for level in ("-O2", "-Os"):
        flags = [f"-mcpu={core}", "-mthumb", "-mfloat-abi=soft", "-ffreestanding", level, "-I.", "-c"]
        command = [*compilers[name], *WARNINGS, *flags, *sources.units, "-o", "model.o"]
        subprocess.run(command, cwd=folder, check=True)


def test_generated_code_has_no_mutable_globals_and_calls_nothing(tmp_path: Path) -> None:
    """Symbols of the object file: everything is text or read-only, and undefined are compiler's helpers only."""
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    sources = emitted(one_of_each())
    folder = host_model.write(sources, tmp_path)
    command = [*host_model.compiler(), "-std=c11", "-O2", "-fno-pic", "-I.", "-c", *sources.units, "-o", "model.o"]
    subprocess.run(command, cwd=folder, check=True)
    lines = subprocess.run(["nm", "model.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    symbols = {line.split()[-1]: line.split()[-2] for line in lines.splitlines()}
    assert not {s for s, kind in symbols.items() if kind in "BbDdC"}
    undefined = {s for s, kind in symbols.items() if kind == "U"}
    assert undefined <= {"memcpy", "memset", "memmove", "memcmp", "__stack_chk_fail"}
    external = {s for s, kind in symbols.items() if kind.isupper() and kind != "U"}
    assert external == {f"batch_{word}" for word in ("init", "input", "invoke", "model", "output")}


def test_the_stated_compiler_line_builds_and_runs_the_example(tmp_path: Path) -> None:
    graph = plans.tiny()
    folder = host_model.write(emitted(graph, name="tiny"), tmp_path)
    if shutil.which("cc") is None:
        pytest.skip("no cc")
    stated = re.findall(r"^ \*     (cc .*)$", (folder / "example_main.c").read_text(), re.MULTILINE)
    assert len(stated) == 1
    assert stated[0] in (folder / "README.md").read_text()
    subprocess.run(stated[0], shell=True, cwd=folder, check=True)
    inputs = host_model.random_inputs(graph, np.random.default_rng(3))
    (folder / "input.bin").write_bytes(inputs[0].tobytes())
    done = subprocess.run(["./tiny", "input.bin", "output.bin"], cwd=folder, check=True, capture_output=True, text=True)
    answer = host_model.reference_bytes(graph, inputs)
    assert (folder / "output.bin").read_bytes() == answer
    values = np.frombuffer(answer, np.int8).tolist()
    assert [int(line.split()[1]) for line in done.stdout.splitlines()[1:]] == values
    zero = [np.full(graph.tensors[i].shape, graph.tensors[i].zero_point, np.int8) for i in graph.inputs]
    plain = subprocess.run(["./tiny"], cwd=folder, check=True, capture_output=True, text=True).stdout
    expected = np.frombuffer(host_model.reference_bytes(graph, zero), np.int8).tolist()
    assert [int(line.split()[1]) for line in plain.splitlines()[1:]] == expected
    short = subprocess.run(["./tiny", "output.bin"], cwd=folder, capture_output=True, text=True)
    assert short.returncode == 1 and "too short" in short.stderr


def test_cmake_builds_the_library_and_the_example(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    graph = plans.tiny()
    folder = host_model.write(emitted(graph, name="tiny"), tmp_path)
    for command in (["cmake", "-S", ".", "-B", "out"], ["cmake", "--build", "out"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    inputs = host_model.random_inputs(graph, np.random.default_rng(4))
    (folder / "input.bin").write_bytes(inputs[0].tobytes())
    subprocess.run(["out/tiny_example", "input.bin", "o.bin"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    assert (folder / "o.bin").read_bytes() == host_model.reference_bytes(graph, inputs)


def test_the_header_serves_cpp(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    host_model.write(emitted(plans.tiny(), name="tiny"), tmp_path)
    (tmp_path / "main.cpp").write_text(
        '#include "tiny.h"\n'
        "alignas(TINY_REGION_0_ALIGN) static uint8_t arena[TINY_REGION_0_BYTES];\n"
        "int main()\n{\n    ek_ctx_t ctx = {};\n    ctx.region[0] = arena;\n"
        "    return tiny_init(&ctx) + tiny_invoke(&ctx) + (tiny_input(&ctx, 0) == nullptr);\n}\n"
    )
    subprocess.run(["gcc", "-std=c11", "-I.", "-c", "tiny.c"], cwd=tmp_path, check=True)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["g++", *flags, "-I.", "main.cpp", "tiny.o", "-o", "cpp"], cwd=tmp_path, check=True)
    subprocess.run(["./cpp"], cwd=tmp_path, check=True)


def test_init_refuses_a_missing_or_misaligned_region(tmp_path: Path) -> None:
    host_model.write(emitted(plans.tiny(), name="tiny"), tmp_path)
    (tmp_path / "main.c").write_text(
        '#include "tiny.h"\n'
        "static _Alignas(32) uint8_t arena[TINY_REGION_0_BYTES + 4];\n"
        "int main(void)\n{\n    const ek_ctx_t good = {.region = {arena}}, off = {.region = {arena + 4}}, none = {0};\n"
        "    const int inside = tiny_input(&good, 0) != NULL && tiny_output(&good, 0) != NULL;\n"
        "    const int outside = tiny_input(&good, 1) == NULL && tiny_output(&good, -1) == NULL;\n"
        "    return tiny_init(&good) == EK_OK && tiny_init(&off) != EK_OK && tiny_init(&none) != EK_OK && inside\n"
        "                   && outside ? 0 : 1;\n}\n"
    )
    subprocess.run([*host_model.compiler(), "-I.", "main.c", "tiny.c", "-o", "t"], cwd=tmp_path, check=True)
    subprocess.run(["./t"], cwd=tmp_path, check=True)


def test_layers_json_describes_what_the_code_runs() -> None:
    graph = plans.real("mlperf_tiny_kws")
    sources = emitted(graph, plans.F746)
    document = json.loads(sources.files["layers.json"])
    assert document["schema"] == 1
    assert document["model"] == graph.name
    layers = document["layers"]
    assert [layer["index"] for layer in layers] == list(range(len(layers)))
    code = sources.files[f"{sources.name}.c"]
    assert [int(i) for i in re.findall(r"ek_mark\(ctx, (\d+)\);", code)] == list(range(len(layers)))
    for layer in layers:
        assert re.search(rf"&{layer['name']}, in, ", code), "a layer's name is its constant's"
    assert sum(layer["macs"] for layer in layers) == sum(TABLE[op.kind].macs(graph, op) for op in graph.ops) > 2_000_000
    (x,) = document["inputs"]
    assert x["shape"] == [1, 49, 10, 1] and x["dtype"] == "int8" and x["bytes"] == 490
    assert x["scale"] == graph.tensors[graph.inputs[0]].scale
    assert [r["name"] for r in document["regions"]] == ["dtcm"]
    assert sum(r["bytes"] for r in document["regions"]) == document["arena_bytes"]


def test_only_regions_in_use_are_numbered() -> None:
    graph = plans.tiny()
    target = Target("t", (Region("little", 8), Region("empty", 0), Region("large", 1 << 16)))
    plan = plans.plan(graph, target)
    used = [use for use in plan.regions if use.used]
    sources = emit(graph, plan, target, EmitOptions("tiny"))
    assert sources.regions == tuple(used)
    assert f"#define TINY_N_REGIONS {len(used)}\n" in sources.files["tiny.h"]
    assert "empty" not in sources.files["tiny.h"]


def test_more_regions_than_the_abi_has_are_refused() -> None:
    graph = plans.tiny()
    plan = plans.plan(graph)
    assert f"#define EK_MAX_REGIONS {MAX_REGIONS}\n" in emit(graph, plan, plans.HOST).files["edgekit.h"]
    crowded = replace(plan, regions=plan.regions * (MAX_REGIONS + 1))
    with pytest.raises(CodegenError, match="5 memory regions"):
        emit(graph, crowded, plans.HOST)


@pytest.mark.parametrize("schedule", [schedules.bands, schedules.strips], ids=["bands", "strips"])
def test_loops_over_bands_and_strips(schedule: object, tmp_path: Path) -> None:
    graph = plans.chain()
    plan = make_plan(graph, schedule(graph, 2), plans.HOST)  # type: ignore[operator]
    validate(graph, plan, plans.HOST)
    same_as_reference(graph, emit(graph, plan, plans.HOST), tmp_path)


@pytest.mark.parametrize("scattered", [False, True])
def test_a_ring_buffer(scattered: bool, tmp_path: Path) -> None:
    graph = plans.chain()
    plan = schedules.ring(graph, 3, scattered=scattered)
    validate(graph, plan, plans.HOST)
    sources = emit(graph, plan, plans.HOST)
    assert ".slots = 3" in sources.files["built.c"]
    same_as_reference(graph, sources, tmp_path)


def test_streamed_rows_and_an_aborted_inference(tmp_path: Path) -> None:
    graph = plans.chain()
    plan = schedules.ring(graph, 3, streamed=True)
    validate(graph, plan, plans.HOST)
    sources = emit(graph, plan, plans.HOST)
    model = same_as_reference(graph, sources, tmp_path, streamed=(True, True))
    size = graph.tensors[graph.inputs[0]].bytes
    assert model.call(1, bytes(size), abort_at=4).returncode == 42


def same_as_reference(
    graph: Graph, sources: Sources, folder: Path, streamed: tuple[bool, bool] = (False, False)
) -> host_model.HostModel:
    model = host_model.build(sources, graph, folder, streamed)
    rng = np.random.default_rng(11)
    values = [host_model.random_inputs(graph, rng) for _ in range(3)]
    assert model.run(values) == [host_model.reference_bytes(graph, value) for value in values]
    return model


def test_channel_groups_are_refused_clearly() -> None:
    graph = plans.chain()
    plan = plans.plan(graph)
    box = AffineBox(Affine(0), Affine(9), Affine(0), Affine(4), Affine(0), Affine(1))
    part = replace(plan, schedule=Schedule((Segment("channels", (Run(0, box),)),)))
    with pytest.raises(CodegenError, match="conv2d: channel groups"):
        emit(graph, part, plans.HOST)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("VWW 96", "vww_96"),
        ("3d-net", "model_3d_net"),
        ("", "model"),
        ("edgekit", "model_edgekit"),
        ("kernels", "model_kernels"),
        ("ek_x", "model_ek_x"),
        ("größe/2", "gr_e_2"),
    ],
)
def test_names_become_identifiers(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Names come from model files: they end no comment and no string."""
    graph = plans.tiny()
    evil = 'a*/ #error "??/\\ \n /* b'
    tensors = {i: replace(t, name=evil) for i, t in graph.tensors.items()}
    graph = replace(graph, tensors=tensors, name=evil)
    sources = emitted(graph)
    folder = host_model.write(sources, tmp_path)
    (folder / "main.c").write_text(
        f'#include <stdio.h>\n#include "{sources.name}.h"\n'
        f"int main(void)\n{{\n    fputs({sources.symbol}.inputs[0].name, stdout);\n    return 0;\n}}\n"
    )
    command = [*host_model.compiler(), *WARNINGS, "-pedantic", "-I.", "main.c", *sources.units, "-o", "t"]
    subprocess.run(command, cwd=folder, check=True)
    assert subprocess.run(["./t"], cwd=folder, check=True, capture_output=True, text=True).stdout == evil


def test_tables_hold_every_number() -> None:
    for dtype in (np.int8, np.int16, np.int32):
        limits = np.iinfo(dtype)
        for n in (0, 1, 19, 20, 21, 333):
            values = np.random.default_rng(n).integers(limits.min, limits.max, n, dtype=dtype, endpoint=True)
            text = literals.table(values)
            assert [int(v) for v in text.replace(",", " ").split()] == values.tolist()
            assert all(len(line) <= literals.WIDTH for line in text.splitlines())


def test_numbers_as_literals() -> None:
    assert literals.real(1 / 256) == "0x1p-8f"
    assert literals.real(float(np.float32(0.1))) == "0x1.99999ap-4f"
    assert float.fromhex(literals.real(-3.5)[:-1]) == -3.5
    assert literals.integer(-(1 << 31)) == "INT32_MIN"
    for bad in (0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="float32"):
            literals.real(bad)


def test_affine_expressions_as_c() -> None:
    for expression, text in [
        (Affine(3), "3"),
        (Affine(0, (("i", 1),)), "i"),
        (Affine(-1, (("i", 2), ("j", -1))), "2 * i - j - 1"),
        (Affine(4, (("i", -3),)), "4 - 3 * i"),
        (Affine(-4, (("i", -1),)), "-i - 4"),
    ]:
        assert affine(expression) == text
        assert eval(text, {}, {"i": 5, "j": 7}) == expression.at({"i": 5, "j": 7})


def test_long_calls_are_wrapped() -> None:
    text = literals.fill("    call(", [f"argument_{i:02d}" for i in range(20)], ");")
    assert all(len(line) <= literals.WIDTH for line in text.splitlines())
    assert re.sub(r"\s+", "", text) == "call(" + ",".join(f"argument_{i:02d}" for i in range(20)) + ");"
