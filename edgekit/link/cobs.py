"""Consistent overhead byte stuffing: a frame without zero bytes, so that a zero byte can mark where frames end.

S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.
"""

from __future__ import annotations

_BLOCK = 254  # bytes of data that one code byte covers at most


def encode(data: bytes) -> bytes:
    """`data` without zero bytes, one byte longer for every 254 begun. The zero that ends a frame is not added."""
    out = bytearray()
    runs = data.split(b"\0")
    for run in runs:
        while len(run) >= _BLOCK:
            out.append(_BLOCK + 1)
            out += run[:_BLOCK]
            run = run[_BLOCK:]
        out.append(len(run) + 1)
        out += run
    return bytes(out)


def decode(data: bytes) -> bytes | None:
    """What `encode` was given, or None where `data` is not an encoding of anything."""
    out = bytearray()
    at = 0
    code = 0xFF
    while at < len(data):
        if code != 0xFF:
            out.append(0)
        code = data[at]
        block = data[at + 1 : at + code]
        if code == 0 or len(block) != code - 1 or 0 in block:
            return None
        out += block
        at += code
    return bytes(out) if data else None
