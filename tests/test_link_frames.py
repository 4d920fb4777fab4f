"""COBS, CRC and frames: the encodings that both ends of the link share."""

from __future__ import annotations

import re
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.link_agent import STRICT, host_compiler, include_flags

from edgekit import resources
from edgekit.link import cobs, protocol
from edgekit.link.frames import Frame, FrameReader, packed_bytes, unpack

ROOT = Path(__file__).resolve().parents[1]
RUNS = st.lists(st.one_of(st.binary(max_size=8), st.integers(0, 600).map(lambda n: b"x" * n)), max_size=4)
DATA = RUNS.map(b"\0".join)
FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 255),
    status=st.integers(0, 255),
    seq=st.integers(0, 0xFFFF),
    nonce=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=protocol.MAX_PAYLOAD),
)


@given(DATA)
def test_cobs_hides_every_zero_and_gives_the_data_back(data: bytes) -> None:
    encoded = cobs.encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1
    assert cobs.decode(encoded) == data


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        (b"", b"\x01"),
        (b"\0", b"\x01\x01"),
        (b"\0\0", b"\x01\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"a" * 253, b"\xfe" + b"a" * 253),
        (b"a" * 255, b"\xff" + b"a" * 254 + b"\x02a"),
        (b"a" * 254 + b"\0", b"\xff" + b"a" * 254 + b"\x01\x01"),
    ],
)
def test_cobs_by_hand(data: bytes, encoded: bytes) -> None:
    assert cobs.encode(data) == encoded
    assert cobs.decode(encoded) == data


@pytest.mark.parametrize("broken", [b"", b"\x02", b"\x05abc", b"\x03a\0", b"\0", b"\x02a\x09"])
def test_what_is_no_cobs_is_refused(broken: bytes) -> None:
    assert cobs.decode(broken) is None


@given(FRAMES)
def test_a_frame_comes_back(frame: Frame) -> None:
    packed = frame.pack()
    assert packed[0] == packed[-1] == 0 and 0 not in packed[1:-1]
    assert len(packed) <= packed_bytes(len(frame.payload))
    assert unpack(packed[1:-1]) == frame


@given(FRAMES, st.data())
def test_a_damaged_frame_is_no_frame(frame: Frame, data: st.DataObject) -> None:
    packed = bytearray(frame.pack()[1:-1])
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert unpack(bytes(packed)) is None


@given(st.lists(st.one_of(FRAMES, st.binary(min_size=1, max_size=20)), max_size=6), st.data())
def test_frames_are_found_among_other_bytes_however_they_arrive(
    items: list[Frame | bytes], data: st.DataObject
) -> None:
    stream = b"".join(item.pack() if isinstance(item, Frame) else item for item in items)
    reader = FrameReader()
    found: list[Frame | bytes] = []
    while stream:
        n = data.draw(st.integers(1, len(stream)))
        found.extend(reader.feed(stream[:n]))
        stream = stream[n:]
    found.append(reader.rest())
    assert [item for item in found if isinstance(item, Frame)] == [item for item in items if isinstance(item, Frame)]
    others = b"".join(item for item in items if isinstance(item, bytes))
    assert b"".join(item for item in found if isinstance(item, bytes)) == others.replace(b"\0", b"")


def test_endless_garbage_is_passed_on_and_not_kept() -> None:
    reader = FrameReader()
    got = sum(len(item) for _ in range(100) for item in reader.feed(b"x" * 1000) if isinstance(item, bytes))
    assert got + len(reader.rest()) == 100_000
    reader.feed(b"x" * 5000)
    frame = Frame(1, 0, 2, 3, b"payload")
    assert frame in list(reader.feed(frame.pack()))


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware's codec as a filter: its argument says "encode", "decode" or "crc"."""
    folder = tmp_path_factory.mktemp("codec")
    source = folder / "codec.c"
    source.write_text(
        """
        #include <stdio.h>
        #include <stdlib.h>
        #include "ek_cobs.h"
        #include "ek_crc32.h"
        #include "ek_port.h"
        static uint8_t in[70000], out[70000];
        void ek_port_write(const uint8_t *src, int n) { fwrite(src, 1, (size_t)n, stdout); }
        int main(int argc, char **argv)
        {
            const size_t n = fread(in, 1, sizeof in, stdin);
            if (argc < 2) { return 2; }
            if (argv[1][0] == 'e') { ek_cobs_send(in, (uint16_t)n); }
            if (argv[1][0] == 'c') {
                const uint32_t begun = ek_crc32(0, in, 3);
                printf("%lu", (unsigned long)ek_crc32(begun, in + 3, (uint32_t)n - 3));
            }
            if (argv[1][0] == 'd') {
                ek_cobs_t cobs = {.buffer = out, .size = (uint16_t)atoi(argv[2])};
                for (size_t i = 0; i < n; ++i) {
                    const uint16_t length = ek_cobs_feed(&cobs, in[i]);
                    if (length) { fwrite(out, 1, length, stdout); fputc('|', stdout); }
                }
            }
            return 0;
        }
        """
    )
    agent = resources.firmware() / "agent"
    sources = [str(source), str(agent / "ek_cobs.c"), str(agent / "ek_crc32.c")]
    program = folder / "codec"
    flags = [*STRICT, "-fsanitize=undefined", "-fno-sanitize-recover=all", *include_flags()]
    subprocess.run([*host_compiler(), *flags, *sources, "-o", str(program)], check=True)
    return program


