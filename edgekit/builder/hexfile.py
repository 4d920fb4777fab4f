"""Images as other tools take them: raw binary, and Intel HEX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .elf import Segment

GAP = b"\xff"
"""What erased flash holds, between segments."""
RECORD = 16


def binary(segments: Sequence[Segment]) -> bytes:
    """The segments in one piece from the lowest address to the highest."""
    ordered = sorted(segments, key=lambda s: s.address)
    parts: list[bytes] = []
    at = ordered[0].address if ordered else 0
    for segment in ordered:
        parts.append(GAP * (segment.address - at))
        parts.append(segment.data)
        at = segment.address + len(segment.data)
    return b"".join(parts)


def intel_hex(segments: Sequence[Segment], entry: int) -> str:
    """Intel HEX with 32-bit addresses: extended linear address records, data, start linear address, end of file."""
    lines: list[str] = []
    upper = 0
    for segment in sorted(segments, key=lambda s: s.address):
        for address, data in _records(segment):
            if address >> 16 != upper:
                upper = address >> 16
                lines.append(_line(4, 0, upper.to_bytes(2, "big")))
            lines.append(_line(0, address & 0xFFFF, data))
    lines.append(_line(5, 0, entry.to_bytes(4, "big")))
    lines.append(_line(1, 0, b""))
    return "\n".join(lines) + "\n"


def _records(segment: Segment) -> Iterator[tuple[int, bytes]]:
    """Pieces of at most RECORD bytes, none across a 64 KiB border."""
    at = 0
    while at < len(segment.data):
        address = segment.address + at
        n = min(RECORD - address % RECORD, len(segment.data) - at)
        yield address, segment.data[at : at + n]
        at += n


def _line(kind: int, address: int, data: bytes) -> str:
    body = bytes([len(data), address >> 8, address & 0xFF, kind]) + data
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}"
