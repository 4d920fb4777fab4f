"""From a .tflite to an emulated STM32G0B1, with either toolchain: the reference's bytes, within the stack's bound."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.handmade import tiny
from support.models import ROOT, model_path
from support.toolchains import NAMES, require

import edgekit
from edgekit import boards, emulate, resources
from edgekit.builder import build_firmware
from edgekit.builder.firmware import definitions
from edgekit.errors import LinkError
from edgekit.link import Session, serial_stream

pytest.importorskip("unicorn", reason="the emulator extra is not installed")
pytest.importorskip("capstone", reason="the emulator extra is not installed")

BOARD = "stm32g0b1"
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.mark.parametrize("toolchain", NAMES)
@pytest.mark.parametrize("name", ["digits", "mlperf_tiny_kws"])
def test_the_emulated_board_answers_as_the_reference(name: str, toolchain: str, tmp_path: Path) -> None:
    model = DIGITS if name == "digits" else model_path(name)
    built = edgekit.build(model, board=BOARD, out=tmp_path, toolchain=require(toolchain))
    profile = edgekit.profile(tmp_path, emulate=True)
    assert profile.target == "emulated"
    assert profile.board == "nucleo-g0b1re"
    assert profile.build_id == built.build_id
    assert profile.output_matches_reference
    assert profile.stack_bytes is not None and built.stack_bytes is not None
    assert 0 < profile.stack_bytes <= built.stack_bytes
    assert profile.arena_bytes == built.arena_bytes
    assert profile.clock_hz == 64_000_000
    assert all(layer.instructions for layer in profile.layers)


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
    _patched_firmware(tmp_path, line, monkeypatch)
    board = boards.load(BOARD)
    artifact = build_firmware(tiny(), board, tmp_path / "out")
    with emulate.start(artifact.elf, board) as machine:
        if kind == "no-fault":
            with Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session:
                assert session.hello().clock_hz == 16_000_000
            return
        with pytest.raises(LinkError), Session(serial_stream(machine.port, board.serial.baud), timeout=2) as session:
            session.hello()
        fault = machine.fault()
    assert fault is not None
    assert fault.kind == kind, str(fault)
    assert says in fault.message, str(fault)


def _patched_firmware(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the firmware in which what `line` matches in the port is gone; builds take it for the firmware."""
    copy = folder / "firmware"
    shutil.copytree(resources.firmware(), copy)
    port = copy / "ports" / "stm32g0" / "port_stm32g0.c"
    text, count = re.subn(line, ";" if line.endswith(";") else "", port.read_text(encoding="utf-8"))
    assert count == 1, line
    port.write_text(text, encoding="utf-8")
    monkeypatch.setattr(resources, "firmware", lambda: copy)


def test_pins_uart_and_clock_come_from_the_boards_file() -> None:
    macros = definitions(boards.load(BOARD))
    assert macros["EK_UART_USART2"] == "1"
    assert (macros["EK_UART_TX_PORT"], macros["EK_UART_TX_PIN"]) == ("0u", "2u")
    assert (macros["EK_UART_RX_PORT"], macros["EK_UART_RX_PIN"]) == ("0u", "3u")
    assert macros["EK_CLOCK_HZ"] == "64000000u"
