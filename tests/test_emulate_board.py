"""The emulated board as a device: its serial port, resets, memory contents, and the process that it lives in."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial
from support.bare_metal import STACK_LOW, board, compile_image, run

from edgekit import emulate
from edgekit.boards import Board
from edgekit.builder import toolchains
from edgekit.emulate.faults import FaultKind
from edgekit.errors import ConfigError, DeviceError, LinkError, ToolchainError

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

# Answers bytes: 'e' echoes the next one, 't' waits 50 ms for a byte in vain, 'r' resets, 'f' writes to flash, 'l'
# loops, 'b' tells how often it booted since power-up.
COMMANDS = r"""
__attribute__((section(".noinit"))) struct { u32 magic, boots, check; } kept;
static u32 zeroed;
void test(void)
{
    for (u32 *p = &zeroed; p < &zeroed + 1; p++) *p = 0;
    if (kept.magic != 0x656B6263 || kept.check != ~kept.boots) kept.boots = 0;
    kept.boots++;
    kept.magic = 0x656B6263;
    kept.check = ~kept.boots;
    uart();
    count_cycles();
    for (;;) {
        u8 command = get();
        if (command == 'e') put(get());
        if (command == 'b') put((u8)('0' + kept.boots));
        if (command == 't') {
            u32 since = DWT_CYCCNT;
            while (!ready() && DWT_CYCCNT - since < 216000u * 50) { }
            put(ready() ? 'y' : 'n');
        }
        if (command == 'r') {
            zeroed = 1;
            SCB_AIRCR = 0x05FA0004;
            for (;;) { }
        }
        if (command == 'f') REG(0x08000000) = 0;
        if (command == 'l') for (volatile u32 i = 0;; i++) { }
    }
}
"""


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_image(COMMANDS, tmp_path_factory.mktemp("commands"))


def ask(port: serial.Serial, data: bytes, n: int) -> bytes:
    port.write(data)
    return bytes(port.read(n))


def test_bytes_pass_both_ways(elf: Path) -> None:
    payload = bytes(range(256)) * 2
    with emulate.start(elf, board()) as machine, serial.Serial(machine.port, 115200, timeout=10) as port:
        assert ask(port, b"".join(b"e" + bytes([b]) for b in payload), len(payload)) == payload
        assert machine.fault() is None
        assert machine.marks() is None


def test_a_host_may_close_the_port_and_come_back(elf: Path) -> None:
    with emulate.start(elf, board()) as machine:
        for _ in range(3):
            with serial.Serial(machine.port, 115200, timeout=10) as port:
                assert ask(port, b"ex", 1) == b"x"


def test_timeouts_of_the_firmware_expire_in_about_their_time(elf: Path) -> None:
    with emulate.start(elf, board()) as machine, serial.Serial(machine.port, 115200, timeout=10) as port:
        since = time.monotonic()
        assert ask(port, b"t", 1) == b"n"
        assert time.monotonic() - since > 0.03


@pytest.mark.parametrize(("address", "ccr"), [(0x40020014, 0), (STACK_LOW - 16, 0), (0x20010000, 8)])
def test_conditional_accesses_do_what_they_say(address: int, ccr: int, tmp_path: Path) -> None:
    """Peripherals, the guard below the stack, and with UNALIGN_TRP all memory are watched, in IT blocks too."""
    source = f"""
    NAKED u32 poll(u32 address)
    {{
        __asm volatile("movs r2, #0\\n movs r3, #0\\n 1: adds r2, #1\\n cmp r2, #3\\n"
                       "ittee gt\\n ldrgt r1, [r0]\\n addgt r3, #1\\n strle r1, [r0]\\n addle r3, #16\\n"
                       "cmp r2, #5\\n b 2f\\n 2: bne 1b\\n mov r0, r3\\n bx lr");
    }}
    void test(void) {{ uart(); SCB_CCR |= {ccr}; put((u8)poll({address})); }}
    """
    ran = run(source, tmp_path)
    assert ran.ended, str(ran.fault)
    assert ran.sent == bytes([2 + 3 * 16])


def test_the_fpu_may_be_allowed_in_an_it_block(tmp_path: Path) -> None:
    """The engine is stopped at that store and goes on in the middle of the block."""
    source = """
    NAKED u32 allow(u32 *cpacr, u32 value)
    {
        __asm volatile("movs r2, #0\\n movs r3, #0\\n cmp r2, #0\\n"
                       "itete eq\\n streq r1, [r0]\\n addne r3, #1\\n addeq r3, #16\\n addne r3, #1\\n"
                       "vmov s0, r3\\n b 1f\\n 1: bne 1b\\n vmov r0, s0\\n bx lr");
    }
    void test(void) { uart(); put((u8)allow((u32 *)0xE000ED88, 0xFu << 20)); }
    """
    ran = run(source, tmp_path)
    assert ran.ended, str(ran.fault)
    assert ran.sent == bytes([16])


def test_a_reset_keeps_memory_and_is_told(elf: Path) -> None:
    with emulate.start(elf, board()) as machine, serial.Serial(machine.port, 115200, timeout=10) as port:
        assert ask(port, b"b", 1) == b"1"
        assert ask(port, b"rb", 1) == b"2"
        assert ask(port, b"rrb", 1) == b"4"
        assert machine.resets == 3


def test_power_up_memory_is_not_zero(tmp_path: Path) -> None:
    source = """
    void test(void) { uart(); u32 n = 0; for (u32 a = 0x20010000; a < 0x20010100; a += 4) n += !REG(a); put((u8)n); }
    """
    assert run(source, tmp_path).sent == b"\x00"


def test_flash_is_erased_where_nothing_is_programmed_and_shared_with_its_alias(tmp_path: Path) -> None:
    source = "void test(void) { uart(); put(REG(0x080F0000) == 0xFFFFFFFF); put(REG(0x08000004) == REG(0x00200004)); }"
    assert run(source, tmp_path).sent == b"\x01\x01"


def test_a_fault_ends_the_link_and_is_reported(elf: Path) -> None:
    with emulate.start(elf, board()) as machine:
        with (
            serial.Serial(machine.port, 115200, timeout=10) as port,
            pytest.raises((serial.SerialException, OSError)),
        ):
            while ask(port, b"f", 1) == b"":
                pass
        report = machine.fault()
        assert report is not None and report.kind is FaultKind.FLASH_WRITE and report.address == 0x08000000
        assert report.function.startswith("test")
        with pytest.raises(LinkError, match="flash-write"):
            machine.marks()


def test_a_killed_emulator_is_noticed(elf: Path) -> None:
    with emulate.start(elf, board()) as machine:
        os.kill(machine.pid, signal.SIGKILL)
        with pytest.raises(DeviceError, match=r"the emulator process died of signal 9 \(SIGKILL\)"):
            machine.marks()
        with pytest.raises(DeviceError, match="signal 9"):
            machine.fault()


def test_close_ends_a_firmware_that_never_looks_up(elf: Path) -> None:
    machine = emulate.start(elf, board())
    with serial.Serial(machine.port, 115200, timeout=10) as port:
        port.write(b"l")
        port.flush()
    time.sleep(0.1)
    machine.close()
    machine.close()
    assert not alive(machine.pid)


@pytest.mark.parametrize("command", [b"", b"l"])
def test_the_emulator_does_not_outlive_a_killed_host(elf: Path, command: bytes) -> None:
    script = f"""
