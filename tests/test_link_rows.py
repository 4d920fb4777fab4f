"""A streamed output over the protocol, beside a streamed input: rows are announced, taken, taken again and given up."""

from __future__ import annotations

import os
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.fake_device import Damage, FakeDevice, FaultyStream
from support.link_rows import FAILED, build_rows, expected, failing
from support.link_stream import ROW, ROWS, sample
from test_link_agent import NONCE, Device
from test_link_faults import BAD_LINES

from edgekit.errors import LinkError
from edgekit.link import Session, Stream, messages, process_stream
from edgekit.link.exchange import Exchange, Timing
from edgekit.link.frames import Frame
from edgekit.link.messages import RowWanted
from edgekit.link.protocol import REPLY, Kind, Status
from edgekit.link.rows import run

NOT_TAKEN = -2


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("agent") / "agent"
    return build_rows(program, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture
def device(agent: Path) -> Iterator[Device]:
    stream = process_stream([agent])
    yield Device(stream)
    stream.close()


class Watched:
    """A stream on which something is done before each frame of a kind."""

    def __init__(self, stream: Stream, kind: Kind, act: Callable[[], None]) -> None:
        self._stream, self._kind, self._act = stream, kind, act
        self.seconds_per_byte = 0.0
        self.read, self.close = stream.read, stream.close

    def write(self, data: bytes) -> None:
        if data[2] == self._kind:
            self._act()
        self._stream.write(data)


def test_a_streamed_output_is_what_a_resident_one_would_be(agent: Path) -> None:
    with Session(process_stream([agent])) as session:
        sums, sharp = session.hello().outputs
        assert (sums.row_bytes, sums.streamed) == (0, False)
        assert (sharp.row_bytes, sharp.streamed, sharp.bytes) == (ROW, True, ROWS * ROW)
        for seed in range(3):
            result = session.infer(sample(seed))
            assert result.outputs == expected(*sample(seed))
            assert sum(layer.ticks for layer in result.layers) <= result.total_ticks
        assert session.retries == 0


def test_waiting_for_the_host_is_no_layer_s_time(agent: Path) -> None:
    slow = Watched(process_stream([agent]), Kind.TAKE, lambda: time.sleep(0.05))
    with Session(slow) as session:
        result = session.infer(sample(0))
        waited = 2 * ROWS * 0.05  # each row is taken in parts, and then let go
        assert result.outputs == expected(*sample(0))
        assert result.total_ticks < waited / 10 * session.hello().tick_hz
        assert all(layer.ticks for layer in result.layers)


def begin(device: Device, inputs: tuple[bytes, bytes], nonce: int = NONCE, seq: int = 1) -> None:
    """A session, an inference, its first row sent, and the model's first row announced under `seq` + 5."""
    gain, image = inputs
    device.ask(Kind.HELLO, seq, messages.hello_command(256), nonce)
    device.ask(Kind.BEGIN, seq + 1, nonce=nonce)
    device.ask(Kind.WRITE, seq + 2, messages.write_command(0, 0, gain), nonce)
    device.ask(Kind.INFER, seq + 3, messages.infer_command(zlib.crc32(gain)), nonce)
    wanted = device.receive()
    assert wanted is not None and wanted.status == Status.ROW
    device.ask(Kind.ROW, seq + 4, messages.row_command(RowWanted(0, 0), image[:200]), nonce)
    device.ask(Kind.ROW, seq + 5, messages.row_command(RowWanted(0, 200), image[200:ROW]), nonce)
    assert offered(device.receive(), Kind.ROW, seq + 5) == 0


def offered(frame: Frame | None, kind: Kind, seq: int) -> int:
    assert frame is not None
    assert (frame.kind, frame.seq, frame.status) == (kind | REPLY, seq, Status.TAKE)
    return messages.row_offered(frame.payload)


def test_the_row_lies_there_until_the_host_has_it(device: Device) -> None:
    begin(device, sample(0))
    row = expected(*sample(0))[1][:ROW]
    for seq, first, count in ((20, 0, 256), (21, 256, 44), (22, 0, 10), (23, 100, 0), (24, 299, 1)):
        taken = device.ask(Kind.TAKE, seq, messages.take_command(0, first, count))
        assert (taken.status, taken.payload) == (Status.OK, row[first : first + count])
    again = device.ask(Kind.TAKE, 24, messages.take_command(0, 0, 50))
    assert again.payload == row[299:], "a repeated command gets its reply again"
    assert device.ask(Kind.TAKE, 25, messages.take_command(0, ROW, 0)).status == Status.ACCEPTED
    wanted = device.receive()
    assert wanted is not None and (wanted.kind, wanted.seq, wanted.status) == (Kind.TAKE | REPLY, 25, Status.ROW)
    assert messages.row_wanted(wanted.payload) == RowWanted(1, 0)
    assert device.ask(Kind.TAKE, 25, messages.take_command(0, ROW, 0)) == wanted


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        messages.take_command(0, 0, 10)[:-1],
        messages.take_command(1, 0, 10),
        messages.take_command(0, 0, 257),
        messages.take_command(0, 290, 11),
        messages.take_command(0, ROW + 1, 0),
        messages.take_command(0, 0xFFFFFFFF, 2),
        messages.take_command(0xFFFFFFFF, ROW, 0),
    ],
    ids=["nothing", "short", "other row", "no frame's", "too much", "behind it", "far", "no row"],
)
def test_what_is_not_there_is_refused_and_the_row_stays(device: Device, payload: bytes) -> None:
    begin(device, sample(0))
    assert device.ask(Kind.TAKE, 20, payload).status == Status.ARGUMENT
    taken = device.ask(Kind.TAKE, 21, messages.take_command(0, 0, 256))
    assert (taken.status, taken.payload) == (Status.OK, expected(*sample(0))[1][:256])