def run(codec: Path, data: bytes, *argv: str) -> bytes:
    return subprocess.run([codec, *argv], input=data, stdout=subprocess.PIPE, check=True).stdout


@given(data=DATA)
def test_the_firmware_encodes_what_the_host_decodes(codec: Path, data: bytes) -> None:
    sent = run(codec, data, "encode")
    assert sent[:1] == sent[-1:] == b"\0" and 0 not in sent[1:-1]
    assert cobs.decode(sent[1:-1]) == data


@given(data=DATA.filter(bool))
def test_the_firmware_decodes_what_the_host_encodes(codec: Path, data: bytes) -> None:
    encoded = cobs.encode(data) + b"\0"
    assert run(codec, b"noise\0" + encoded + encoded, "decode", "3000") == (data + b"|") * 2


def test_the_firmware_drops_what_is_too_long_for_it(codec: Path) -> None:
    long, short = cobs.encode(b"y" * 400) + b"\0", cobs.encode(b"fits") + b"\0"
    assert run(codec, long + short, "decode", "399") == b"fits|"
    assert run(codec, long + short, "decode", "400") == b"y" * 400 + b"|fits|"


@given(data=st.binary(min_size=3, max_size=300))
def test_the_firmware_sums_as_zlib(codec: Path, data: bytes) -> None:
    assert int(run(codec, data, "crc")) == zlib.crc32(data)


HEADER = (ROOT / "firmware" / "agent" / "ek_protocol.h").read_text()


def enumerated(prefix: str) -> dict[str, int]:
    """The constants of one enum in the firmware's header, without their prefix."""
    return {name: int(value, 0) for name, value in re.findall(rf"\b{prefix}(\w+) = (\w+),", HEADER)}


def test_the_firmware_and_the_host_number_messages_alike() -> None:
    assert enumerated("EK_KIND_") == {kind.name: kind.value for kind in protocol.Kind}
    assert enumerated("EK_STATUS_") == {status.name: status.value for status in protocol.Status}


def test_the_firmware_and_the_host_have_the_same_constants() -> None:
    defined = {name: int(value, 0) for name, value in re.findall(r"#define EK_(\w+) (\w+)", HEADER)}
    assert defined == {
        "PROTOCOL_VERSION": protocol.VERSION,
        "FRAME_HEADER": protocol.HEADER_BYTES,
        "FRAME_CRC": protocol.CRC_BYTES,
        "REPLY": protocol.REPLY,
        "SEQ_UNSOLICITED": protocol.SEQ_UNSOLICITED,
        "MIN_MAX_PAYLOAD": protocol.MIN_MAX_PAYLOAD,
        "NAME_BYTES": protocol.NAME_BYTES,
        "NO_LAYER": protocol.NO_LAYER,
        "PAINT": protocol.PAINT,
    }


def test_the_reference_lists_every_message_and_status() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    kinds = re.findall(r"^\| 0x(\w\w) \| `(\w+)` \|", text, re.MULTILINE)
    assert {name: int(number, 16) for number, name in kinds} == {kind.name: kind.value for kind in protocol.Kind}
    statuses = re.findall(r"^\| (\d) \| `(\w+)` \|", text, re.MULTILINE)
    assert {name: int(number) for number, name in statuses} == {s.name: s.value for s in protocol.Status}
    assert re.findall(r"Version (\d+)\.", text) == [str(protocol.VERSION)]
