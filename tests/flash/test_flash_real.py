"""Programmers for real: gdb's load over QEMU's server, and what gdb and OpenOCD do without one."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.handmade import tiny
from support.toolchains import NAMES, require

from edgekit import boards, flasher
from edgekit.builder import build_firmware
from edgekit.errors import FlashError
from edgekit.flasher import RUNNERS, FlashJob
from edgekit.link import Session, serial_stream

BOARD = boards.load("stm32f746")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_listens(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), seconds).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "nothing listens"
            time.sleep(0.05)


@dataclass(frozen=True)
class Server:
    """QEMU, its gdb server's HOST:PORT, and its UART as a URL."""

    process: subprocess.Popen[bytes]
    address: str
    uart: str


@pytest.fixture
def qemu_server() -> Iterator[Server]:
    """An empty machine that waits at QEMU's gdb server."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not on the PATH")
    if not any(shutil.which(p) for p in RUNNERS["gdb"].programs):
        pytest.skip(f"none of {', '.join(RUNNERS['gdb'].programs)} is on the PATH")
    server, uart = free_port(), free_port()
    argv = ["qemu-system-arm", "-M", "mps2-an500", "-display", "none", "-monitor", "none", "-S"]
    argv += ["-gdb", f"tcp:127.0.0.1:{server}", "-serial", f"tcp:127.0.0.1:{uart},server=on,wait=off"]
    process = subprocess.Popen(argv)
    try:
        wait_until_it_listens(server)
        yield Server(process, f"127.0.0.1:{server}", f"socket://127.0.0.1:{uart}")
    finally:
        process.kill()
        process.wait()


def image_for_qemu(tmp_path: Path) -> tuple[FlashJob, str]:
    """An image for the machine, and its build id."""
    board = boards.load("mps2-an500")
    artifact = build_firmware(tiny(names=("psram", "ssram23")), board, tmp_path / "out", toolchain=require(NAMES[0]))
    return FlashJob(artifact.elf, board), artifact.build_id


def test_gdb_loads_verifies_and_starts_an_image_for_real(tmp_path: Path, qemu_server: Server) -> None:
    job, build_id = image_for_qemu(tmp_path)
    assert flasher.flash(replace(job, server=qemu_server.address), RUNNERS["gdb"]).verified
    with Session(serial_stream(qemu_server.uart), timeout=60, expected_build_id=build_id) as session:
        assert session.hello().boot_count == 1


def test_verification_finds_what_a_server_did_not_write_for_real(build_folder: Path, qemu_server: Server) -> None:
    """The machine has no memory where this board has its flash, and QEMU takes writes to nowhere without a word."""
    with pytest.raises(FlashError, match="MIS-MATCHED") as raised:
        flasher.flash(FlashJob(build_folder / "firmware.elf", BOARD, server=qemu_server.address), RUNNERS["gdb"])
    assert raised.value.code == "flash.verify"


def test_gdb_without_a_server_says_so_for_real(tmp_path: Path, elf: Path) -> None:
    if not any(shutil.which(p) for p in RUNNERS["gdb"].programs):
        pytest.skip(f"none of {', '.join(RUNNERS['gdb'].programs)} is on the PATH")
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD, server=f"127.0.0.1:{free_port()}"), RUNNERS["gdb"])
    assert raised.value.code == "flash.no_server"


def test_openocd_without_a_probe_says_so_for_real(elf: Path) -> None:
    if shutil.which("openocd") is None:
        pytest.skip("openocd is not on the PATH")
    with pytest.raises(FlashError) as raised:
        flasher.flash(FlashJob(elf, BOARD), RUNNERS["openocd"])
    assert raised.value.code in ("flash.no_probe", "flash.permission")


def forward(listener: socket.socket, server: str, limit: int, when_over: threading.Event) -> None:
    """Pass bytes between one client and a server; set `when_over` once the client sent more than `limit`."""
    host, port = server.split(":")
    client, _ = listener.accept()
    with client, socket.create_connection((host, int(port))) as behind:

        def back() -> None:
            with contextlib.suppress(OSError):
                while data := behind.recv(65536):
                    client.sendall(data)

        threading.Thread(target=back, daemon=True).start()
        sent = 0
        with contextlib.suppress(OSError):
            while data := client.recv(1024):
                sent += len(data)
                if sent > limit:
                    when_over.set()
                    return
                behind.sendall(data)


def test_a_server_that_is_killed_half_way_through_load_for_real(build_folder: Path, qemu_server: Server) -> None:
    """QEMU dies after 4 KiB of an image of more than 20 KiB."""
    half_way = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=forward, args=(listener, qemu_server.address, 4096, half_way), daemon=True).start()
        threading.Thread(target=lambda: half_way.wait(60) and qemu_server.process.kill(), daemon=True).start()
        with pytest.raises(FlashError) as raised:
            flasher.flash(FlashJob(build_folder / "firmware.elf", BOARD, server=address), RUNNERS["gdb"], seconds=120)
    assert half_way.is_set()
    assert raised.value.code == "flash.interrupted", raised.value.message
    assert "only a part of the image" in raised.value.hint
    assert qemu_server.process.wait(10) == -9


@pytest.mark.slow  # gdb takes 28 s to give up
def test_a_server_that_never_says_a_word_for_real(build_folder: Path) -> None:
    if not any(shutil.which(p) for p in RUNNERS["gdb"].programs):
        pytest.skip(f"none of {', '.join(RUNNERS['gdb'].programs)} is on the PATH")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(FlashError) as raised:
            flasher.flash(FlashJob(build_folder / "firmware.elf", BOARD, server=address), RUNNERS["gdb"], seconds=120)
    assert raised.value.code == "flash.no_server", raised.value.message