@pytest.mark.parametrize("kind", [Kind.MEM, Kind.BEGIN, Kind.READ, Kind.ROW])
@pytest.mark.parametrize("parts", [0, 1])
def test_another_command_ends_an_inference_whose_row_waits(device: Device, kind: Kind, parts: int) -> None:
    begin(device, sample(0))
    for part in range(parts):
        device.ask(Kind.TAKE, 20 + part, messages.take_command(0, 0, 200))
    device.send(kind, 150)
    ended, answered = device.receive(), device.receive()
    assert ended is not None and answered is not None
    assert (ended.kind & ~REPLY, ended.status) == (Kind.TAKE if parts else Kind.ROW, Status.MODEL)
    assert messages.model_error(ended.payload) == NOT_TAKEN
    assert (answered.kind, answered.seq) == (kind | REPLY, 150)
    begin(device, sample(1), nonce=77)
    taken = device.ask(Kind.TAKE, 20, messages.take_command(0, 0, 256), nonce=77)
    assert taken.payload == expected(*sample(1))[1][:256]


def test_another_host_takes_over_while_a_row_waits(device: Device) -> None:
    begin(device, sample(0))
    assert device.ask(Kind.TAKE, 20, messages.take_command(0, 0, 9), nonce=5).status == Status.NO_SESSION
    assert device.ask(Kind.TAKE, 20, messages.take_command(0, 0, 9)).status == Status.OK
    device.send(Kind.HELLO, 1, messages.hello_command(256), nonce=77)
    ended, hello = device.receive(), device.receive()
    assert ended is not None and hello is not None
    assert (ended.nonce, ended.status) == (NONCE, Status.MODEL)
    assert (hello.nonce, hello.status) == (77, Status.OK)


def test_rows_are_taken_in_an_inference_alone_and_never_read(agent: Path, device: Device) -> None:
    device.ask(Kind.HELLO, 1, messages.hello_command(256))
    assert device.ask(Kind.TAKE, 2, messages.take_command(0, 0, 9)).status == Status.STATE
    device.stream.close()
    stream = process_stream([agent])
    with Session(stream) as session:
        session.infer(sample(0))
        with pytest.raises(LinkError, match="refused READ: an index, offset or length") as caught:
            session._read(1, 10)
        assert caught.value.code == "device.refused"


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
        assert session.payload_limit <= 64 and session.retries > 0


def test_a_model_that_fails_midway_runs_again(agent: Path) -> None:
    with Session(process_stream([agent])) as session:
        for seed in range(2):
            with pytest.raises(LinkError, match=f"the model returned {FAILED} ") as caught:
                session.infer(failing())
            assert caught.value.code == "device.model_error"
            assert session.infer(sample(seed)).outputs == expected(*sample(seed))


