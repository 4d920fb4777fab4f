"""Serial ports, pseudo-terminals and sockets; and devices that answer nonsense."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from support.fake_device import FakeDevice
from support.link_agent import BUILD_ID, build_agent, expected, sample

from edgekit.errors import DeviceError, Exit, LinkError
from edgekit.link import Session, serial_stream
from edgekit.link.frames import Frame
from edgekit.link.protocol import REPLY, VERSION, Kind, Status


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_agent(tmp_path_factory.mktemp("agent") / "agent")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_pseudo_terminal(agent: Path) -> None:
    device, host = os.openpty()
    port = os.ttyname(host)
    with (
        subprocess.Popen([agent], stdin=device, stdout=device) as process,
        Session(serial_stream(port, 115200), expected_build_id=BUILD_ID) as session,
    ):
        for seed in range(2):
            assert session.infer(sample(seed)).outputs == expected(*sample(seed))
        assert session.retries == 0
        with pytest.raises(DeviceError, match=f"cannot open {port}") as caught:
            serial_stream(port)  # one host at a time
        assert (caught.value.code, caught.value.exit) == ("device.port", Exit.DEVICE)
        process.kill()
        process.wait()
        os.close(device)
        began = time.monotonic()
        with pytest.raises(LinkError, match=f"connection to {port} was lost") as lost:
            session.memory()
        assert (lost.value.code, lost.value.exit) == ("link.lost", Exit.LINK)
        assert time.monotonic() - began < 5
    os.close(host)


@pytest.mark.skipif(sys.platform == "win32", reason="the agent is a POSIX process")
def test_a_socket(agent: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                subprocess.run([agent], stdin=connection.fileno(), stdout=connection.fileno(), check=True)

        thread = threading.Thread(target=serve)
        thread.start()
        with Session(serial_stream(f"socket://127.0.0.1:{server.getsockname()[1]}")) as session:
            assert session.infer(sample(0)).outputs == expected(*sample(0))
            assert session.retries == 0
        thread.join(10)
        assert not thread.is_alive()  # the agent ends when its host leaves


@pytest.mark.parametrize("port", ["/dev/there-is-no-such-port", "nonsense://x", "socket://127.0.0.1:1"])
def test_a_port_that_cannot_be_opened(port: str) -> None:
    with pytest.raises(DeviceError, match="cannot open") as caught:
        serial_stream(port)
    assert caught.value.code == "device.port"


def hello(version: int = VERSION, **fields: int) -> bytes:
    given = {"inputs": 1, "outputs": 1, "regions": 1, "layers": 2, "limit": 256, "clock": 0, "ticks": 1000, "boots": 1}
    return struct.pack("<BBBBHHIII8s", version, *(given | fields).values(), bytes(8)) + b"\4fake" + b"\5model"


TENSOR = struct.pack("<IIfi5iBB", 4, 0, 1.0, 0, 4, 0, 0, 0, 0, 1, 1) + b"\1x"
DONE = struct.pack("<QIIIH", 30, 0x2144DF1C, 0, 0, 2)  # the CRC-32 of four zero bytes
SENSIBLE: dict[int, bytes] = {
    Kind.HELLO: hello(),
    Kind.TENSOR: TENSOR,
    Kind.BEGIN: b"",
    Kind.WRITE: b"",
    Kind.INFER: DONE,
    Kind.LAYERS: struct.pack("<II", 10, 20),
    Kind.READ: bytes(4),
    Kind.MEM: struct.pack("<IIBII", 500, 4096, 1, 10, 20),
}


def answering(replies: dict[int, bytes], status: int = Status.OK) -> Callable[[Frame], Iterable[bytes]]:
    return lambda f: [Frame(f.kind | REPLY, status, f.seq, f.nonce, replies[f.kind]).pack()]


def session_with(device: FakeDevice) -> Session:
    return Session(device, timeout=0.1, infer_timeout=0.1, retry_interval=0.02)


def test_the_fake_device_is_believed_when_it_makes_sense() -> None:
    session = session_with(FakeDevice(answering(SENSIBLE)))
    result = session.infer([bytes(4)])
    assert result.outputs == (bytes(4),)
    assert [(record.layer, record.ticks) for record in result.layers] == [(0, 10), (1, 20)]
    assert result.total_ticks == 30
    marks = session.memory()
    assert (marks.stack_bytes, marks.stack_size, marks.arena_bytes, marks.arena_sizes) == (500, 4096, (10,), (20,))


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        (Kind.HELLO, b"", "link.malformed"),
        (Kind.HELLO, hello()[:20], "link.malformed"),
        (Kind.HELLO, hello()[:-1], "link.malformed"),
        (Kind.HELLO, hello(limit=16), "link.malformed"),
        (Kind.HELLO, hello(ticks=0), "link.malformed"),
        (Kind.HELLO, hello(version=VERSION + 1), "link.protocol"),
        (Kind.HELLO, bytes([VERSION + 1]), "link.protocol"),
        (Kind.TENSOR, TENSOR[:-3], "link.malformed"),
        (Kind.TENSOR, TENSOR[:36] + b"\x09\x01\0", "link.malformed"),
        (Kind.TENSOR, TENSOR[:36] + b"\x01\x06\0", "link.malformed"),
        (Kind.INFER, b"\0" * 4, "link.malformed"),
        (Kind.LAYERS, b"\0" * 4, "link.malformed"),
        (Kind.READ, bytes(3), "link.malformed"),
        (Kind.READ, b"\0\0\1\0", "link.output_corrupt"),
        (Kind.MEM, b"", "link.malformed"),
        (Kind.MEM, struct.pack("<IIBI", 0, 0, 1, 10), "link.malformed"),
    ],
)
def test_nonsense_in_a_sound_frame_is_refused(kind: Kind, payload: bytes, code: str) -> None:
    session = session_with(FakeDevice(answering(SENSIBLE | {kind: payload})))
    with pytest.raises(LinkError) as caught:
        session.infer([bytes(4)])
        session.memory()
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.UNKNOWN, "device.refused"),
        (Status.ARGUMENT, "device.refused"),
        (Status.STATE, "device.refused"),
        (Status.INPUT, "link.input_corrupt"),
        (Status.MODEL, "device.model_error"),
        (Status.NO_SESSION, "link.reset"),
        (200, "device.refused"),
    ],
)
def test_every_refusal_has_its_error(status: int, code: str) -> None:
    with pytest.raises(LinkError) as caught:
        session_with(FakeDevice(answering(SENSIBLE, status))).hello()
    assert caught.value.code == code


def test_replies_of_other_sessions_and_commands_are_passed_over() -> None:
    def answer(f: Frame) -> Iterable[bytes]:
        wrong = b"\x07" * 60
        yield Frame(f.kind | REPLY, 0, f.seq, f.nonce ^ 1, wrong).pack()  # from before a reset
        yield Frame(f.kind | REPLY, 0, f.seq - 1, f.nonce, wrong).pack()  # to an earlier command
        yield Frame(Kind.RESET | REPLY, 0, f.seq, f.nonce, wrong).pack()  # to another command
        yield f.pack()  # the line echoes
        yield from answering(SENSIBLE)(f)

    device = FakeDevice(answer, first=Frame(Kind.FAULT | REPLY, 0, 0xFFFF, 1, bytes(38)).pack())
    session = session_with(device)
    assert session.infer([bytes(4)]).outputs == (bytes(4),)
    assert session.retries == 0


def test_every_session_has_a_nonce_of_its_own() -> None:
    device = FakeDevice(answering(SENSIBLE))
    session = session_with(device)
    session.hello()
    session.hello()
    nonces = {command.nonce for command in device.commands}
    assert len(nonces) == 2 and 0 not in nonces


def test_a_silent_device_and_a_chattering_one_get_different_hints() -> None:
    with pytest.raises(LinkError, match="nothing received") as caught:
        session_with(FakeDevice(lambda f: [])).hello()
    assert caught.value.code == "link.timeout" and "flashed" in caught.value.hint
    log: list[bytes] = []
    chatter = Session(FakeDevice(lambda f: [b"login: \0"]), timeout=0.1, retry_interval=0.02, log=log.append)
    with pytest.raises(LinkError, match="bytes received that are no frames") as caught:
        chatter.hello()
    assert caught.value.code == "link.timeout" and "baud" in caught.value.hint
    assert log and set(log) == {b"login: "}


def test_a_reset_whose_reply_was_lost() -> None:
    """The second attempt finds a device that does not know the session any more: the first one did reset it."""
    asked: list[Frame] = []

    def answer(f: Frame) -> Iterable[bytes]:
        if f.kind != Kind.RESET:
            return answering(SENSIBLE)(f)
        asked.append(f)
        return [] if len(asked) == 1 else [Frame(f.kind | REPLY, Status.NO_SESSION, f.seq, f.nonce).pack()]

    session = session_with(FakeDevice(answer))
    assert session.reset().board == "fake"
    assert len(asked) == 2 and asked[0] == asked[1]


def test_a_fault_in_the_way_of_a_reset_does_not_stop_it() -> None:
    def answer(f: Frame) -> Iterable[bytes]:
        if f.kind == Kind.RESET:
            yield Frame(Kind.FAULT | REPLY, 0, 0xFFFF, f.nonce, bytes(38)).pack()
        yield from answering(SENSIBLE | {Kind.RESET: b""})(f)

    session = session_with(FakeDevice(answer))
    session.hello()
    assert session.reset().board == "fake"


def test_a_name_that_is_no_text_is_shown_all_the_same() -> None:
    strange = hello()[:-11] + b"\4\xff\xfe\0x" + b"\5model"
    assert session_with(FakeDevice(answering(SENSIBLE | {Kind.HELLO: strange}))).hello().model == "model"
