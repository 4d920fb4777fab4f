"""Model files with something wrong in them: a kind of edit, a seed, and always the same file from these.

Each kind aims at one part of the format. Many of its files are broken; the others are models of their own, to be
built and computed like any.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from .model_sites import Site, Sites, sites

Edit = Callable[[bytearray, Sites, random.Random], None]

_EDGES = (
    0,
    1,
    2,
    -1,
    -2,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    1 << 20,
    1 << 24,
    0x7FFFFFFF,
    1 << 31,
    0xFFFFFFFF,
)
_SCALES = (math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1e-45, 1.2e-38, 1e-30, 1e-9, 0.5, 1.0, 1e9, 1e30, 3.4e38)
_TEXTS = (
    b"*/ int evil; /*",
    b"*\\ int evil; /\\*",
    b"??/",
    b'"; #error "',
    b"\\\n#error\n",
    b"[/bold][link=x]",
    b"\xff\xfe\xc3\x28\x80",
    b"\x00\x00\x00",
    b"\x1b[2J\r",
    b"return",
    b"%s%n${name}",
    "\u202e\u2028ß".encode(),
)
_MODEL_FIELDS = ("Model.version", "OperatorCode.version")


def mutation(model: Path, kind: str, seed: int) -> bytes:
    """The file that one kind of edit makes of a whole model file."""
    data, known = _model(model)
    result = bytearray(data)
    KINDS[kind](result, known, random.Random(f"{model.stem} {kind} {seed}"))
    return bytes(result)


@cache
def _model(path: Path) -> tuple[bytes, Sites]:
    data = path.read_bytes()
    return data, sites(data)


def _put(data: bytearray, site: Site, value: int) -> None:
    data[site.position : site.position + site.size] = (value % (1 << 8 * site.size)).to_bytes(site.size, "little")


def _get(data: bytearray, site: Site) -> int:
    return int.from_bytes(data[site.position : site.position + site.size], "little")


def _near(data: bytearray, site: Site, rng: random.Random) -> int:
    """An edge of some type, a neighbour of the present value, or anything."""
    now = _get(data, site)
    near = (now - 1, now + 1, now * 2, now // 2, now + 4, now - 4, now ^ 1 << rng.randrange(8 * site.size))
    return rng.choice((rng.choice(_EDGES), rng.choice(near), rng.choice(near), rng.randrange(len(data))))


def _field(known: Sites, rng: random.Random, *names: str) -> Site:
    """A number of one of these fields; a name that ends in "." stands for all fields of a table."""
    found = [f for f in known.fields if any(f == n or (n.endswith(".") and f.startswith(n)) for n in names)]
    return rng.choice(known.fields[rng.choice(sorted(found))])


def _swap(data: bytearray, a: Site, b: Site) -> None:
    one, other = _get(data, a), _get(data, b)
    _put(data, a, other)
    _put(data, b, one)


def bit_flip(data: bytearray, known: Sites, rng: random.Random) -> None:
    position = rng.randrange(len(data))
    if rng.random() < 0.7:
        site = rng.choice(known.structure)
        position = site.position + rng.randrange(site.size)
    data[position] ^= 1 << rng.randrange(8)


def truncation(data: bytearray, known: Sites, rng: random.Random) -> None:
    end = rng.randrange(len(data))
    if rng.random() < 0.5:
        site = rng.choice(known.structure)
        end = site.position + rng.randint(0, site.size)
    del data[end:]


def length(data: bytearray, known: Sites, rng: random.Random) -> None:
    site = rng.choice(known.lengths)
    _put(data, site, _near(data, site, rng))


def offset(data: bytearray, known: Sites, rng: random.Random) -> None:
    site = rng.choice(known.offsets if rng.random() < 0.7 else known.slots)
    _put(data, site, _near(data, site, rng))


def cycle(data: bytearray, known: Sites, rng: random.Random) -> None:
    """Two references to the same place, a table that is its own vtable, an operator that reads what comes later."""
    a, b = rng.choice(known.offsets), rng.choice(known.offsets)
    choice = rng.randrange(4)
    if choice == 0:
        _put(data, a, 0)
    elif choice == 1:  # leads where another offset stands, or where that one leads
        _put(data, a, b.position + rng.choice((0, _get(data, b))) - a.position)
    elif choice == 2:
        _put(data, _field(known, rng, "Operator.inputs"), _get(data, _field(known, rng, "Operator.outputs")))
    else:
        edges = ("Operator.outputs", "SubGraph.inputs", "SubGraph.outputs")
        _put(data, _field(known, rng, *edges), _get(data, _field(known, rng, "Operator.inputs", *edges)))


def opcode(data: bytearray, known: Sites, rng: random.Random) -> None:
    codes = ("OperatorCode.deprecated_builtin_code", "OperatorCode.builtin_code")
    names = [n for n in (*codes, "Operator.opcode_index", "Operator.builtin_options_type") if n in known.fields]
    name = rng.choice(names)
    site = _field(known, rng, name)
    if rng.random() < 0.5:
        _swap(data, site, _field(known, rng, name))
    else:
        _put(data, site, rng.choice((rng.randrange(160), rng.choice(_EDGES), _get(data, site) ^ 1)))


def element_type(data: bytearray, known: Sites, rng: random.Random) -> None:
    site = _field(known, rng, "Tensor.type")
    if rng.random() < 0.3:
        _swap(data, site, _field(known, rng, "Tensor.type"))
    else:
        _put(data, site, rng.choice((rng.randrange(20), rng.choice(_EDGES))))


def shape(data: bytearray, known: Sites, rng: random.Random) -> None:
    site = _field(known, rng, "Tensor.shape", "Tensor.shape", "Tensor.shape_signature")
    if rng.random() < 0.3:
        _swap(data, site, _field(known, rng, "Tensor.shape"))
    else:
        _put(data, site, _near(data, site, rng))


def quantization(data: bytearray, known: Sites, rng: random.Random) -> None:
    site = _field(known, rng, "QuantizationParameters.")
    if site.size == 4 and site in known.scales:
        (now,) = struct.unpack_from("<f", data, site.position)
        near = (now * 2, now / 2, -now, now * rng.uniform(0.5, 2.0), now * 1e-6, now * 1e6)
        data[site.position : site.position + 4] = struct.pack("<f", rng.choice((rng.choice(_SCALES), rng.choice(near))))
    else:
        _put(data, site, rng.choice((_near(data, site, rng), rng.randint(-130, 130))))


def options(data: bytearray, known: Sites, rng: random.Random) -> None:
    """Strides, dilations, padding modes, activations, version fields."""
    tables = {name.partition(".")[0] + "." for name in known.fields if "Options." in name}
    site = _field(known, rng, *tables, *_MODEL_FIELDS)
    _put(data, site, rng.choice((rng.randrange(8), _near(data, site, rng))))


def index(data: bytearray, known: Sites, rng: random.Random) -> None:
    names = ("Operator.inputs", "Operator.outputs", "SubGraph.inputs", "SubGraph.outputs", "Tensor.buffer")
    site = _field(known, rng, *names)
    if rng.random() < 0.3:
        _swap(data, site, _field(known, rng, *names))
    else:
        near = rng.randrange(len(known.fields["Tensor.buffer"]))
        _put(data, site, rng.choice((near, near, _near(data, site, rng))))


def name(data: bytearray, known: Sites, rng: random.Random) -> None:
    begin, end = rng.choice(known.texts)
    text = rng.choice(_TEXTS)
    start = rng.randrange(begin, end)
    data[start:end] = (text * ((end - start) // len(text) + 1))[: end - start]


def constant(data: bytearray, known: Sites, rng: random.Random) -> None:
    """Weights, biases, and what operators take as parameters."""
    begin, end = rng.choice(known.constants)
    start = rng.randrange(begin, end)
    count = min(rng.choice((1, 4, 64, 4096)), end - start)
    fill: Sequence[bytes] = (b"\x00", b"\x7f", b"\x80", b"\xff", rng.randbytes(1), rng.randbytes(count))
    data[start : start + count] = (rng.choice(fill) * count)[:count]


def block(data: bytearray, known: Sites, rng: random.Random) -> None:
    """A stretch of the file set to one value, swapped with another, or copied over another."""
    count = rng.choice((4, 4, 8, 16, 64, 256))
    ends = [rng.choice((rng.choice(known.structure).position, rng.randrange(len(data)))) & ~3 for _ in range(2)]
    a, b = (min(end, len(data) - count) for end in ends)
    one, other = bytes(data[a : a + count]), bytes(data[b : b + count])
    if rng.random() < 0.3:
        other = rng.choice((b"\x00", b"\xff", b"\x7f")) * count
    elif rng.random() < 0.5:
        data[b : b + count] = one
    data[a : a + count] = other


def several(data: bytearray, known: Sites, rng: random.Random) -> None:
    """Two to four edits of other kinds."""
    for _ in range(rng.randint(2, 4)):
        rng.choice(_SINGLE)(data, known, rng)


_SINGLE = (bit_flip, opcode, element_type, shape, quantization, options, index, name, constant)

KINDS: Mapping[str, Edit] = MappingProxyType(
    {
        "bit-flip": bit_flip,
        "truncation": truncation,
        "length": length,
        "offset": offset,
        "cycle": cycle,
        "opcode": opcode,
        "type": element_type,
        "shape": shape,
        "quantization": quantization,
        "options": options,
        "index": index,
        "name": name,
        "constant": constant,
        "block": block,
        "several": several,
    }
)
