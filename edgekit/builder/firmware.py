"""From a model's C to a firmware image: the agent, the board's port and the model, compiled, linked and measured."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgekit_codegen.emit import Sources

from .. import resources
from ..boards import Board
from ..boards.target import FIRMWARE_DATA
from ..errors import FitError, ToolchainError
from . import cmsis_nn, stack
from .artifact import Artifact, MemoryUse, format_table, memory_table
from .cache import Cache, digest, digest_files, user_cache
from .compile import EXACT, WARNINGS, Compiler, Objects, Unit, compile_units
from .elf import Image, read_image
from .fast_code import fast_code
from .hexfile import binary, intel_hex
from .image import BUILD_ID_BYTES, Arena, image_source
from .link import Job, link, link_now, overflowed
from .linker_script import linker_script
from .model import Model, beside_arena, write_model
from .toolchains import LEVEL, LEVELS, Toolchain, choose, machine_flags

FAULT_STACK_BYTES = 512
_FREESTANDING = (
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-common",
    "-fno-asynchronous-unwind-tables",
)
_ZIG = ("-fno-sanitize=all", "-fomit-frame-pointer", "-fno-stack-protector", "-fno-unwind-tables", "-g0")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that is fixed before the first compiler runs."""

    board: Board
    toolchain: Toolchain
    model: Model
    out: Path
    objects: Path
    machine: tuple[str, ...]
    compiler: Compiler
    cache: Cache


def build_firmware(
    sources: Sources, board: Board, out: Path, *, toolchain: str | None = None, optimize: str = LEVEL
) -> Artifact:
    """Build the image of a model for a board in folder `out`.

    sources    what edgekit_codegen.emit made, planned for this board
    toolchain  "gnu", "zig" or None for the first that is installed
    optimize   what the compiler optimizes for, of LEVELS
    Writes firmware.elf, .bin, .hex and .map, and the model's C under model/.

    ToolchainError: none is installed, or it refuses. FitError: a memory overflows, or the stack's bound exceeds what
    the board keeps for it; the message has the table.
    """
    began = time.perf_counter()
    if board.is_host:
        from .host import build_host_artifact

        return build_host_artifact(sources, board, out, optimize=optimize, began=began)
    plan = _prepare(sources, board, out, choose(toolchain))
    units = _units(plan, optimize)
    objects = compile_units(units, plan.compiler, plan.objects, plan.cache)
    fast = fast_code(board, objects.paths[: len(plan.model.units)])
    script = linker_script(board, _template(), plan.model.arenas, fast)
    build_id = digest("image", script, plan.model.symbol, board.name, repr(plan.model.arenas), *objects.keys)
    build_id = build_id[: 2 * BUILD_ID_BYTES]
    image_objects = _compile_image(plan, build_id, optimize)
    every = tuple(p.relative_to(plan.objects) for p in (*objects.paths, *image_objects.paths))
    job = Job(plan.toolchain, plan.machine, plan.objects, every, script, plan.compiler.environment)
    elf, map_file = out / "firmware.elf", out / "firmware.map"
    keys = (*objects.keys, *image_objects.keys)
    try:
        cached = link(job, elf, map_file, plan.cache, keys) and objects.cached and image_objects.cached
    except ToolchainError as error:
        if overflowed(error):
            raise _does_not_fit(plan, job) from None
        raise
    if not cached:
        plan.cache.prune()
    image = read_image(elf)
    bound = _stack(board, image)
    table = memory_table(board, image, bound.bytes)
    _check_data(board, image)
    (out / "firmware.bin").write_bytes(binary(image.segments))
    (out / "firmware.hex").write_text(intel_hex(image.segments, image.symbols["ek_reset"] | 1), encoding="ascii")
    return _artifact(plan, build_id, image, table, bound, cached, began)


