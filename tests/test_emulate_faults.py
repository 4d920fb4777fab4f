"""The emulated board stops where silicon would not go on, and says why and where: a firmware for every rule."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.fault_firmware import Firmware
from support.faults_core import CORE
from support.faults_memory import MEMORY
from support.faults_stm32f7 import STM32F7
from support.faults_stm32g0 import STM32G0
from support.faults_stm32l4 import STM32L4
from support.models import ROOT

from edgekit.emulate.faults import FaultReport
from edgekit.emulate.rules import FaultKind, Rule

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

FIRMWARE: dict[str, Firmware] = {
    f"{part}: {name}": firmware
    for part, cases in {
        "memory": MEMORY,
        "core": CORE,
        "stm32f7": STM32F7,
        "stm32g0": STM32G0,
        "stm32l4": STM32L4,
    }.items()
    for name, firmware in cases.items()
}


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name)
def test_every_rule_has_firmware_that_breaks_it(rule: Rule) -> None:
    assert any(firmware.rule is rule for firmware in FIRMWARE.values()), f"no firmware breaks {rule.name}: {rule.when}"


def test_every_kind_has_a_rule() -> None:
    assert {rule.kind for rule in Rule} == set(FaultKind)


def test_every_rule_is_enforced_somewhere_and_only_as_a_rule() -> None:
    named = set()
    for path in (ROOT / "edgekit" / "emulate").rglob("*.py"):
        if path.name == "rules.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rule":
                named.add(node.attr)
    assert named == set(Rule.__members__)


@pytest.mark.parametrize("name", FIRMWARE)
def test_a_fault_names_rule_function_and_address(name: str, tmp_path: Path) -> None:
    firmware = FIRMWARE[name]
    fault = firmware.fault(tmp_path)
    assert fault.rule is firmware.rule, str(fault)
    assert firmware.says in fault.message, str(fault)
    assert fault.function.split("+")[0] == firmware.where, str(fault)
    assert fault.kind.value in str(fault)
    assert fault.layer is None
    if firmware.address is not None:
        assert fault.address == firmware.address, str(fault)
    if firmware.where:
        assert fault.instruction, str(fault)
    assert bool(fault.registers) == (
        fault.kind not in (FaultKind.INSTRUCTION, FaultKind.VECTOR_TABLE) or "VTOR" in name
    )


def test_the_stack_overflows_into_what_lies_below_it(tmp_path: Path) -> None:
    fault = MEMORY["recursion, small frames"].fault(tmp_path)
    assert fault.address is not None
    assert re.search(r"below its lowest address 0x2000f000", fault.message)
    assert 0x2000F000 - 64 <= fault.address < 0x2000F000


def test_an_endless_loop_is_located_whatever_is_in_it(tmp_path: Path) -> None:
    fault = CORE["a loop around something"].fault(tmp_path)
    assert fault.function.split("+")[0] == "culprit" and fault.instruction
    assert f"pc 0x{fault.pc:08x}" in str(fault)


def test_reports_survive_their_way_through_json() -> None:
    report = FaultReport(
        Rule.UNALIGNED_MULTIPLE,
        "because",
        0x200,
        "f+0x2",
        "ldrd r0, r1, [r2]",
        0x20000001,
        3,
        "f.c:7",
        {"r0": 5, "pc": 2},
    )
    assert FaultReport.from_json(report.to_json()) == report
    assert "f+0x2 (pc 0x00000200, f.c:7), layer 3" in str(report)
    assert "layer 3 (dense)" in report.describe(["a", "b", "c", "dense"])
    assert "r0 0x00000005" in report.dump()