@pytest.mark.parametrize("same_session", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 7])
def test_a_host_that_goes_away_while_it_takes_a_row(agent: Path, at: int, same_session: bool) -> None:
    left = [at]

    def interrupt() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    stream = process_stream([agent])
    first = Session(Watched(stream, Kind.TAKE, interrupt))
    with pytest.raises(KeyboardInterrupt):
        first.infer(sample(0))
    with first if same_session else Session(stream) as session:
        assert session.infer(sample(1)).outputs == expected(*sample(1))


def test_a_device_that_goes_away_while_a_row_is_taken(agent: Path) -> None:
    stream = process_stream([agent])
    killed = Watched(stream, Kind.TAKE, lambda: os.kill(stream._process.pid, signal.SIGKILL))
    with Session(killed) as session, pytest.raises(LinkError) as caught:
        session.infer(sample(0))
    assert caught.value.code == "link.lost"


def test_an_inference_has_one_deadline_for_all_its_rows(agent: Path) -> None:
    slow = Watched(process_stream([agent]), Kind.TAKE, lambda: time.sleep(0.1))
    with (
        Session(slow, infer_timeout=0.5) as session,
        pytest.raises(LinkError, match=r"did not end within 0\.5 s"),
    ):
        session.infer(sample(0))


SIZE = 10


class Scripted:
    """A device that hands over these rows, one after the other, and says at the end that their CRC-32 is `crc`."""

    def __init__(self, *rows: int, crc: int | None = None, short: bool = False) -> None:
        self._rows, self._short = [*rows], short
        self._crc = zlib.crc32(b"".join(bytes([row]) * SIZE for row in rows)) if crc is None else crc

    def exchange(self) -> Exchange:
        link = Exchange(FakeDevice(self._answer), Timing(), None)
        link.open(1)
        link.negotiated(256)
        return link

    def _answer(self, command: Frame) -> list[bytes]:
        status, payload = self._reply(command)
        return [Frame(command.kind | REPLY, status, command.seq, command.nonce, payload).pack()]

    def _reply(self, command: Frame) -> tuple[int, bytes]:
        if command.kind == Kind.TAKE and messages.count_asked(command.payload):
            count = messages.count_asked(command.payload) - self._short
            return Status.OK, bytes([int.from_bytes(command.payload[:4], "little")]) * count
        if self._rows:
            return Status.TAKE, self._rows.pop(0).to_bytes(4, "little")
        return Status.OK, bytes(16) + self._crc.to_bytes(4, "little") + bytes(2)


def test_rows_come_in_order() -> None:
    ran = run(Scripted(0, 1, 2).exchange(), 0, b"", 0, 3 * SIZE, SIZE)
    assert ran.output == bytes([0] * SIZE + [1] * SIZE + [2] * SIZE)


@pytest.mark.parametrize("rows", [(1,), (0, 0), (0, 2), (0, 1, 2, 3)])
def test_a_device_that_hands_over_what_cannot_be(rows: tuple[int, ...]) -> None:
    with pytest.raises(LinkError, match=f"the device sent row {rows[-1]} of an output") as caught:
        run(Scripted(*rows).exchange(), 0, b"", 0, 3 * SIZE, SIZE)
    assert caught.value.code == "link.malformed"


def test_a_device_without_a_streamed_output_that_hands_over_rows() -> None:
    with pytest.raises(LinkError, match="the device sent row 0 of an output"):
        run(Scripted(0).exchange(), 0, b"", 0)


def test_a_result_before_all_rows() -> None:
    with pytest.raises(LinkError, match="20 of an output's 30 bytes") as caught:
        run(Scripted(0, 1).exchange(), 0, b"", 0, 3 * SIZE, SIZE)
    assert caught.value.code == "link.malformed"


def test_fewer_bytes_than_were_asked_for() -> None:
    with pytest.raises(LinkError, match="9 bytes of an output, not 10"):
        run(Scripted(0, short=True).exchange(), 0, b"", 0, SIZE, SIZE)


def test_other_rows_than_the_model_handed_over() -> None:
    with pytest.raises(LinkError, match="rows that came are not what the model handed over") as caught:
        run(Scripted(0, crc=5).exchange(), 0, b"", 0, SIZE, SIZE)
    assert caught.value.code == "link.output_corrupt"
