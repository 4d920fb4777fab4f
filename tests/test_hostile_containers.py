"""Files that break the FlatBuffers format: cut short, led astray, or leading to the same place over and over."""

from __future__ import annotations

import struct

import tflite
from support.graph_builder import GraphBuilder
from support.hostile_files import RELU, ROW, SMALL, every_operator, refused, survives, with_tensor
from support.tflite_files import File

from edgekit.export.tflite import dump
from edgekit.frontend.tflite import parse


def test_names_that_are_not_text_are_shown_as_far_as_possible() -> None:
    file = with_tensor(name=b"\xff\xfe\x00\n" * 1000, scale=(0.0,))
    message = refused(file.write()).message
    assert message.isprintable()
    assert len(message) < 2000


def test_truncations_are_refused() -> None:
    data = every_operator()
    assert survives(data)
    for length in [*range(0, len(data), 5), *range(len(data) - 64, len(data))]:
        refused(data[:length])


def test_every_count_and_offset_may_be_anything() -> None:
    b = GraphBuilder()
    data = dump(b.graph(b.conv2d(b.pad(b.input((1, 4, 4, 1)), 1), channels=2)))
    values = (0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x10000000, 0)
    for position in range(0, len(data) - 3, 4):
        survives(data[:position] + struct.pack("<I", values[position // 4 % 5]) + data[position + 4 :])


def test_a_file_that_refers_to_the_same_bytes_over_and_over_is_refused() -> None:
    """131,072 subgraphs, all of them the same empty table: a reader that follows each would take minutes."""
    data = bytearray(SMALL.write())
    root = struct.unpack_from("<I", data, 0)[0]
    vtable = root - struct.unpack_from("<i", data, root)[0]
    subgraphs = root + struct.unpack_from("<H", data, vtable + 4 + 2 * 2)[0]
    data += bytes(-len(data) % 4)
    vector, count = len(data), 1 << 17
    table = vector + 4 + 4 * count
    data += struct.pack("<I", count) + b"".join(struct.pack("<I", table - (vector + 4 + 4 * i)) for i in range(count))
    data += struct.pack("<iHH", -4, 4, 4)  # a table without fields, and its vtable
    struct.pack_into("<I", data, subgraphs, vector - subgraphs)
    error = refused(bytes(data))
    assert error.code == "tflite.malformed"
    assert "more than 32768 tables" in error.message


def test_one_long_name_that_every_tensor_shares_is_read_only_in_part() -> None:
    """Small in the file, large if every tensor had its copy."""
    data = bytearray(File([ROW] * 400, [RELU]).write())
    name = len(data) + -len(data) % 4
    data += bytes(name - len(data)) + struct.pack("<I", 1 << 16) + b"n" * (1 << 16) + bytes(4)
    model = tflite.Model.GetRootAs(bytes(data), 0).Subgraphs(0)
    for index in range(400):
        table = model.Tensors(index)._tab
        position = table.Pos + table.Offset(10)
        struct.pack_into("<I", data, position, name - position)
    assert {len(tensor.name) for tensor in parse(bytes(data), "m").tensors.values()} == {256}


def test_one_long_shape_that_every_tensor_shares_is_refused() -> None:
    """As many numbers as the file has bytes would be read for each of 400 tensors."""
    data = bytearray(File([ROW] * 400, [RELU]).write())
    shape = len(data) + -len(data) % 4
    data += bytes(shape - len(data)) + struct.pack("<I", 1 << 14) + struct.pack("<i", 1) * (1 << 14)
    model = tflite.Model.GetRootAs(bytes(data), 0).Subgraphs(0)
    for index in range(400):
        table = model.Tensors(index)._tab
        position = table.Pos + table.Offset(4)
        struct.pack_into("<I", data, position, shape - position)
    assert "more than 1048576 numbers" in refused(bytes(data)).message
