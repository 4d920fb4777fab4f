"""Frames: header, payload and CRC-32, and how to find them among the bytes of a link."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from edgekit.link import cobs, protocol

_HEADER = struct.Struct("<BBHI")  # kind, status, sequence number, nonce
_OVERHEAD = protocol.HEADER_BYTES + protocol.CRC_BYTES
_LARGEST = _OVERHEAD + protocol.MAX_PAYLOAD
_LARGEST_ENCODED = _LARGEST + _LARGEST // 254 + 1


@dataclass(frozen=True)
class Frame:
    """One frame as it is before COBS.

    kind     a protocol.Kind, with protocol.REPLY added in what the device sends; kept as a number because a newer
             device may send kinds that this host does not know
    status   a protocol.Status in replies, 0 in commands
    seq      the command's sequence number, repeated by its reply
    nonce    the session's number, repeated by every reply
    payload  what docs/protocol.md says for the kind
    """

    kind: int
    status: int
    seq: int
    nonce: int
    payload: bytes = b""

    def pack(self) -> bytes:
        """The bytes to send: a zero byte that flushes what the receiver had, the frame in COBS, a zero byte."""
        body = _HEADER.pack(self.kind, self.status, self.seq, self.nonce) + self.payload
        return b"\0" + cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def packed_bytes(payload_bytes: int) -> int:
    """The most bytes that a frame with such a payload takes on the link."""
    frame = _OVERHEAD + payload_bytes
    return frame + frame // 254 + 3


def unpack(chunk: bytes) -> Frame | None:
    """The frame in what lies between two zero bytes, or None where that is no frame."""
    body = cobs.decode(chunk)
    if body is None or not _OVERHEAD <= len(body) <= _LARGEST:
        return None
    body, crc = body[: -protocol.CRC_BYTES], body[-protocol.CRC_BYTES :]
    if zlib.crc32(body) != int.from_bytes(crc, "little"):
        return None
    kind, status, seq, nonce = _HEADER.unpack_from(body)
    return Frame(kind, status, seq, nonce, body[protocol.HEADER_BYTES :])


class FrameReader:
    """Splits a stream of bytes into frames and everything else, in the order in which they came."""

    def __init__(self) -> None:
        self._chunk = bytearray()
        self._overlong = False  # what came since the last zero byte is already known to be no frame

    def feed(self, data: bytes) -> Iterator[Frame | bytes]:
        """Frames, and as plain bytes whatever lay between zero bytes and is no frame."""
        pieces = data.split(b"\0")
        for piece in pieces[:-1]:
            self._chunk += piece
            yield from self._end()
        self._chunk += pieces[-1]
        if len(self._chunk) > _LARGEST_ENCODED:
            self._overlong = True
            yield self.rest()

    def rest(self) -> bytes:
        """What is left of a chunk that no zero byte has ended, and forget it."""
        rest = bytes(self._chunk)
        self._chunk.clear()
        return rest

    def _end(self) -> Iterator[Frame | bytes]:
        chunk = self.rest()
        frame = None if self._overlong else unpack(chunk)
        self._overlong = False
        if frame is not None:
            yield frame
        elif chunk:
            yield chunk
