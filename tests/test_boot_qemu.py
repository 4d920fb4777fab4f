"""What all Cortex-M ports share, on a machine that delivers exceptions: start-up, reset and the fault handlers."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from support.handmade import INPUT_BYTES, expected, tiny
from support.toolchains import NAMES, require

from edgekit import boards, resources
from edgekit.boards import Board
from edgekit.builder import build_firmware
from edgekit.builder.elf import Image, read_image
from edgekit.link import DeviceFaultError, Fault, Session, process_stream

MPS2 = Path(__file__).parent / "support" / "mps2"
DATA = bytes(range(INPUT_BYTES))
UNMAPPED = 0x70000000


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=NAMES)
def toolchain(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture
def qemu() -> str:
    found = shutil.which("qemu-system-arm")
    if found is None:
        pytest.skip("qemu-system-arm is not on the PATH")
    return found


@pytest.fixture
def board(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """The test's own board, its port beside copies of the real agent and shared sources."""
    firmware = tmp_path / "firmware"
    shutil.copytree(resources.firmware() / "agent", firmware / "agent")
    shutil.copytree(resources.firmware() / "ports" / "cortex_m", firmware / "ports" / "cortex_m")
    shutil.copytree(MPS2, firmware / "ports" / "mps2")
    monkeypatch.setattr(resources, "firmware", lambda: firmware)
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))
    return boards.read(MPS2 / "mps2-an500.toml")


def run(qemu: str, elf: Path) -> Session:
    argv = [qemu, "-M", "mps2-an500", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)]
    return Session(process_stream(argv), timeout=60)


def test_the_image_starts_answers_and_counts_its_boots(tmp_path: Path, qemu: str, board: Board, toolchain: str) -> None:
    artifact = build_firmware(tiny(), board, tmp_path / "out", toolchain=toolchain)
    with run(qemu, artifact.elf) as session:
        hello = session.hello()
        assert (hello.build_id, hello.boot_count) == (artifact.build_id, 1)
        assert session.infer([DATA]).outputs[0] == expected(DATA)
        assert artifact.stack_bytes is not None
        assert 0 < session.memory().stack_bytes <= artifact.stack_bytes
        session.reset()
        assert session.hello().boot_count == 2
        assert session.infer([DATA]).outputs[0] == expected(DATA)


def fault_of(tmp_path: Path, qemu: str, board: Board, toolchain: str, statement: str) -> tuple[Fault, Image]:
    """The fault of a model whose second layer starts with a C statement; afterwards a reset brings it back."""
    sources = tiny()
    text = sources.files["tiny.c"].replace(
        "    const int8_t *in = ctx->region[1];\n", f"    const int8_t *in = ctx->region[1];\n    {statement}\n"
    )
    text = text.replace("static void layer_01", "__attribute__((noinline)) static void layer_01")
    sources = dataclasses.replace(sources, files={**sources.files, "tiny.c": text})
    artifact = build_firmware(sources, board, tmp_path / "out", toolchain=toolchain)
    with run(qemu, artifact.elf) as session:
        with pytest.raises(DeviceFaultError) as caught:
            session.infer([DATA])
        session.reset()
        assert session.hello().boot_count == 2
    return caught.value.fault, read_image(artifact.elf)


def holds(image: Image, name: str, address: int) -> bool:
    function = next(f for f in image.functions if f.name == name)
    return function.address <= address < function.address + function.size


def test_a_bus_fault_is_reported_with_its_place_its_address_and_its_layer(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(
        tmp_path, qemu, board, toolchain, f"((int8_t *)ctx->region[1])[0] = *(volatile int8_t *){UNMAPPED:#x};"
    )
    assert holds(image, "layer_01", fault.pc)
    assert (fault.exception, fault.layer, fault.bfar, fault.address) == (5, 1, UNMAPPED, UNMAPPED)
    assert any("PRECISERR" in cause for cause in fault.causes)
    low, high = image.symbols["__ek_stack_low"], image.symbols["__ek_stack_high"]
    assert low < fault.sp < high


def test_an_undefined_instruction_and_a_division_by_zero_are_usage_faults(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    fault, image = fault_of(tmp_path / "1", qemu, board, toolchain, '__asm__ volatile("udf #0");')
    assert (fault.exception, fault.layer) == (6, 1)
    assert holds(image, "layer_01", fault.pc)
    fault, image = fault_of(
        tmp_path / "2",
        qemu,
        board,
        toolchain,
        "volatile int zero = 0; volatile int gone = 7 / zero; (void)gone;",
    )
    assert fault.exception == 6
    assert any("DIVBYZERO" in cause for cause in fault.causes)


def test_a_stack_overflow_is_reported_from_a_stack_that_works(
    tmp_path: Path, qemu: str, board: Board, toolchain: str
) -> None:
    """The stack pointer is set just above the stack's end; what lies below is no memory."""
    fault, image = fault_of(
        tmp_path,
        qemu,
        board,
        toolchain,
        'extern uint8_t __ek_stack_low[]; __asm__ volatile("msr msp, %0\\n push {r0, r1, r2, r3}" '
        ':: "r"(__ek_stack_low + 8));',
    )
    assert fault.layer == 1
    assert any("STKERR" in cause for cause in fault.causes)
    assert (fault.pc, fault.lr) == (0, 0), "nothing could be saved, and nothing is invented"
    assert fault.sp < image.symbols["__ek_stack_low"]
