"""Which layers CMSIS-NN computes, and what plans and generated C make of it; none of this needs CMSIS-NN itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import plans
from support.cmsis_layers import offered, target
from support.command_line import edgekit, envelope
from support.graph_builder import STEP, GraphBuilder
from support.models import ROOT

from edgekit_codegen.emit import Sources, emit
from edgekit_codegen.errors import DoesNotFit, InvalidPlan
from edgekit_codegen.ir import Graph, Quant
from edgekit_codegen.memory import Plan, make_plan
from edgekit_codegen.memory.validate import validate
from edgekit_codegen.ops.attributes import Conv2D, DepthwiseConv2D, Mul, Padding, Pool2D
from edgekit_codegen.providers import at_once, cmsis, kernel_of
from edgekit_codegen.schedule import layerwise
from edgekit_codegen.target import Region, Target

TARGET = replace(plans.HOST, kernels=cmsis.NAME)
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
WIDE = Quant((0.5,), (3,))


def built(make: object) -> Graph:
    b = GraphBuilder()
    return b.graph(make(b))  # type: ignore[operator]


LAYERS = {
    "conv2d": lambda b: b.conv2d(b.input((1, 6, 6, 4))),
    "dilated": lambda b: b.conv2d(b.input((1, 6, 6, 4)), attrs=Conv2D(dilation=(2, 2))),
    "depthwise x2": lambda b: b.depthwise(b.input((1, 6, 6, 4)), attrs=DepthwiseConv2D(multiplier=2)),
    "fully connected": lambda b: b.fully_connected(b.input((2, 8)), 3, 8),
    "average": lambda b: b.pool("average", b.input((1, 6, 6, 4)), (2, 2)),
    "max": lambda b: b.pool("max", b.input((1, 6, 6, 4)), (2, 2)),
    "add": lambda b: b.add(b.input((1, 6, 6, 4)), b.input((1, 6, 6, 4))),
    "mul": lambda b: b.apply("mul", (b.input((1, 6, 6, 4)), b.input((1, 6, 6, 4))), Mul(), WIDE),
    "softmax": lambda b: b.softmax(b.input((1, 255))),
}
OTHERS = {
    "broadcast add": lambda b: b.add(b.input((1, 6, 6, 4)), b.input((1, 1, 1, 4))),
    "broadcast mul": lambda b: b.apply("mul", (b.input((1, 6, 6, 4)), b.input((1,))), Mul(), WIDE),
    "256 classes": lambda b: b.softmax(b.input((1, 256))),
    "no function": lambda b: b.mean(b.input((1, 6, 6, 4)), (1, 2)),
    "wide image": lambda b: b.pool("max", b.input((1, 1, 1 << 16, 1)), (1, 1)),
    # what it is scaled by shifts the sum out of int32
    "large scale": lambda b: b.conv2d(b.input((1, 6, 6, 4), Quant((1 << 20,), (0,))), quant=Quant((2**-9,), (0,))),
}


@pytest.mark.parametrize("isa", ["scalar", "mve"])
@pytest.mark.parametrize("name", LAYERS)
def test_it_computes(name: str, isa: str) -> None:
    assert offered(built(LAYERS[name]), isa)


@pytest.mark.parametrize("name", OTHERS)
def test_it_does_not_compute(name: str) -> None:
    graph = built(OTHERS[name])
    assert not offered(graph)
    assert kernel_of(graph, graph.ops[0], target()).once is None


def test_nothing_changes_unless_it_is_asked_for() -> None:
    graph = plans.tiny()
    assert at_once(graph, plans.HOST) == {}
    assert layerwise.schedule(graph, at_once(graph, plans.HOST)) == layerwise.schedule(graph)


def in_a_row(pad: int) -> Graph:
    b = GraphBuilder()
    return b.graph(b.conv2d(b.input((1, 1, 9, 4)), 2, (1, 3), Conv2D((1, 2), padding=Padding(0, 0, pad, pad))))


def test_single_rows_that_its_vectors_get_wrong_are_not_left_to_it() -> None:
    assert (offered(in_a_row(1), "mve"), offered(in_a_row(0), "mve")) == (False, True)
    assert offered(in_a_row(1), "scalar")


def planned(graph: Graph, where: Target = TARGET) -> Plan:
    plan = make_plan(graph, layerwise.schedule(graph, at_once(graph, where)), where)
    validate(graph, plan, where)
    return plan


def span(plan: Plan, ident: int) -> range:
    storage = plan.storage(ident)
    assert storage.contiguous
    return range(storage.offsets[0], storage.offsets[0] + storage.slots * storage.pitch)


@pytest.mark.parametrize("name", LAYERS)
def test_inputs_and_scratch_lie_apart_from_the_output(name: str) -> None:
    graph = built(LAYERS[name])
    (op,), plan = graph.ops, planned(graph)
    output = span(plan, op.outputs[0])
    taken = [span(plan, i) for i in graph.inputs] + [range(s.offset, s.offset + s.size) for s in plan.scratch]
    assert plan.schedule.segments[0].kind == "layers"
    assert sum(s.size for s in plan.scratch) >= at_once(graph, TARGET)[0]
    assert all(not set(output) & set(bytes_taken) for bytes_taken in taken)
    assert plan.arena_bytes == plan.lower_bound_bytes


def test_edgekits_own_layers_beside_it_still_overwrite_their_input() -> None:
    b = GraphBuilder()
    x = b.relu(b.conv2d(b.input((1, 8, 8, 4)), 4, (1, 1)), quant=STEP)
    graph = b.graph(b.apply("max_pool2d", (x,), Pool2D((2, 2), (2, 2))))
    plan = planned(graph)
    assert list(at_once(graph, TARGET)) == [0, 2]
    assert span(plan, graph.ops[1].outputs[0]) == span(plan, graph.ops[0].outputs[0])


def test_the_checker_refuses_an_output_on_its_input() -> None:
    graph = built(LAYERS["add"])
    plan = planned(graph)
    out, x = plan.storage(graph.ops[0].outputs[0]), plan.storage(graph.inputs[0])
    moved = tuple(replace(s, offsets=x.offsets) if s is out else s for s in plan.storages)
    with pytest.raises(InvalidPlan, match="add, which computes at once"):
        validate(graph, replace(plan, storages=moved), TARGET)


@pytest.mark.parametrize("flaw", ["too small", "on the input", "on the output"])
def test_the_checker_refuses_bad_scratch(flaw: str) -> None:
    graph = built(LAYERS["conv2d"])
    plan = planned(graph)
    (scratch,), (op,) = plan.scratch, graph.ops
    begin = {"on the input": plan.storage(graph.inputs[0]), "on the output": plan.storage(op.outputs[0])}
    bad = replace(scratch, size=4) if flaw == "too small" else replace(scratch, offset=begin[flaw].offsets[0])
    with pytest.raises(InvalidPlan):
        validate(graph, replace(plan, scratch=(bad,), arena_bytes=plan.arena_bytes), TARGET)


def sources(graph: Graph) -> Sources:
    return emit(graph, planned(graph), TARGET)


def test_generated_code_calls_it_once_and_says_what_to_link() -> None:
    b = GraphBuilder()
    graph = b.graph(b.mean(b.conv2d(b.input((1, 6, 6, 4))), (1, 2)))
    made = sources(graph)
    code = made.files["built.c"]
    assert made.providers == ("cmsis-nn", "edgekit")
    assert "layer_00(ctx);" in code
    assert "layer_01(ctx, 0, " in code
    assert "for (" not in code[code.index("void layer_00(") : code.index("/* 01:")]
    assert [layer["kernels"] for layer in json.loads(made.files["layers.json"])["layers"]] == ["cmsis-nn", "edgekit"]
    assert cmsis.COMMIT in made.files["README.md"]
    assert "CMSIS_NN_ROOT" in made.files["CMakeLists.txt"]
    assert not [name for name in made.files if "arm_nn" in name]


def test_code_without_it_does_not_mention_it() -> None:
    graph = plans.tiny()
    made = emit(graph, plans.plan(graph), plans.HOST)
    assert made.providers == ("edgekit",)
    assert not [name for name, text in made.files.items() if "CMSIS" in text]


def test_weights_keep_their_order() -> None:
    graph = built(LAYERS["conv2d"])
    (op,) = graph.ops
    weights = graph.operand(op, 1).data
    table = kernel_of(graph, op, TARGET).weights(graph, op)
    assert table is not None
    assert weights is not None
    assert table[-weights.size :].tobytes() == weights.tobytes()
    assert table[: 4 * weights.shape[0]].tobytes() == graph.operand(op, 2).data.tobytes()  # type: ignore[union-attr]


def test_a_plan_says_whose_kernels_compute_what(tmp_path: Path) -> None:
    done = edgekit("plan", DIGITS, "--board", "stm32f746", "--kernels", "cmsis-nn", "--json", cwd=tmp_path)
    data = envelope(done)["data"]
    assert set(data["kernels"].values()) == {"cmsis-nn"}
    assert f"kernels cmsis-nn {len(data['kernels'])} layers" in done.stderr
    own = envelope(edgekit("plan", DIGITS, "--board", "stm32f746", "--json", cwd=tmp_path))["data"]
    assert set(own["kernels"].values()) == {"edgekit"}
    assert own["arena_bytes"] < data["arena_bytes"]


@pytest.mark.parametrize(
    "option", [("--stream-input",), ("--latency-overhead", "1.1"), ("--pareto",), ("--save-schedule", "s.toml")]
)
def test_other_schedules_are_refused(option: tuple[str, ...], tmp_path: Path) -> None:
    done = edgekit("plan", DIGITS, "--board", "stm32f746", "--kernels", "cmsis-nn", "--json", *option, cwd=tmp_path)
    (error,) = envelope(done)["errors"]
    assert (done.returncode, error["code"]) == (2, "kernels.layers")
    assert error["message"].startswith(option[0])


def test_a_budget_that_is_too_small_names_the_way_out(tmp_path: Path) -> None:
    asked = ("--board", "stm32f746", "--sram", "1K", "--json")
    done = edgekit("plan", DIGITS, *asked, cwd=tmp_path, EDGEKIT_KERNELS="cmsis-nn")
    (error,) = envelope(done)["errors"]
    assert (done.returncode, error["code"]) == (5, "memory.does_not_fit")
    assert "--kernels edgekit" in error["hint"]


def test_a_board_too_small_is_an_error_that_names_the_peak() -> None:
    with pytest.raises(DoesNotFit, match="conv2d"):
        planned(built(LAYERS["conv2d"]), replace(TARGET, regions=(Region("ram", 64),)))


def test_unknown_kernels_are_refused(tmp_path: Path) -> None:
    done = edgekit("plan", DIGITS, "--board", "stm32f746", "--kernels", "cmsis", "--json", cwd=tmp_path)
    (error,) = envelope(done)["errors"]
    assert (done.returncode, error["code"]) == (3, "config.value")
    assert "cmsis-nn" in error["hint"]