def _prepare(sources: Sources, board: Board, out: Path, toolchain: Toolchain) -> _Plan:
    objects = out / "objects"
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    model = beside_arena(write_model(sources, out / "model"), board)
    cache = Cache(user_cache())
    zig = str(cache.folder / "zig")
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig} if toolchain.name == "zig" else {}
    prefixes = {resources.firmware(): "firmware", resources.kernels(): "edgekit", out.resolve(): "."}
    compiler = Compiler(toolchain.compiler, toolchain.identity, prefixes, environment)
    machine = machine_flags(toolchain, board.mcu.core, board.mcu.fpu)
    return _Plan(board, toolchain, model, out.resolve(), objects.resolve(), machine, compiler, cache)


def _flags(plan: _Plan, optimize: str) -> tuple[str, ...]:
    return (*WARNINGS, *_compiled(plan, optimize))


def _compiled(plan: _Plan, optimize: str) -> tuple[str, ...]:
    """The options that decide on the code."""
    extra = _ZIG if plan.toolchain.name == "zig" else ()
    return (*plan.machine, *LEVELS[optimize], *EXACT, *_FREESTANDING, *extra)


def _units(plan: _Plan, optimize: str) -> list[Unit]:
    """The model's files and the firmware's. Every header counts as an input of every file that could include it."""
    flags, model = _flags(plan, optimize), plan.model
    units = [
        Unit(model.folder / name, f"model/{Path(name).stem}", flags, model.search, model.inputs) for name in model.units
    ]
    if model.library is not None:
        units += cmsis_nn.units(model.library, _compiled(plan, optimize))
    folders = firmware_folders(plan.board)
    inputs = firmware_inputs(folders)
    defined = tuple(f"-D{name}={value}" for name, value in definitions(plan.board).items())
    for folder in folders:
        for source in sorted(folder.glob("*.c")):
            search = (*folders, resources.kernels())
            units.append(Unit(source, f"firmware/{folder.name}-{source.stem}", (*flags, *defined), search, inputs))
    return units


def firmware_folders(board: Board) -> tuple[Path, ...]:
    """Where the firmware's C lies: the agent, what the port shares with its kind, and the port."""
    root = resources.firmware()
    return (root / "agent", *(root / "ports" / name for name in (*board.build.shared, board.build.port)))


def firmware_inputs(folders: Sequence[Path]) -> str:
    """A digest of all C and headers that the firmware may be made of."""
    files = [p for folder in folders for p in folder.iterdir() if p.suffix in (".c", ".h")]
    texts = {f"{p.parent.name}/{p.name}": p.read_bytes() for p in files}
    return digest_files({**texts, "edgekit.h": (resources.kernels() / "edgekit.h").read_bytes()})


def definitions(board: Board) -> dict[str, str]:
    """What a board's file tells its port, as macros."""
    macros = {
        "EK_CLOCK_HZ": f"{board.mcu.clock_hz}u",
        "EK_CRYSTAL_HZ": f"{board.mcu.crystal_hz}u",
        "EK_N_INTERRUPTS": str(board.mcu.interrupts),
        "EK_FAULT_STACK_BYTES": str(FAULT_STACK_BYTES),
        "EK_UART_BAUD": f"{board.serial.baud}u",
        "EK_UART_ALTERNATE_FUNCTION": f"{board.serial.alternate_function}u",
    }
    if board.serial.uart:
        macros[f"EK_UART_{board.serial.uart.upper()}"] = "1"
    for name, pin in (("TX", board.serial.tx), ("RX", board.serial.rx)):
        if pin:
            macros[f"EK_UART_{name}_PORT"] = f"{ord(pin[1]) - ord('A')}u"
            macros[f"EK_UART_{name}_PIN"] = f"{pin[2:]}u"
    return macros


