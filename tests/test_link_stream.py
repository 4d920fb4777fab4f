"""A streamed input over the protocol: rows are asked for, sent, sent again, refused and given up."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_device import Damage, FakeDevice, FaultyStream
from support.link_stream import ROW, ROWS, build_streamed, expected, sample
from test_link_agent import NONCE, Device
from test_link_faults import BAD_LINES

from edgekit.errors import LinkError
from edgekit.link import Session, Stream, messages, process_stream
from edgekit.link.exchange import Exchange, Timing
from edgekit.link.frames import Frame
from edgekit.link.messages import RowWanted
from edgekit.link.protocol import REPLY, Kind, Status
from edgekit.link.rows import run

NO_ROW = -2
INFER_SEQ = 50


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("agent") / "agent"
    return build_streamed(program, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture
def device(agent: Path) -> Iterator[Device]:
    stream = process_stream([agent])
    yield Device(stream)
    stream.close()


def test_a_streamed_input_computes_what_a_resident_one_would(agent: Path) -> None:
    with Session(process_stream([agent])) as session:
        gain, image = session.hello().inputs
        assert (gain.row_bytes, gain.streamed) == (0, False)
        assert (image.row_bytes, image.streamed, image.bytes) == (ROW, True, ROWS * ROW)
        for seed in range(3):
            result = session.infer(sample(seed))
            assert result.outputs == expected(*sample(seed))
            assert sum(layer.ticks for layer in result.layers) <= result.total_ticks
        assert session.memory().arena_bytes == (320 + 4 * ROWS,)
        assert session.retries == 0


class Dawdling:
    """A stream whose host takes its time over every row."""

    def __init__(self, stream: Stream, seconds: float) -> None:
        self._stream, self._seconds = stream, seconds
        self.seconds_per_byte = 0.0
        self.read, self.close = stream.read, stream.close

    def write(self, data: bytes) -> None:
        if len(data) > 40 and data[2] == Kind.ROW:
            time.sleep(self._seconds)
        self._stream.write(data)


def test_waiting_for_rows_is_no_layer_s_time(agent: Path) -> None:
    with Session(Dawdling(process_stream([agent]), 0.05)) as session:
        result = session.infer(sample(0))
        waited = 2 * ROWS * 0.05  # each row comes in two parts
        assert result.total_ticks < waited / 10 * session.hello().tick_hz
        assert all(layer.ticks for layer in result.layers)


def begin(device: Device) -> None:
    """A session, an inference, and the model waiting for its first row."""
    gain, _ = sample(0)
    device.ask(Kind.HELLO, 1, messages.hello_command(256))
    device.ask(Kind.BEGIN, 2)
    device.ask(Kind.WRITE, 3, messages.write_command(0, 0, gain))
    assert device.ask(Kind.INFER, INFER_SEQ, messages.infer_command(zlib.crc32(gain))).status == Status.ACCEPTED
    assert wanted(device.receive(), INFER_SEQ, Kind.INFER) == RowWanted(0, 0)


def wanted(frame: Frame | None, seq: int, kind: Kind = Kind.ROW) -> RowWanted:
    assert frame is not None
    assert (frame.kind, frame.seq, frame.status) == (kind | REPLY, seq, Status.ROW)
    return messages.row_wanted(frame.payload)


def part(row: int, first: int, end: int, seed: int = 0) -> bytes:
    """The payload of a ROW with the bytes `first` .. `end` - 1 of a row."""
    return messages.row_command(RowWanted(row, first), sample(seed)[1][row * ROW + first : row * ROW + end])


def send_rows(device: Device, first: int, end: int, seq: int) -> Frame:
    """Rows first .. end - 1 in two parts each; the reply to the last."""
    reply: Frame | None = None
    for row in range(first, end):
        assert wanted(device.ask(Kind.ROW, seq, part(row, 0, 200)), seq) == RowWanted(row, 200)
        assert device.ask(Kind.ROW, seq + 1, part(row, 200, ROW)).status == Status.ACCEPTED
        reply = device.receive()
        seq += 2
    assert reply is not None
    return reply


def test_each_reply_says_what_is_due_and_the_last_one_is_the_result(device: Device) -> None:
    begin(device)
    reply = send_rows(device, 0, ROWS, 60)
    assert (reply.kind, reply.seq, reply.status) == (Kind.ROW | REPLY, 60 + 2 * ROWS - 1, Status.OK)
    result = messages.infer(reply.payload)
    assert result.pulled_crc == zlib.crc32(sample(0)[1])
    assert result.output_crc == zlib.crc32(*expected(*sample(0)))
    read = device.ask(Kind.READ, 200, messages.read_command(0, 0, 4 * ROWS))
    assert (read.payload,) == expected(*sample(0))
    assert device.ask(Kind.ROW, 201, part(0, 0, 10)).status == Status.STATE


def test_the_result_is_sent_again(device: Device) -> None:
    begin(device)
    reply = send_rows(device, 0, ROWS, 60)
    assert device.ask(Kind.ROW, reply.seq, part(ROWS - 1, 200, ROW)) == reply


def test_a_part_that_comes_twice_is_taken_once(device: Device) -> None:
    begin(device)
    for _ in range(3):
        assert wanted(device.ask(Kind.ROW, 60, part(0, 0, 200)), 60) == RowWanted(0, 200)
    assert device.ask(Kind.ROW, 61, part(0, 200, ROW)).status == Status.ACCEPTED
    assert wanted(device.receive(), 61) == RowWanted(1, 0)
    # Sent again because both replies were lost, by a host that meanwhile sends smaller frames.
    assert wanted(device.ask(Kind.ROW, 61, part(0, 200, 230)), 61) == RowWanted(1, 0)
    device.send(Kind.ROW, 60, part(0, 0, 200))  # an old one is passed over
    result = messages.infer(send_rows(device, 1, ROWS, 62).payload)
    assert result.pulled_crc == zlib.crc32(sample(0)[1])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        part(0, 0, 0)[:7],
        part(0, 0, 0),
        part(0, 0, 10),
        part(0, 99, 110),
        part(0, 101, 110),
        part(1, 100, 110),
        messages.row_command(RowWanted(0, 100), bytes(ROW - 99)),
        messages.row_command(RowWanted(0, 0xFFFFFFFF), bytes(9)),
        messages.row_command(RowWanted(0xFFFFFFFF, 100), bytes(9)),
    ],
    ids=["nothing", "no offset", "no data", "before", "overlap", "gap", "other row", "too much", "far", "no row"],
)
def test_what_does_not_fit_is_dropped_and_asked_for_again(device: Device, payload: bytes) -> None:
    begin(device)
    device.ask(Kind.ROW, 60, part(0, 0, 100))
    assert wanted(device.ask(Kind.ROW, 61, payload), 61) == RowWanted(0, 100)
    assert device.ask(Kind.ROW, 62, part(0, 100, ROW)).status == Status.ACCEPTED
    assert wanted(device.receive(), 62) == RowWanted(1, 0)
    assert messages.infer(send_rows(device, 1, ROWS, 63).payload).pulled_crc == zlib.crc32(sample(0)[1])


@pytest.mark.parametrize("kind", [Kind.MEM, Kind.BEGIN, Kind.INFER, Kind.READ])
@pytest.mark.parametrize("rows", [0, 5])
def test_another_command_ends_an_inference_that_waits(device: Device, kind: Kind, rows: int) -> None:
    """As an underrun: the model's error is what pull returned, and the next inference knows nothing of it."""
    begin(device)
    last = send_rows(device, 0, rows, 60).seq if rows else INFER_SEQ
    device.send(kind, 150)
    ended, answered = device.receive(), device.receive()
    assert ended is not None and answered is not None
    assert (ended.kind & ~REPLY, ended.seq, ended.status) == (Kind.ROW if rows else Kind.INFER, last, Status.MODEL)
    assert messages.model_error(ended.payload) == NO_ROW
    assert (answered.kind, answered.seq) == (kind | REPLY, 150)
    next_one(device, NONCE, 160)


