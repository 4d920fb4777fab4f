"""The real agent, frame by frame: what no host of ours sends, and what only lost frames make it do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.link_agent import A_BYTES, FAULT, build_agent, expected, ordered, sample

from edgekit.link import Stream, messages, process_stream
from edgekit.link.frames import Frame, FrameReader
from edgekit.link.protocol import REPLY, SEQ_UNSOLICITED, Kind, Status

NONCE = 0xC0FFEE


class Device:
    """The agent, spoken to in single frames."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._reader = FrameReader()
        self._frames: list[Frame] = []

    def send(self, kind: int, seq: int, payload: bytes = b"", nonce: int = NONCE) -> None:
        self.stream.write(Frame(kind, 0, seq, nonce, payload).pack())

    def receive(self, timeout: float = 10.0) -> Frame | None:
        while not self._frames:
            data = self.stream.read(4096, timeout)
            if not data:
                return None
            self._frames += [item for item in self._reader.feed(data) if isinstance(item, Frame)]
        return self._frames.pop(0)

    def ask(self, kind: int, seq: int, payload: bytes = b"", nonce: int = NONCE) -> Frame:
        self.send(kind, seq, payload, nonce)
        reply = self.receive()
        assert reply is not None
        assert (reply.kind, reply.seq, reply.nonce) == (kind | REPLY, seq, nonce)
        return reply

    def load(self, inputs: tuple[bytes, bytes]) -> int:
        """Session, BEGIN and the inputs; returns their CRC-32."""
        self.ask(Kind.HELLO, 1, messages.hello_command(256))
        self.ask(Kind.BEGIN, 2)
        seq = 3
        for index, data in enumerate(inputs):
            for offset in range(0, len(data), 200):
                self.ask(Kind.WRITE, seq, messages.write_command(index, offset, data[offset : offset + 200]))
                seq += 1
        return zlib.crc32(b"".join(inputs))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_agent(tmp_path_factory.mktemp("agent") / "agent")


@pytest.fixture
def device(agent: Path) -> Iterator[Device]:
    stream = process_stream([agent])
    yield Device(stream)
    stream.close()


def test_a_repeated_command_is_answered_again_and_not_carried_out_again(device: Device) -> None:
    crc = device.load(sample(0))
    assert device.ask(Kind.INFER, 50, messages.infer_command(crc)).status == Status.ACCEPTED
    done = device.receive()
    assert done is not None and done.status == Status.OK
    # Carried out again, it would be refused: BEGIN must come first.
    assert device.ask(Kind.INFER, 50, messages.infer_command(crc)) == done
    assert device.ask(Kind.INFER, 51, messages.infer_command(crc)).status == Status.STATE
    read = device.ask(Kind.READ, 52, messages.read_command(0, 100, 256))
    assert read.payload == expected(*sample(0))[0][100:356]


def test_a_command_older_than_the_last_is_ignored(device: Device) -> None:
    device.ask(Kind.HELLO, 0xFFF0, messages.hello_command(256))
    device.send(Kind.BEGIN, 0xFFEF)
    assert device.ask(Kind.MEM, 5).status == Status.OK  # newer: the numbers wrap around
    device.send(Kind.BEGIN, 4)
    assert device.ask(Kind.MEM, 6).status == Status.OK


def test_only_hello_opens_a_session(device: Device) -> None:
    for nonce in (0, NONCE):
        assert device.ask(Kind.MEM, 9, nonce=nonce).status == Status.NO_SESSION
    assert device.ask(Kind.HELLO, 1, messages.hello_command(256), nonce=0).status == Status.NO_SESSION
    assert device.ask(Kind.HELLO, 1, messages.hello_command(256)).status == Status.OK
    assert device.ask(Kind.MEM, 2, nonce=NONCE + 1).status == Status.NO_SESSION


def test_a_stranger_does_not_cost_the_cached_reply(device: Device) -> None:
    hello = device.ask(Kind.HELLO, 7, messages.hello_command(256))
    assert device.ask(Kind.MEM, 7, nonce=1).status == Status.NO_SESSION
    assert device.ask(Kind.HELLO, 7) == hello


def test_a_new_session_cannot_read_what_an_earlier_one_computed(device: Device) -> None:
    crc = device.load(sample(0))
    device.ask(Kind.INFER, 50, messages.infer_command(crc))
    device.receive()
    device.ask(Kind.HELLO, 1, messages.hello_command(256), nonce=77)
    assert device.ask(Kind.READ, 2, messages.read_command(0, 0, 4), nonce=77).status == Status.STATE
    assert device.ask(Kind.LAYERS, 3, messages.layers_command(0, 1), nonce=77).status == Status.STATE


