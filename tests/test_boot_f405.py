"""The STM32F405's port with a clock tree, which QEMU's model of the part lacks: the very image that QEMU runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.handmade import tiny
from support.models import ROOT
from support.ports import without_step
from support.toolchains import require

from edgekit.builder import build_firmware
from edgekit.errors import LinkError
from edgekit.link import Session

pytest.importorskip("unicorn", reason="the emulator extra is not installed")
pytest.importorskip("capstone", reason="the emulator extra is not installed")

from support import stm32f405

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


STEPS = (
    (r"RCC_CR \|= RCC_CR_HSEON;", None, ""),
    (r"RCC_CR \|= RCC_CR_PLLON;", None, ""),
    (r" \| FLASH_ACR_LATENCY_5WS(?= )", None, ""),
    (r"RCC_APB1ENR \|= RCC_APB1ENR_PWREN;", "unclocked", "PWR"),
    (r"PWR_CR \|= PWR_CR_VOS;", "clock", "144000000 Hz"),
    (r" \| RCC_PLLCFGR_PLLSRC(?= )", "clock", "VCO"),
    (r" \| RCC_CFGR_PPRE1_DIV4", "clock", "PCLK1 is 168000000 Hz"),
    (r" \| RCC_CFGR_PPRE2_DIV2", "clock", "PCLK2 is 168000000 Hz"),
    (r"RCC_APB2ENR \|= RCC_APB2ENR_USART1EN;", "unclocked", "USART1"),
    (r"RCC_AHB1ENR \|= 1u << port;", "unclocked", "GPIOA"),
)
"""A step of the port, the fault without it (None: the port notices and stays on its oscillator), and what that says."""


@pytest.mark.parametrize(("line", "kind", "says"), STEPS)
def test_the_port_needs_every_one_of_its_steps(
    line: str, kind: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_step("stm32f4", line, tmp_path, monkeypatch)
    board = stm32f405.board(monkeypatch)
    artifact = build_firmware(tiny(), board, tmp_path / "out", toolchain=require("gnu"))
    running = stm32f405.Running(artifact.elf, board)
    if kind is None:
        with Session(running, timeout=60) as session:
            hello = session.hello()
            assert hello.clock_hz == hello.tick_hz == 16_000_000
        return
    with pytest.raises(LinkError), Session(running, timeout=2) as session:
        session.hello()
    assert running.fault is not None
    assert running.fault.kind == kind, str(running.fault)
    assert says in running.fault.message, str(running.fault)