def next_one(device: Device, nonce: int, seq: int) -> None:
    """A whole inference of another image, in the same session or in a new one."""
    gain, _ = sample(1)
    if nonce != NONCE:
        device.ask(Kind.HELLO, seq, messages.hello_command(256), nonce)
    device.ask(Kind.BEGIN, seq + 1, nonce=nonce)
    device.ask(Kind.WRITE, seq + 2, messages.write_command(0, 0, gain), nonce)
    device.ask(Kind.INFER, seq + 3, messages.infer_command(zlib.crc32(gain)), nonce)
    assert device.receive() is not None
    for row in range(ROWS):
        device.ask(Kind.ROW, seq + 4 + 2 * row, part(row, 0, 200, 1), nonce)
        device.ask(Kind.ROW, seq + 5 + 2 * row, part(row, 200, ROW, 1), nonce)
        reply = device.receive()
    assert reply is not None and reply.status == Status.OK
    assert messages.infer(reply.payload).output_crc == zlib.crc32(*expected(*sample(1)))


def test_another_host_takes_over_while_the_model_waits(device: Device) -> None:
    begin(device)
    send_rows(device, 0, 3, 60)
    assert device.ask(Kind.ROW, 66, part(3, 0, 9), nonce=5).status == Status.NO_SESSION  # a stranger changes nothing
    assert wanted(device.ask(Kind.ROW, 66, part(3, 0, 9)), 66) == RowWanted(3, 9)
    device.send(Kind.HELLO, 1, messages.hello_command(256), nonce=77)
    ended, hello = device.receive(), device.receive()
    assert ended is not None and hello is not None
    assert (ended.nonce, ended.status) == (NONCE, Status.MODEL)
    assert (hello.nonce, hello.status) == (77, Status.OK)
    next_one(device, 77, 10)