def _compile_image(plan: _Plan, build_id: str, optimize: str) -> Objects:
    model = plan.model
    text = image_source(
        model.symbol,
        model.arenas,
        model.layers,
        model.pulls,
        model.pushes,
        plan.board.name,
        build_id,
        sections=True,
    )
    source = plan.out / "ek_image.c"
    source.write_text(text, encoding="utf-8")
    folders = firmware_folders(plan.board)
    search = (folders[0], resources.kernels())
    inputs = digest(text, firmware_inputs(folders))
    unit = Unit(source, "firmware/ek_image", _flags(plan, optimize), search, inputs)
    return compile_units([unit], plan.compiler, plan.objects, plan.cache, jobs=1)


def _template() -> str:
    return (resources.firmware() / "ports" / "cortex_m" / "sections.ld").read_text(encoding="utf-8")


def _stack(board: Board, image: Image) -> stack.StackBound:
    graph = stack.call_graph(image)
    bound = stack.bound(graph, "ek_reset")
    total = stack.StackBound(bound.bytes + stack.EXCEPTION_BYTES, (*bound.path, ("exception", stack.EXCEPTION_BYTES)))
    handler = stack.bound(graph, "ek_fault_taken")
    for name, need, have in (
        ("the stack", total, board.build.stack),
        ("the fault handler's stack", handler, FAULT_STACK_BYTES),
    ):
        if need.bytes > have:
            raise FitError(
                "fit.stack",
                f"{name} may need {need.bytes} bytes, {have} are kept for it: {need.how}",
                "raise [build] stack in the board's file" if need is total else "",
            )
    return total


def _check_data(board: Board, image: Image) -> None:
    data = image.size(".data") + image.size(".bss") + image.size(".noinit")
    if data > FIRMWARE_DATA:
        raise FitError(
            "fit.data",
            f"the firmware's variables take {data} bytes on {board.name}, plans leave {FIRMWARE_DATA} for them",
        )


def _does_not_fit(plan: _Plan, job: Job) -> FitError:
    """Link once more with memories of a generous size, to tell by how much each is too small."""
    script = linker_script(plan.board, _template(), plan.model.arenas, generous=True)
    big = Job(job.toolchain, job.machine, job.folder, job.objects, script, job.environment)
    elf = plan.objects / "too-large.elf"
    link_now(big, elf, plan.objects / "too-large.map", extra=("--no-check-sections",))
    table = memory_table(plan.board, read_image(elf), plan.board.build.stack)
    names = ", ".join(row.name for row in table if row.overflow) or "a memory"
    return FitError(
        "fit.memory",
        f"the image does not fit {plan.board.name}: {names} overflows\n{format_table(table)}",
        "a smaller model, or `--optimize size` where code is what overflows",
    )


def _artifact(
    plan: _Plan,
    build_id: str,
    image: Image,
    table: tuple[MemoryUse, ...],
    bound: stack.StackBound,
    cached: bool,
    began: float,
) -> Artifact:
    flash = next(row for row in table if row.kind == "flash" and row.parts)
    rams = [row for row in table if row.kind == "ram"]
    return Artifact(
        elf=plan.out / "firmware.elf",
        bin=plan.out / "firmware.bin",
        hex=plan.out / "firmware.hex",
        map=plan.out / "firmware.map",
        board=plan.board.name,
        toolchain=plan.toolchain.identity,
        build_id=build_id,
        flash_bytes=flash.used,
        code_bytes=flash.parts["code"],
        weights_bytes=flash.parts["weights"],
        arena_bytes=sum(row.parts.get("arena", 0) for row in rams),
        data_bytes=image.size(".data"),
        bss_bytes=image.size(".bss") + image.size(".noinit"),
        stack_bytes=bound.bytes,
        stack_how=bound.how,
        sram_bytes=sum(row.used - row.parts.get("code", 0) for row in rams),
        memories=table,
        cached=cached,
        seconds=time.perf_counter() - began,
        library=str(plan.model.library or ""),
    )


__all__ = ["Arena", "build_firmware", "definitions", "firmware_folders", "firmware_inputs"]