import serial, sys
from pathlib import Path
from edgekit import boards, emulate
machine = emulate.start(Path({str(elf)!r}), boards.load("stm32f746"))
port = serial.Serial(machine.port)
port.write({command!r})
port.flush()
print(machine.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        assert alive(pid)
        host.kill()
        deadline = time.monotonic() + 10
        while alive(pid):
            assert time.monotonic() < deadline, "the emulator still runs"
            time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_an_image_for_another_core_is_refused_at_once(tmp_path: Path, elf: Path) -> None:
    source = 'NOINLINE void lacking(void) { __asm volatile("vadd.f64 d0, d1, d2"); }\nvoid test(void) { }'
    wrong = compile_image(source, tmp_path, fpu="double")
    with pytest.raises(LinkError, match="double precision"):
        emulate.start(wrong, board())


@pytest.mark.parametrize(
    ("contents", "complaint"), [(b"", "cannot read"), (b"\x7fELF" + b"\x00" * 60, "ELF"), (b"MZ" * 100, "ELF")]
)
def test_what_is_no_elf_file_is_refused(contents: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(contents)
    with pytest.raises(ConfigError, match=complaint):
        emulate.start(path, board())


def test_an_image_for_this_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="Arm"):
        emulate.start(Path(sys.executable).resolve(), board())


def test_a_peripheral_without_a_model_is_refused(elf: Path, tmp_path: Path) -> None:
    found = board()
    text = found.path.read_text().replace('"stm32_gpio"', '"stm32_gpoi"')
    changed = tmp_path / "board.toml"
    changed.write_text(text)
    with pytest.raises(ConfigError, match="stm32_gpoi"):
        emulate.start(elf, dataclasses.replace(found, path=changed))


def test_an_image_that_the_board_has_no_memory_for_is_refused(elf: Path, tmp_path: Path) -> None:
    found: Board = board()
    changed = tmp_path / "board.toml"
    changed.write_text(found.path.read_text().replace("origin = 0x08000000", "origin = 0x09000000"))
    with pytest.raises(ConfigError, match="0x08000000"):
        emulate.start(elf, dataclasses.replace(found, path=changed))


def test_a_missing_engine_says_how_to_get_it(elf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(ToolchainError) as error:
        emulate.start(elf, board())
    assert error.value.hint == "pip install 'edgekit[emulator]'"


@pytest.mark.parametrize("name", ["gnu", "zig"])
def test_both_toolchains_images_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [t for t in toolchains.probe() if t.name == name]
    if not found:
        pytest.skip(f"toolchain {name} is not installed")
    monkeypatch.setattr(toolchains, "probe", lambda: tuple(found))
    assert run(COMMANDS, tmp_path, incoming=b"exb").sent == b"x1"
