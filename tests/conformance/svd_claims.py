"""What ports and peripheral models say about registers, read from the headers and the models themselves."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from conformance.svd import CORE_SPACE, BaseClaim, Claim, ConstantClaim, FieldClaim, NamedClaim, RegisterClaim
from edgekit.boards import Board
from edgekit.emulate.features import features_of
from edgekit.emulate.peripherals import Context, build
from edgekit.emulate.peripherals.base import WORD, RegisterBlock

PACKAGE = "edgekit.emulate.peripherals"

_DEFINE = re.compile(r"^#define (\w+)(?:\(([\w, ]*)\))?[ \t]*(.*?)[ \t]*(?:/\*.*)?$", re.MULTILINE)
_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
_ADDRESS = re.compile(r"0x[4-5E][0-9A-Fa-f]{7}\b")
_NAMED_ADDRESS = re.compile(r'=(0x[4-5E][0-9A-Fa-f]{7})\\n"[ \t]*/\* (\w+) \*/')


class Unclassified(Exception):  # noqa: N818  (a statement about the sources, not a failure of this program)
    """Something in a header or a model that could be about hardware and that no rule here compares."""


@dataclass(frozen=True, slots=True)
class Macro:
    where: str
    name: str
    parameters: tuple[str, ...] | None
    body: str

    @property
    def is_register(self) -> bool:
        return self.body.startswith("EK_REGISTER(")


def macros(header: Path, folders: Sequence[Path]) -> dict[str, Macro]:
    """Every #define with a body, of a header and of those it includes from the ports' folders."""
    text = header.read_text(encoding="utf-8")
    found: dict[str, Macro] = {}
    for name in _INCLUDE.findall(text):
        path = next((f / name for f in (header.parent, *folders) if (f / name).is_file()), None)
        if path is not None:
            found |= macros(path, folders)
    for match in _DEFINE.finditer(text):
        name, parameters, body = match.groups()
        if body and name != "EK_REGISTER":
            split = None if parameters is None else tuple(p.strip() for p in parameters.split(","))
            found[name] = Macro(header.name, name, split, body)
    return found


def evaluate(macro: Macro, known: Mapping[str, Macro], arguments: Sequence[int] = ()) -> int:
    """A macro's value as an integer; EK_REGISTER(address) is the address."""
    source = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b", r"\1", macro.body)
    names: dict[str, Any] = {"__builtins__": {}, "EK_REGISTER": lambda address: address}
    for word in set(re.findall(r"[A-Za-z_]\w*", source)) & set(known) - {macro.name}:
        other = known[word]
        if other.parameters is None:
            names[word] = evaluate(other, known)
        else:
            names[word] = lambda *a, other=other: evaluate(other, known, a)
    value = eval(source, names, dict(zip(macro.parameters or (), arguments, strict=True)))
    if not isinstance(value, int):
        raise Unclassified(f"{macro.where}: {macro.name}")
    return value


def header_claims(header: Path, folders: Sequence[Path], ports: str) -> Iterator[Claim]:
    """Every macro of a port's header. `ports` are the letters of the part's GPIO ports.

    Raises Unclassified for a macro that is neither a register, nor a base, nor named after a register.
    """
    known = macros(header, folders)
    instances = _instances(known, ports)
    registers: dict[str, int] = {}
    for macro in known.values():
        if not macro.is_register:
            continue
        for name, arguments in _expansions(macro, instances):
            registers[name] = evaluate(macro, known, arguments)
            yield RegisterClaim(macro.where, name, registers[name])
            registers.setdefault(macro.name, registers[name])
    for macro in known.values():
        if not macro.is_register:
            yield from _other(macro, known, registers, ports)


def _instances(known: Mapping[str, Macro], ports: str) -> dict[str, dict[str, int]]:
    """GPIO and USART -> the peripherals of that kind that the header places, with their bases."""
    found: dict[str, dict[str, int]] = {"GPIO": {}, "USART": {}}
    if "GPIO_BASE" in known:
        found["GPIO"] = {f"GPIO{p}": evaluate(known["GPIO_BASE"], known, (i,)) for i, p in enumerate(ports)}
    for name, macro in known.items():
        if re.fullmatch(r"(?:LP)?US?ART\d+_BASE", name):
            found["USART"][name.removesuffix("_BASE")] = evaluate(macro, known)
    return found


