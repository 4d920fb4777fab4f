"""Links and devices that misbehave: a stream that damages what passes, and a device that says what it is told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgekit.link import Stream
from edgekit.link.frames import Frame, FrameReader


@dataclass(frozen=True)
class Damage:
    """Probabilities, per byte except where said."""

    drop: float = 0.0
    flip: float = 0.0
    duplicate: float = 0.0
    insert: float = 0.0
    truncate: float = 0.0  # per write or read: its end is lost
    delay: float = 0.0  # per write or read: it is held back until the next
    swallow: int = 0  # frames longer than this are lost entirely; 0 for none


class FaultyStream:
    """A stream whose bytes are damaged in both directions, the same way for the same seed and the same calls."""

    def __init__(self, stream: Stream, damage: Damage, seed: int) -> None:
        self.seconds_per_byte = 0.0
        self.active = True
        self._stream = stream
        self._damage = damage
        self._random = random.Random(seed)
        self._held_out = b""
        self._held_in = b""

    def read(self, n: int, timeout: float) -> bytes:
        data = self._held_in + self._stream.read(n, timeout)
        self._held_in = b""
        if self._hits(self._damage.delay):
            self._held_in = data
            return b""
        return self._harm(data)

    def write(self, data: bytes) -> None:
        if self.active and self._damage.swallow and len(data) > self._damage.swallow:
            return
        data = self._held_out + self._harm(data)
        self._held_out = b""
        if self._hits(self._damage.delay):
            self._held_out = data
        else:
            self._stream.write(data)

    def close(self) -> None:
        self._stream.close()

    def _hits(self, probability: float) -> bool:
        return self.active and self._random.random() < probability

    def _harm(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._hits(self._damage.drop):
                continue
            if self._hits(self._damage.flip):
                byte ^= 1 << self._random.randrange(8)
            out.append(byte)
            if self._hits(self._damage.duplicate):
                out.append(byte)
            if self._hits(self._damage.insert):
                out.append(self._random.randrange(256))
        if out and self._hits(self._damage.truncate):
            del out[self._random.randrange(len(out)) :]
        return bytes(out)


class FakeDevice:
    """A stream whose far end is a function from each command to the bytes that come back."""

    def __init__(self, answer: Callable[[Frame], Iterable[bytes]], first: bytes = b"") -> None:
        self.seconds_per_byte = 0.0
        self.commands: list[Frame] = []
        self._answer = answer
        self._reader = FrameReader()
        self._arrived = first

    def read(self, n: int, timeout: float) -> bytes:
        data, self._arrived = self._arrived[:n], self._arrived[n:]
        return data

    def write(self, data: bytes) -> None:
        for item in self._reader.feed(data):
            if isinstance(item, Frame):
                self.commands.append(item)
                self._arrived += b"".join(self._answer(item))

    def close(self) -> None:
        pass
