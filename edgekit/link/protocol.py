"""The wire protocol's numbers. The reference is docs/protocol.md; the firmware's copy is ek_protocol.h."""

from __future__ import annotations

from enum import IntEnum

VERSION = 4
HEADER_BYTES = 8
CRC_BYTES = 4
REPLY = 0x80
SEQ_UNSOLICITED = 0xFFFF
MIN_MAX_PAYLOAD = 128
NAME_BYTES = 47
NO_LAYER = 0xFFFF
PAINT = 0xEC

# The host's own limits. The device's, when smaller, wins in HELLO.
MAX_PAYLOAD = 1024
MIN_PAYLOAD = 32
"""Where payloads stop shrinking on a bad line."""


class Kind(IntEnum):
    """What a frame asks for; a reply repeats it with REPLY set."""

    HELLO = 0x01
    TENSOR = 0x02
    BEGIN = 0x03
    WRITE = 0x04
    INFER = 0x05
    LAYERS = 0x06
    READ = 0x07
    MEM = 0x08
    RESET = 0x09
    FAULT = 0x0A
    ROW = 0x0B
    TAKE = 0x0C


class Status(IntEnum):
    """How the device answered."""

    OK = 0
    ACCEPTED = 1
    UNKNOWN = 2
    ARGUMENT = 3
    STATE = 4
    INPUT = 5
    MODEL = 6
    NO_SESSION = 7
    ROW = 8
    TAKE = 9
