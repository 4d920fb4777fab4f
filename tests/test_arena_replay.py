"""Every load and store of generated code, replayed against the plan: real firmware, every kernel, each kind of core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from support import plans, schedules, streamed
from support.arena_cases import every_form, inputs, joined, replayed
from support.arena_images import emulated, replay_firmware
from support.arena_replay import ArenaReplay
from support.graph_builder import GraphBuilder
from support.models import NAMES, ROOT, model_path
from support.toolchains import require

from edgekit import boards, pipeline
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.ops import TABLE
from edgekit_codegen.ops.record import Overlap
from edgekit_codegen.schedule import walk

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

BOARDS = {"cortex-m0plus": "stm32g0b1", "cortex-m4": "stm32l4r5", "cortex-m7": "stm32f746"}
CORES = ("cortex-m0", "cortex-m4", "cortex-m7")
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Firmware is compiled once for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def replay_model(model: Path, core: str, toolchain: str, folder: Path) -> ArenaReplay:
    board = boards.load(BOARDS[core])
    compiled = pipeline.compile_model(model, board)
    artifact = pipeline.to_firmware(compiled, board, folder, require(toolchain), "balanced")
    return replay_firmware(compiled.graph, compiled.plan, emulated(artifact.elf, board), inputs(compiled.graph))


@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("toolchain", ["gnu", "zig"])
def test_the_firmware_of_digits_keeps_to_its_plan(core: str, toolchain: str, tmp_path: Path) -> None:
    replay = replay_model(DIGITS, core, toolchain, tmp_path)
    assert replay.loads > 15_000
    assert replay.stores > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("toolchain", ["gnu", "zig"])
@pytest.mark.parametrize("name", NAMES)
def test_the_firmware_of_real_models_keeps_to_its_plan(name: str, core: str, toolchain: str, tmp_path: Path) -> None:
    assert replay_model(model_path(name), core, toolchain, tmp_path).loads > 1000


def test_tracing_changes_no_count(tmp_path: Path) -> None:
    """Its callbacks stop at instructions in IT blocks too, and in the middle of the basic blocks that are counted."""
    board = boards.load(BOARDS["cortex-m7"])
    compiled = pipeline.compile_model(DIGITS, board)
    elf = pipeline.to_firmware(compiled, board, tmp_path, None, "balanced").elf
    traced, plain = emulated(elf, board), emulated(elf, board)
    replay_firmware(compiled.graph, compiled.plan, traced, inputs(compiled.graph))
    plain.infer(inputs(compiled.graph))
    assert traced.marks == plain.marks
    assert len(plain.marks) == 1


FORMS: dict[str, Callable[[Graph], Plan]] = {
    "whole": plans.plan,
    "bands": lambda graph: make_plan(graph, schedules.bands(graph, 2), plans.HOST),
    "strips": lambda graph: make_plan(graph, schedules.strips(graph, 2), plans.HOST),
}
RUNNING = [kind for kind in TABLE if TABLE[kind].overlap is not Overlap.VIEW]
ROTATED = {kind: (("bands", "strips")[n % 2], CORES[n % 3]) for n, kind in enumerate(RUNNING)}


def check_kind(kind: str, form: str, core: str, folder: Path) -> None:
    graph, values = every_form(kind)
    plan = FORMS[form](graph)
    assert kind not in RUNNING or kind in {graph.ops[n].kind for n in walk.layers(plan.schedule)}
    replay = replayed(graph, plan, folder, core, values)
    assert replay.loads > 0
    assert replay.stores > 0


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("kind", TABLE)
def test_every_kernel_keeps_to_what_it_declares(kind: str, core: str, tmp_path: Path) -> None:
    check_kind(kind, "whole", core, tmp_path)


@pytest.mark.parametrize("kind", RUNNING)
def test_every_kernel_keeps_to_it_in_parts(kind: str, tmp_path: Path) -> None:
    check_kind(kind, *ROTATED[kind], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("form", ["bands", "strips"])
@pytest.mark.parametrize("kind", RUNNING)
def test_every_kernel_keeps_to_it_in_all_parts(kind: str, form: str, core: str, tmp_path: Path) -> None:
    check_kind(kind, form, core, tmp_path)


@pytest.mark.parametrize("core", CORES)
def test_parts_that_lie_in_a_whole(core: str, tmp_path: Path) -> None:
    graph = joined()
    plan = plans.plan(graph)
    assert [graph.ops[n].kind for n in walk.layers(plan.schedule)] == ["relu"] * 3
    replayed(graph, plan, tmp_path, core)


@pytest.mark.parametrize("core", CORES)
def test_a_layer_that_stores_single_bytes_is_not_left_out(core: str, tmp_path: Path) -> None:
    """GCC 12 takes a function with such a loop for one without effects."""
    b = GraphBuilder()
    graph = b.graph(b.transpose(b.input((9, 2)), (1, 0)))
    replayed(graph, plans.plan(graph), tmp_path, core)


@given(plans.graphs())
@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would compile for minutes
def test_random_graphs_keep_to_their_plans(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    replayed(graph, plans.plan(graph), tmp_path_factory.mktemp("graph"))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("form", ["bands", "strips", "ring", "scattered", "streamed"])
def test_loops_rings_and_streamed_rows(form: str, core: str, tmp_path: Path) -> None:
    graph = plans.chain()
    made = {
        "bands": lambda: make_plan(graph, schedules.bands(graph, 2), plans.HOST),
        "strips": lambda: make_plan(graph, schedules.strips(graph, 2), plans.HOST),
        "ring": lambda: schedules.ring(graph, 3),
        "scattered": lambda: schedules.ring(graph, 3, scattered=True),
        "streamed": lambda: schedules.ring(graph, 3, streamed=True),
    }
    assert replayed(graph, made[form](), tmp_path, core).stores > 100


def check_stream(form: str, core: str, folder: Path) -> None:
    made = streamed.HAND_MADE[form]()
    assert replayed(made.graph, made.plan(), folder, core).stores >= 40


TURNS = {form: CORES[n % 3] for n, form in enumerate(streamed.HAND_MADE)}


@pytest.mark.parametrize("form", streamed.HAND_MADE)
def test_tiles_sums_and_rows_that_move_into_rings(form: str, tmp_path: Path) -> None:
    check_stream(form, TURNS[form], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("form", streamed.HAND_MADE)
def test_tiles_sums_and_rows_that_move_into_rings_on_every_core(form: str, core: str, tmp_path: Path) -> None:
    check_stream(form, core, tmp_path)
