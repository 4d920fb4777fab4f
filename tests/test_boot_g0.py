"""From a .tflite to an emulated STM32G0B1, with either toolchain: the reference's bytes, within the stack's bound."""

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

BOARD = "nucleo-g0b1re"
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", ["digits", "mlperf_tiny_kws"])
def test_the_emulated_board_answers_as_the_reference(name: str, toolchain: str, tmp_path: Path) -> None:
    model = DIGITS if name == "digits" else model_path(name)
    profile = answers_as_the_reference(model, BOARD, toolchain, tmp_path)
    assert profile.clock_hz == 64_000_000


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        (r"RCC_APBENR1 \|= RCC_APBENR1_USART2EN;", "unclocked", "USART2"),
        (r"RCC_APBENR1 \|= RCC_APBENR1_TIM2EN;", "unclocked", "TIM2"),
        (r"RCC_IOPENR \|= 1u << port;", "unclocked", "GPIOA"),
        (r"RCC_PLLCFGR \|= RCC_PLLCFGR_PLLREN;", "clock", "PLLREN"),
        (r" \|\s+RCC_PLLCFGR_PLLR_DIV2(?=;)", "clock", "PLLR 0 is out of range"),
        (r" \| RCC_PLLCFGR_PLLSRC_HSI(?= )", "clock", "started from nothing"),
        (r" \| FLASH_ACR_LATENCY_2WS(?= )", "no-fault", ""),  # the port waits for them, in vain, and stays at 16 MHz
    ],
)
def test_the_port_needs_every_one_of_its_steps(
    line: str, kind: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very port, with one step taken out of it."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    without_step("stm32g0", line, tmp_path, monkeypatch)
    if kind == "no-fault":
        assert clock_of(BOARD, tmp_path) == 16_000_000
        return
    fault = fault_of(BOARD, tmp_path)
    assert fault.kind == kind, str(fault)
    assert says in fault.message, str(fault)


def test_pins_uart_and_clock_come_from_the_boards_file() -> None:
    macros = definitions(boards.load(BOARD))
    assert macros["EK_UART_USART2"] == "1"
    assert (macros["EK_UART_TX_PORT"], macros["EK_UART_TX_PIN"]) == ("0u", "2u")
    assert (macros["EK_UART_RX_PORT"], macros["EK_UART_RX_PIN"]) == ("0u", "3u")
    assert macros["EK_CLOCK_HZ"] == "64000000u"
