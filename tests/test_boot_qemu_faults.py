"""Faults on boards that QEMU emulates: it delivers exceptions, and the handlers that all ports share report them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.qemu import BOARDS, DATA, board_for_tiny, in_the_second_layer, require_qemu, sources_for
from support.toolchains import NAMES, require

from edgekit import emulate
from edgekit.boards import Board
from edgekit.builder import build_firmware
from edgekit.builder.elf import Image, read_image
from edgekit.link import DeviceFaultError, Fault, Session, serial_stream

UNMAPPED = 0x2F000000
FAULTING = tuple(name for name in BOARDS if name != "mps2-an386")
"""Without the board on which most of what is unmapped reads as 0."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _setup(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_qemu()
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.fixture(params=NAMES)
def toolchain(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture(params=FAULTING)
def board(request: pytest.FixtureRequest) -> Board:
    return board_for_tiny(request.param)


def fault_of(tmp_path: Path, board: Board, toolchain: str, statement: str) -> tuple[Fault, Image]:
    """The fault of a model whose second layer starts with a C statement; afterwards a reset brings it back."""
    sources = in_the_second_layer(sources_for(board), statement)
    text = sources.files["tiny.c"].replace("static void layer_01", "__attribute__((noinline)) static void layer_01")
    sources = dataclasses.replace(sources, files={**sources.files, "tiny.c": text})
    artifact = build_firmware(sources, board, tmp_path / "out", toolchain=toolchain)
    with (
        emulate.start(artifact.elf, board) as machine,
        Session(serial_stream(machine.port, board.serial.baud), timeout=60) as session,
    ):
        with pytest.raises(DeviceFaultError) as caught:
            session.infer([DATA])
        session.reset()
        assert session.hello().boot_count == 2
    return caught.value.fault, read_image(artifact.elf)


def holds(image: Image, name: str, address: int) -> bool:
    function = next(f for f in image.functions if f.name == name)
    return function.address <= address < function.address + function.size


def test_a_bus_fault_is_reported_with_its_place_its_address_and_its_layer(
    tmp_path: Path, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(
        tmp_path, board, toolchain, f"((int8_t *)ctx->region[1])[0] = *(volatile int8_t *){UNMAPPED:#x};"
    )
    assert holds(image, "layer_01", fault.pc)
    assert (fault.exception, fault.layer, fault.bfar, fault.address) == (5, 1, UNMAPPED, UNMAPPED)
    assert any("PRECISERR" in cause for cause in fault.causes)
    low, high = image.symbols["__ek_stack_low"], image.symbols["__ek_stack_high"]
    assert low < fault.sp < high


def test_an_undefined_instruction_and_a_division_by_zero_are_usage_faults(
    tmp_path: Path, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(tmp_path / "1", board, toolchain, '__asm__ volatile("udf #0");')
    assert (fault.exception, fault.layer) == (6, 1)
    assert holds(image, "layer_01", fault.pc)
    fault, image = fault_of(
        tmp_path / "2",
        board,
        toolchain,
        "volatile int zero = 0; volatile int gone = 7 / zero; (void)gone;",
    )
    assert fault.exception == 6
    assert any("DIVBYZERO" in cause for cause in fault.causes)


def test_a_stack_overflow_is_reported_from_a_stack_that_works(tmp_path: Path, board: Board, toolchain: str) -> None:
    """The stack pointer is set just above the stack's end; what lies below is no memory."""
    fault, image = fault_of(
        tmp_path,
        board,
        toolchain,
        'extern uint8_t __ek_stack_low[]; __asm__ volatile("msr msp, %0\\n push {r0, r1, r2, r3}" '
        ':: "r"(__ek_stack_low + 8));',
    )
    assert fault.layer == 1
    assert any("STKERR" in cause for cause in fault.causes)
    assert (fault.pc, fault.lr) == (0, 0), "nothing could be saved, and nothing is invented"
    assert fault.sp < image.symbols["__ek_stack_low"]
