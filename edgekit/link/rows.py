"""An inference, from INFER to its result: the rows of a streamed input are sent as the model asks for them, and those
of a streamed output are taken as it hands them over."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from edgekit.errors import LinkError
from edgekit.link import messages
from edgekit.link.exchange import Answer, Exchange
from edgekit.link.messages import InferReply, RowWanted
from edgekit.link.protocol import Kind, Status


@dataclass(frozen=True)
class Ran:
    """The device's result, and all rows of the streamed output, one after the other; none where there is no such."""

    reply: InferReply
    output: bytes


def run(
    exchange: Exchange, input_crc: int, rows: bytes, row_bytes: int, out_bytes: int = 0, out_row_bytes: int = 0
) -> Ran:
    """Begin the inference, send what it asks for, take what it hands over, and return its result.

    input_crc      CRC-32 of the inputs that are on the device
    rows           the streamed input, row by row; empty where there is none
    row_bytes      bytes of each of its rows
    out_bytes      of the streamed output; 0 where there is none
    out_row_bytes  bytes of each of its rows

    LinkError "link.malformed" where the device asks for what is not there, or hands over what cannot be,
    "link.input_corrupt" where it took other rows than were sent, "link.output_corrupt" where other rows came than it
    handed over.
    """
    until = exchange.inference_deadline()
    answer = exchange.step(Kind.INFER, lambda limit: messages.infer_command(input_crc), until)
    before: RowWanted | None = None
    sent, taken = 0, b""
    while answer.status != Status.OK:
        if answer.status == Status.ROW:
            wanted = messages.row_wanted(answer.payload)
            first, sent = wanted.row * row_bytes + wanted.offset, (wanted.row + 1) * row_bytes
            if sent > len(rows) or wanted.offset >= row_bytes or (before is not None and wanted <= before):
                raise messages.malformed(f"a request for row {wanted.row} from byte {wanted.offset} on, after {before}")
            before, answer = wanted, _send(exchange, wanted, rows[first:sent], until)
        else:
            row = messages.row_offered(answer.payload)
            if row * out_row_bytes != len(taken) or len(taken) >= out_bytes:
                raise messages.malformed(
                    f"row {row} of an output, of which {len(taken)} of {out_bytes} bytes have come"
                )
            part, answer = _take(exchange, row, out_row_bytes, until)
            taken += part
    reply = messages.infer(answer.payload)
    if reply.pulled_crc != zlib.crc32(rows[:sent]):
        raise LinkError(
            "link.input_corrupt",
            "the rows that the model took are not what was sent: their CRC-32 differs",
            "run again; if it happens again, the device's memory or the model's memory plan is broken",
        )
    if len(taken) != out_bytes:
        raise messages.malformed(f"{len(taken)} of an output's {out_bytes} bytes, and then its result")
    if reply.pushed_crc != zlib.crc32(taken):
        raise LinkError(
            "link.output_corrupt",
            "the rows that came are not what the model handed over: their CRC-32 differs",
            "the firmware writes where the model's outputs lie: its memory plan or its stack is broken",
        )
    return Ran(reply, taken)


def _send(exchange: Exchange, wanted: RowWanted, rest: bytes, until: float) -> Answer:
    """Send what goes into a frame of the rest of a row."""

    def build(limit: int) -> bytes:
        return messages.row_command(wanted, rest[: limit - messages.ROW_OVERHEAD])

    return exchange.step(Kind.ROW, build, until)


def _take(exchange: Exchange, row: int, size: int, until: float) -> tuple[bytes, Answer]:
    """The row that the device holds ready, and what it says when it was told that all of it came and so went on."""
    data = exchange.fetch(Kind.TAKE, size, lambda offset, count: messages.take_command(row, offset, count))
    return data, exchange.step(Kind.TAKE, lambda limit: messages.take_command(row, size, 0), until)
