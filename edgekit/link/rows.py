"""An inference, from INFER to its result: the rows of a streamed input are sent as the model asks for them."""

from __future__ import annotations

import zlib

from edgekit.errors import LinkError
from edgekit.link import messages
from edgekit.link.exchange import Exchange
from edgekit.link.messages import InferReply, RowWanted
from edgekit.link.protocol import Kind, Status


def run(exchange: Exchange, input_crc: int, rows: bytes, row_bytes: int) -> InferReply:
    """Begin the inference, send what it asks for, and return its result.

    input_crc  CRC-32 of the inputs that are on the device
    rows       the streamed input, row by row; empty where there is none
    row_bytes  bytes of each of its rows
    LinkError "link.malformed" where the device asks for what is not there, "link.input_corrupt" where it took other
    rows than were sent.
    """
    until = exchange.inference_deadline()
    answer = exchange.step(Kind.INFER, lambda limit: messages.infer_command(input_crc), until)
    before: RowWanted | None = None
    taken = 0
    while answer.status == Status.ROW:
        wanted = messages.row_wanted(answer.payload)
        first, taken = wanted.row * row_bytes + wanted.offset, (wanted.row + 1) * row_bytes
        if taken > len(rows) or wanted.offset >= row_bytes or (before is not None and wanted <= before):
            raise messages.malformed(f"a request for row {wanted.row} from byte {wanted.offset} on, after {before}")

        def build(limit: int, wanted: RowWanted = wanted, first: int = first, end: int = taken) -> bytes:
            return messages.row_command(wanted, rows[first : min(end, first + limit - messages.ROW_OVERHEAD)])

        before, answer = wanted, exchange.step(Kind.ROW, build, until)
    reply = messages.infer(answer.payload)
    if reply.rows_crc != zlib.crc32(rows[:taken]):
        raise LinkError(
            "link.input_corrupt",
            "the rows that the model took are not what was sent: their CRC-32 differs",
            "run again; if it happens again, the device's memory or the model's memory plan is broken",
        )
    return reply
