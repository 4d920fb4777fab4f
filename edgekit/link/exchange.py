"""One command, one reply, over a link that loses, damages, repeats and delays bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgekit.errors import LinkError
from edgekit.link import fault as faults
from edgekit.link import messages, protocol
from edgekit.link.frames import Frame, FrameReader, packed_bytes
from edgekit.link.protocol import Kind, Status
from edgekit.link.transports import Stream

_LONGEST_WAIT = 2.0  # seconds between two attempts at a command, at most
_LONGEST_WAIT_BUSY = 10.0  # and while the device runs the model
_GROW_AFTER = 32  # replies without a loss after which payloads grow again

_REFUSALS = {
    Status.UNKNOWN: "it does not know the command",
    Status.ARGUMENT: "an index, offset or length is outside what it has",
    Status.STATE: "the command is out of order",
}


@dataclass(frozen=True)
class Timing:
    """Seconds.

    timeout         without an answer to a command until the link counts as dead
    infer_timeout   for an inference, once the device has begun it
    retry_interval  until a command is sent again for the first time, on a link without transmission time
    """

    timeout: float = 10.0
    infer_timeout: float = 120.0
    retry_interval: float = 0.25


@dataclass(frozen=True)
class Answer:
    """A command and its reply.

    asked    the command's payload; attempts differ where sizes shrink, and this is the one that was answered
    status   the reply's: OK, or ROW or TAKE where the device is in the midst of an inference
    payload  the reply's payload
    """

    asked: bytes
    status: int
    payload: bytes


class Exchange:
    """Sends commands in one session and returns their replies.

    Every command ends in a reply that belongs to it (same kind, sequence number and nonce, right CRC) or in a
    LinkError, at the latest `timing.timeout` seconds after it was first sent (an inference's after `infer_timeout`).
    """

    def __init__(self, stream: Stream, timing: Timing, log: Callable[[bytes], None] | None) -> None:
        self.nonce = 0
        self.retries = 0  # commands sent again, since the beginning
        self._stream = stream
        self._timing = timing
        self._log = log
        self._reader = FrameReader()
        self._seq = 0
        self._most = protocol.MIN_MAX_PAYLOAD
        self._limit = protocol.MIN_MAX_PAYLOAD
        self._streak = 0  # replies since the last loss
        self._unframed = 0  # bytes received during this command that are no frames

    @property
    def limit(self) -> int:
        """The largest payload that is used at the moment; it shrinks when frames get lost."""
        return self._limit

    def open(self, nonce: int) -> None:
        """Number what follows from the start, under a new nonce."""
        self.nonce = nonce
        self._seq = 0

    def negotiated(self, max_payload: int) -> None:
        """Use payloads of up to this many bytes."""
        self._most = self._limit = max_payload

    def request(self, kind: Kind, payload: bytes = b"") -> bytes:
        """Carry out one command. Attempts share a sequence number, so that the device carries it out once."""
        return self._exchange(kind, lambda limit: payload, renumber=False).payload

    def request_sized(self, kind: Kind, build: Callable[[int], bytes]) -> Answer:
        """Carry out a command that may be repeated and whose size is ours to choose: `build` gets the largest payload
        that the command and its reply may have. Every attempt is a command of its own, smaller after a loss."""
        return self._exchange(kind, build, renumber=True)

    def fetch(self, kind: Kind, size: int, command: Callable[[int, int], bytes]) -> bytes:
        """The `size` bytes that READ or TAKE asks for part by part: `command` gets the offset and the count of each."""
        data = b""
        while len(data) < size:

            def build(limit: int, offset: int = len(data)) -> bytes:
                return command(offset, min(limit, size - offset))

            answer = self.request_sized(kind, build)
            asked = messages.count_asked(answer.asked)
            if answer.status != Status.OK or len(answer.payload) != asked:
                raise messages.malformed(f"{len(answer.payload)} bytes of an output, not {asked}")
            data += answer.payload
        return data

    def inference_deadline(self) -> float:
        """When an inference that begins now has taken too long."""
        return time.monotonic() + self._timing.infer_timeout

    def step(self, kind: Kind, build: Callable[[int], bytes], until: float) -> Answer:
        """Carry out INFER, ROW or the last TAKE of a row, which the model's work follows: once the device has said that
        it computes, its reply may take until the time `until`. Attempts share a sequence number. `build` may make later
        ones smaller, because the reply says what of them was taken."""
        if time.monotonic() >= until:
            raise self._timed_out(kind, 0, busy=True)
        return self._exchange(kind, build, renumber=False, until=until)

    def flush_log(self) -> None:
        """Give the log what came last and has not been ended by a zero byte."""
        self._to_log(self._reader.rest())

    def _exchange(
        self, kind: Kind, build: Callable[[int], bytes], *, renumber: bool, until: float | None = None
    ) -> Answer:
        deadline = time.monotonic() + self._timing.timeout
        longest = _LONGEST_WAIT
        wait = self._timing.retry_interval
        sent: dict[int, bytes] = {}
        attempts = 0
        busy = False
        self._unframed = 0
        while True:
            if renumber or not sent:
                self._advance()
            payload = sent[self._seq] = build(self._limit)
            attempts += 1
            self._stream.write(Frame(kind, 0, self._seq, self.nonce, payload).pack())
            on_the_wire = packed_bytes(len(payload)) + packed_bytes(self._limit)
            patience = time.monotonic() + wait + on_the_wire * self._stream.seconds_per_byte
            reply = self._receive(kind, sent, min(patience, deadline), attempts, final=busy)
            if reply is not None and reply.status == Status.ACCEPTED:
                # The device is at work and hears nothing until it is done; asking again only fetches a lost reply.
                busy, longest, wait = True, _LONGEST_WAIT_BUSY, 4 * self._timing.retry_interval
                deadline = until if until is not None else deadline
                reply = self._receive(kind, sent, min(time.monotonic() + wait, deadline), attempts, final=True)
            if reply is not None:
                self._grow()
                return Answer(sent[reply.seq], reply.status, reply.payload)
            if time.monotonic() >= deadline:
                raise self._timed_out(kind, attempts, busy)
            wait = min(2 * wait, longest)
            if not busy:
                self.retries += 1
                self._shrink()

    def _receive(self, kind: Kind, sent: dict[int, bytes], until: float, attempts: int, *, final: bool) -> Frame | None:
        """The reply to one of the frames sent, None when it has not come by `until`. `final` passes over ACCEPTED."""
        while True:
            left = until - time.monotonic()
            data = self._stream.read(4096, max(left, 0.0))
            answer: Frame | None = None
            for item in self._reader.feed(data):
                if isinstance(item, bytes):
                    self._unframed += len(item)
                    self._to_log(item)
                elif answer is None or answer.status == Status.ACCEPTED:
                    reply = self._sift(item, kind, sent, attempts)
                    if reply is not None and not (final and reply.status == Status.ACCEPTED):
                        answer = reply
            if answer is not None:
                return answer
            if left <= 0:
                return None

    def _sift(self, frame: Frame, kind: Kind, sent: dict[int, bytes], attempts: int) -> Frame | None:
        """The frame, if it answers one of those sent; None for what earlier commands and sessions left behind."""
        if frame.nonce != self.nonce:
            return None
        if frame.kind == Kind.FAULT | protocol.REPLY and kind != Kind.RESET:
            try:
                raise faults.DeviceFaultError(faults.unpack(frame.payload))
            except ValueError as error:
                raise messages.malformed(str(error)) from None
        if frame.kind != kind | protocol.REPLY or frame.seq not in sent:
            return None
        if frame.status in (Status.OK, Status.ACCEPTED, Status.ROW, Status.TAKE):
            return frame
        if frame.status == Status.NO_SESSION and kind == Kind.RESET and attempts > 1:
            return frame  # an earlier attempt did reset it
        raise _refused(kind, frame)

    def _advance(self) -> None:
        self._seq = (self._seq + 1) % protocol.SEQ_UNSOLICITED

    def _shrink(self) -> None:
        self._streak = 0
        self._limit = max(protocol.MIN_PAYLOAD, self._limit // 2)

    def _grow(self) -> None:
        self._streak += 1
        if self._streak % _GROW_AFTER == 0:
            self._limit = min(self._most, 2 * self._limit)

    def _to_log(self, data: bytes) -> None:
        if data and self._log is not None:
            self._log(data)

    def _timed_out(self, kind: Kind, attempts: int, busy: bool) -> LinkError:
        if busy:
            return LinkError(
                "link.timeout",
                f"the inference did not end within {self._timing.infer_timeout:g} s",
                "a longer timeout, if the model is that slow on this device; otherwise the firmware hangs: reset it",
            )
        message = f"the device did not answer {kind.name} within {self._timing.timeout:g} s ({attempts} attempts"
        if self._unframed:
            return LinkError(
                "link.timeout",
                f"{message}, {self._unframed} bytes received that are no frames)",
                "the baud rate differs from the firmware's, or the port belongs to another program's device",
            )
        return LinkError(
            "link.timeout",
            f"{message}, nothing received)",
            "check that the firmware was flashed, that the port is the board's, and reset the board",
        )


def _refused(kind: Kind, frame: Frame) -> LinkError:
    """The error for a reply that says no."""
    if frame.status == Status.NO_SESSION:
        return LinkError(
            "link.reset",
            f"the device no longer knows this session, asked for {kind.name}: it restarted, or another host uses it",
            "run again; look at the power supply if it happens again",
        )
    if frame.status == Status.INPUT:
        return LinkError(
            "link.input_corrupt",
            "the inputs on the device are not what was sent: their CRC-32 differs",
            "run again; if it happens again, the device's memory or the model's memory plan is broken",
        )
    if frame.status == Status.MODEL:
        return LinkError(
            "device.model_error", f"the model returned {messages.model_error(frame.payload)} on the device"
        )
    text = _REFUSALS.get(Status(frame.status)) if frame.status in set(Status) else None
    return LinkError(
        "device.refused",
        f"the device refused {kind.name}: {text or f'status {frame.status}'}",
        "firmware and host may be of different versions: build and flash the firmware again",
    )