def test_reset_ends_an_inference_that_waits(device: Device) -> None:
    begin(device)
    device.send(Kind.RESET, 60)
    ended, reset = device.receive(), device.receive()
    assert ended is not None and reset is not None
    assert (reset.kind, reset.status) == (Kind.RESET | REPLY, Status.OK)
    hello = device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert messages.hello(hello.payload)[0].boot_count == 2


def test_a_streamed_input_takes_no_writes_and_rows_only_come_in_an_inference(device: Device) -> None:
    device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert device.ask(Kind.ROW, 2, part(0, 0, 9)).status == Status.STATE
    device.ask(Kind.BEGIN, 3)
    assert device.ask(Kind.WRITE, 4, messages.write_command(1, 0, b"x")).status == Status.ARGUMENT
    assert device.ask(Kind.ROW, 5, part(0, 0, 9)).status == Status.STATE
    assert messages.memory(device.ask(Kind.MEM, 6).payload).arena_bytes == (0,)


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_never_changes_a_result(agent: Path, line: str) -> None:
    stream = FaultyStream(process_stream([agent]), BAD_LINES[line], 1)
    with Session(stream, infer_timeout=60, retry_interval=0.01) as session:
        for image in range(2):
            assert session.infer(sample(image)).outputs == expected(*sample(image))
        assert session.retries > 0


def test_rows_shrink_until_they_pass(agent: Path) -> None:
    stream = FaultyStream(process_stream([agent]), Damage(swallow=60), 0)
    with Session(stream, retry_interval=0.01) as session:
        stream.active = False
        session.hello()
        stream.active = True
        assert session.infer(sample(0)).outputs == expected(*sample(0))
        assert session.payload_limit < 60


class Dying:
    """A stream that is interrupted at one of its writes, as by the user."""

    def __init__(self, stream: Stream, at: int) -> None:
        self.seconds_per_byte = 0.0
        self.read, self.close = stream.read, stream.close
        self._stream, self._left = stream, at

    def write(self, data: bytes) -> None:
        self._left -= 1
        if self._left == 0:
            self._stream.write(data[: len(data) // 2])
            raise KeyboardInterrupt
        self._stream.write(data)


@pytest.mark.parametrize("same_session", [False, True])
def test_a_host_that_goes_away_in_an_inference_leaves_a_device_that_works(agent: Path, same_session: bool) -> None:
    stream = process_stream([agent])
    first = Session(Dying(stream, 15))
    with pytest.raises(KeyboardInterrupt):
        first.infer(sample(0))
    with first if same_session else Session(stream) as session:
        assert session.infer(sample(1)).outputs == expected(*sample(1))


def exchange(*replies: tuple[int, bytes]) -> Exchange:
    """A link to a device that gives these replies, one after the other."""
    left = list(replies)

    def answer(command: Frame) -> list[bytes]:
        status, payload = left.pop(0)
        return [Frame(command.kind | REPLY, status, command.seq, command.nonce, payload).pack()]

    link = Exchange(FakeDevice(answer), Timing(), None)
    link.open(1)
    link.negotiated(256)
    return link


def want(row: int, offset: int = 0) -> tuple[int, bytes]:
    return Status.ROW, messages.row_command(RowWanted(row, offset), b"")


def result(rows: bytes) -> tuple[int, bytes]:
    return Status.OK, (7).to_bytes(8, "little") + bytes(4) + zlib.crc32(rows).to_bytes(4, "little") + bytes(4 + 2)


def test_only_the_rows_that_were_asked_for_count() -> None:
    """A model need not read the image to its end."""
    rows = bytes(range(30))
    assert run(exchange(want(0), want(1), want(1, 4), result(rows[:20])), 0, rows, 10).reply.total_ticks == 7


def test_other_rows_on_the_device_than_were_sent() -> None:
    with pytest.raises(LinkError, match="rows that the model took are not what was sent") as caught:
        run(exchange(want(0), want(1), result(b"other")), 0, bytes(20), 10)
    assert caught.value.code == "link.input_corrupt"


@pytest.mark.parametrize(
    "asked", [[want(2)], [want(0, 10)], [want(0), want(0)], [want(1), want(0)], [want(0, 4), want(0, 3)]]
)
def test_a_device_that_asks_for_what_cannot_be(asked: list[tuple[int, bytes]]) -> None:
    with pytest.raises(LinkError, match="the device sent a request for row") as caught:
        run(exchange(*asked), 0, bytes(20), 10)
    assert caught.value.code == "link.malformed"


def test_a_device_without_a_streamed_input_that_asks_for_rows() -> None:
    with pytest.raises(LinkError, match="request for row 0"):
        run(exchange(want(0)), 0, b"", 0)


def test_an_inference_has_one_deadline_for_all_its_rows(agent: Path) -> None:
    with (
        Session(Dawdling(process_stream([agent]), 0.2), infer_timeout=0.5) as session,
        pytest.raises(LinkError, match=r"did not end within 0\.5 s"),
    ):
        session.infer(sample(0))
