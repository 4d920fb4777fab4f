"""From a .tflite to an emulated STM32L4R5, with either toolchain: the reference's bytes, within the stack's bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.models import ROOT, model_path
from support.ports import answers_as_the_reference, clock_of, fault_of, without_step
from support.toolchains import NAMES

from edgekit import boards
from edgekit.builder.firmware import definitions

pytest.importorskip("unicorn", reason="the emulator extra is not installed")
pytest.importorskip("capstone", reason="the emulator extra is not installed")

BOARD = "nucleo-l4r5zi"
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", ["digits", "mlperf_tiny_kws"])
def test_the_emulated_board_answers_as_the_reference(name: str, toolchain: str, tmp_path: Path) -> None:
    model = DIGITS if name == "digits" else model_path(name)
    profile = answers_as_the_reference(model, BOARD, toolchain, tmp_path)
    assert profile.clock_hz == 120_000_000
    assert profile.cycles_source == "estimated"
    assert profile.cycles is not None and profile.instructions is not None
    assert profile.instructions < profile.cycles < 3 * profile.instructions


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        (r"PWR_CR2 \|= PWR_CR2_IOSV;", "peripheral", "PWR_CR2.IOSV is clear"),
        (r"PWR_CR5 &= ~PWR_CR5_R1MODE;", "clock", "voltage range allows 80000000"),
        (r"RCC_APB1ENR2 \|= RCC_APB1ENR2_LPUART1EN;", "unclocked", "LPUART1"),
        (r"RCC_APB1ENR1 \|= RCC_APB1ENR1_PWREN;", "unclocked", "PWR"),
        (r"RCC_PLLCFGR \|= RCC_PLLCFGR_PLLREN;", "clock", "PLLREN"),
        (r" \| RCC_CFGR_HPRE_DIV2(?=;)", "clock", "at once"),
        (r" \| FLASH_ACR_LATENCY_5WS(?= )", "no-fault", ""),  # the port waits for them, in vain, and stays at 4 MHz
    ],
)
def test_the_port_needs_every_one_of_its_steps(
    line: str, kind: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very port, with one step taken out of it."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    without_step("stm32l4", line, tmp_path, monkeypatch)
    if kind == "no-fault":
        assert clock_of(BOARD, tmp_path) == 4_000_000
        return
    fault = fault_of(BOARD, tmp_path)
    assert fault.kind == kind, str(fault)
    assert says in fault.message, str(fault)


def test_pins_uart_and_clock_come_from_the_boards_file() -> None:
    macros = definitions(boards.load(BOARD))
    assert macros["EK_UART_LPUART1"] == "1"
    assert (macros["EK_UART_TX_PORT"], macros["EK_UART_TX_PIN"]) == ("6u", "7u")
    assert (macros["EK_UART_RX_PORT"], macros["EK_UART_RX_PIN"]) == ("6u", "8u")
    assert macros["EK_CLOCK_HZ"] == "120000000u"