def _expansions(macro: Macro, instances: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each register that a macro can stand for: its vendor's name and the macro's arguments."""
    kind, _, rest = macro.name.partition("_")
    if macro.parameters is None:
        yield macro.name, ()
    elif macro.parameters == ("base",):
        yield from ((f"{p}_{rest}", (base,)) for p, base in instances[kind].items())
    elif macro.parameters == ("base", "half"):
        yield from ((f"{p}_{rest}{'LH'[h]}", (base, h)) for p, base in instances[kind].items() for h in range(2))
    else:
        raise Unclassified(f"{macro.where}: {macro.name}{macro.parameters}")


def _other(macro: Macro, known: Mapping[str, Macro], registers: Mapping[str, int], ports: str) -> Iterator[Claim]:
    name, where = macro.name, macro.where
    if name == "GPIO_BASE":
        for index, port in enumerate(ports):
            yield BaseClaim(where, f"GPIO{port}", evaluate(macro, known, (index,)))
        return
    if macro.parameters is not None:
        raise Unclassified(f"{where}: {name}{macro.parameters}")
    value = evaluate(macro, known)
    if name.endswith("_BASE"):
        yield BaseClaim(where, name.removesuffix("_BASE"), value)
    elif re.fullmatch(r"GPIO_PORT_[A-Z]", name):
        yield BaseClaim(where, f"GPIO{name[-1]}", evaluate(known["GPIO_BASE"], known, (value,)))
    else:
        owner = max((r for r in registers if name.startswith(r + "_")), key=len, default=None)
        if owner is None:
            raise Unclassified(f"{where}: {name} is named after no register")
        yield NamedClaim(where, name, registers[owner], name.removeprefix(owner + "_"), value)


def source_claims(folder: Path) -> Iterator[Claim]:
    """Addresses that a port's C files spell out. Raises Unclassified for one whose register is not named beside it."""
    for path in sorted(folder.glob("*.c")):
        text = path.read_text(encoding="utf-8")
        named = _NAMED_ADDRESS.findall(text)
        if len(named) != len(_ADDRESS.findall(text)):
            raise Unclassified(f"{path.name} has an address without its register's name beside it")
        for address, name in named:
            yield RegisterClaim(path.name, name, int(address, 16))


class _Silent:
    """A serial line without anybody at its other end."""

    def receive(self) -> int | None:
        return None

    def send(self, byte: int) -> None: ...

    def idle(self) -> None: ...


def blocks_of(board: Board) -> list[RegisterBlock]:
    """The register blocks of the emulated board, as a reset leaves them."""
    context = Context(
        board,
        features_of(board.mcu.core, board.mcu.fpu),
        _Silent(),
        now=lambda: 0,
        reset=lambda: None,
        fpu=lambda _: None,
        traps=lambda unaligned, division: None,
    )
    _, blocks = build(context)
    strange = [b.name for b in blocks if not isinstance(b, RegisterBlock)]
    if strange:
        raise Unclassified(f"models whose registers cannot be listed: {strange}")
    return [b for b in blocks if isinstance(b, RegisterBlock)]


Handler = Callable[[Any, Sequence[RegisterBlock]], Iterator[Claim]]


def model_claims(board: Board, handlers: Mapping[str, Handler | tuple[str, ...] | None]) -> Iterator[Claim]:
    """Every register of every block, and every constant of the models' modules.

    handlers  "module._NAME" -> what it says: None: nothing that an SVD file has; a tuple: a register and those of its
              fields whose bits it is; a function: makes the claims. A constant that is named as a register (and is its
              offset) or as a field (and is its mask) needs none.
    Raises Unclassified for another constant without one.
    """
    blocks = blocks_of(board)
    for block in blocks:
        if block.base < CORE_SPACE:
            yield BaseClaim(block.name, block.name, block.base)
        for offset, register in block.registers.items():
            writable = None if register.writable == WORD else register.writable
            reset = block.loaded(offset, register.reset)  # what a read after the reset gives
            yield RegisterClaim(block.name, register.name, block.base + offset, reset, writable)
    for name in modules_of(board, blocks):
        module = importlib.import_module(f"{PACKAGE}.{name}")
        if name == "system_control" and board.mcu.core.startswith("cortex-m0"):
            continue  # its constants are of registers that Armv6-M lacks, and are compared for other cores
        own = [b for b in blocks if module.__name__ in {c.__module__ for c in type(b).__mro__}] or blocks
        for constant in _constants(module):
            yield from _constant_claims(module, constant, own, blocks, handlers)


def modules_of(board: Board, blocks: Sequence[RegisterBlock]) -> list[str]:
    """The modules that the board's models are written in: those that its file lists, and their classes'."""
    classes = (c.__module__.rpartition(".") for b in blocks for c in type(b).__mro__)
    names = [*board.emulator.peripherals, *(name for package, _, name in classes if package == PACKAGE)]
    return [n for n in dict.fromkeys(names) if n != "base"]


def _constants(module: ModuleType) -> list[str]:
    """The names that a module assigns at its top level, without types and __all__."""
    names: list[str] = []
    for node in ast.parse(inspect.getsource(module)).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            names += [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
    return [n for n in names if n != "__all__"]


def _constant_claims(
    module: ModuleType,
    constant: str,
    own: Sequence[RegisterBlock],
    blocks: Sequence[RegisterBlock],
    handlers: Mapping[str, Handler | tuple[str, ...] | None],
) -> Iterator[Claim]:
    where, value = module.__name__.rpartition(".")[2], getattr(module, constant)
    key, name = f"{where}.{constant}", constant.lstrip("_")
    if key in handlers or constant in handlers:
        handler = handlers.get(key, handlers.get(constant))
        if isinstance(handler, tuple):
            register, fields = handler[0], handler[1:]
            yield FieldClaim(where, key, _address(register, own), fields, value)
        elif handler is not None:
            yield from handler(value, own)
        return
    if not isinstance(value, int):
        raise Unclassified(f"{key} is neither a number nor in the table")
    offsets = _offsets(name, own) or _offsets(name, blocks)
    if offsets and value not in offsets:
        raise Unclassified(f"{key} is 0x{value:x}, and the register of that name is elsewhere")
    if not offsets:
        searched = (own[0], *(b for b in blocks if b not in own))
        yield ConstantClaim(where, name, tuple(b.base + o for b in searched for o in b.registers), value)


def _offsets(name: str, blocks: Sequence[RegisterBlock]) -> set[int]:
    """Where the blocks have a register of that name; the file is asked about it with the blocks' registers."""
    return {o for b in blocks for o, r in b.registers.items() if _short(r.name, b) == name}


def _short(name: str, block: RegisterBlock) -> str:
    return name.removeprefix(block.name + "_")


def _address(register: str, blocks: Sequence[RegisterBlock]) -> int:
    for block in blocks:
        for offset, found in block.registers.items():
            if register in (found.name, _short(found.name, block)):
                return block.base + offset
    raise Unclassified(f"no model has a register {register}")