def test_inputs_that_are_not_what_the_host_sent_are_refused(device: Device) -> None:
    crc = device.load(sample(0))
    refusal = device.ask(Kind.INFER, 50, messages.infer_command(crc ^ 1))
    assert refusal.status == Status.INPUT
    assert struct.unpack("<I", refusal.payload) == (crc,)
    assert device.ask(Kind.INFER, 51, messages.infer_command(crc)).status == Status.ACCEPTED


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.HELLO, b""),
        (Kind.TENSOR, bytes([0, 2])),
        (Kind.TENSOR, bytes([1, 2])),
        (Kind.TENSOR, bytes([2, 0])),
        (Kind.TENSOR, b"\0"),
        (Kind.BEGIN, b"\0"),
        (Kind.WRITE, b"\0\0\0\0"),
        (Kind.WRITE, messages.write_command(2, 0, b"x")),
        (Kind.WRITE, messages.write_command(0, A_BYTES, b"x")),
        (Kind.WRITE, messages.write_command(0, A_BYTES - 1, b"xy")),
        (Kind.WRITE, messages.write_command(0, 0xFFFFFFFF, b"xy")),
        (Kind.INFER, b"\0"),
        (Kind.MEM, b"\0"),
    ],
)
def test_arguments_out_of_range_are_refused(device: Device, kind: Kind, payload: bytes) -> None:
    device.load(sample(0))
    assert device.ask(kind, 50, payload).status == Status.ARGUMENT


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.READ, messages.read_command(2, 0, 1)),
        (Kind.READ, messages.read_command(0, A_BYTES, 1)),
        (Kind.READ, messages.read_command(0, A_BYTES - 1, 2)),
        (Kind.READ, messages.read_command(0, 0xFFFFFFFF, 2)),
        (Kind.READ, messages.read_command(0, 0, 257)),  # more than a payload
        (Kind.READ, b"\0"),
        (Kind.LAYERS, messages.layers_command(0, 4)),
        (Kind.LAYERS, messages.layers_command(3, 1)),
        (Kind.LAYERS, messages.layers_command(0xFFFF, 0xFFFF)),
        (Kind.LAYERS, b"\0"),
    ],
)
def test_results_out_of_range_are_refused(device: Device, kind: Kind, payload: bytes) -> None:
    crc = device.load(sample(0))
    device.ask(Kind.INFER, 50, messages.infer_command(crc))
    device.receive()
    assert device.ask(kind, 51, payload).status == Status.ARGUMENT
    assert device.ask(Kind.READ, 52, messages.read_command(0, A_BYTES, 0)).status == Status.OK
    assert device.ask(Kind.LAYERS, 53, messages.layers_command(3, 0)).status == Status.OK


def test_commands_out_of_order_are_refused(device: Device) -> None:
    device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert device.ask(Kind.WRITE, 2, messages.write_command(0, 0, b"x")).status == Status.STATE
    assert device.ask(Kind.INFER, 3, messages.infer_command(0)).status == Status.STATE
    assert device.ask(Kind.READ, 4, messages.read_command(0, 0, 1)).status == Status.STATE
    assert device.ask(Kind.LAYERS, 5, messages.layers_command(0, 1)).status == Status.STATE


def test_an_unknown_command_is_refused_and_replies_are_ignored(device: Device) -> None:
    device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert device.ask(0x55, 2).status == Status.UNKNOWN
    device.send(Kind.MEM | REPLY, 3)  # as on a line that echoes
    assert device.ask(Kind.MEM, 3).status == Status.OK


def test_the_host_s_payload_limit_is_kept(device: Device) -> None:
    for asked, granted in ((160, 160), (4096, 256), (1, 128)):
        reply = device.ask(Kind.HELLO, asked, messages.hello_command(asked), nonce=asked)
        assert messages.hello(reply.payload)[0].max_payload == granted


def test_the_arena_is_painted_before_every_inference(device: Device) -> None:
    crc = device.load(sample(0))
    marks = messages.memory(device.ask(Kind.MEM, 40).payload)
    assert marks.arena_bytes == (A_BYTES, 33)  # the inputs alone
    device.ask(Kind.INFER, 50, messages.infer_command(crc))
    device.receive()
    assert messages.memory(device.ask(Kind.MEM, 51).payload).arena_bytes == (1500, 40)
    device.ask(Kind.BEGIN, 52)
    assert messages.memory(device.ask(Kind.MEM, 53).payload).arena_bytes == (0, 0)


def test_a_fault_is_sent_unasked_and_then_to_every_command(device: Device) -> None:
    crc = device.load(ordered(FAULT))
    device.ask(Kind.INFER, 50, messages.infer_command(crc))
    unasked = device.receive()
    assert unasked is not None
    assert (unasked.kind, unasked.seq, unasked.nonce) == (Kind.FAULT | REPLY, SEQ_UNSOLICITED, NONCE)
    for kind, seq, nonce in ((Kind.MEM, 51, NONCE), (Kind.HELLO, 1, 5), (Kind.INFER, 51, NONCE)):
        device.send(kind, seq, nonce=nonce)
        reply = device.receive()
        assert reply is not None
        assert (reply.kind, reply.seq, reply.nonce) == (Kind.FAULT | REPLY, seq, nonce)
        assert reply.payload == unasked.payload
    assert device.ask(Kind.RESET, 52, nonce=99).status == Status.OK
    hello = device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert messages.hello(hello.payload)[0].boot_count == 2
