"""The same agent and model as a program of this machine that talks over stdin and stdout."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgekit_codegen.emit import Sources
from edgekit_codegen.memory.plan import OUTSIDE

from .. import boards, resources
from ..boards import Board
from ..errors import ToolchainError
from . import cmsis_nn
from .artifact import Artifact, MemoryUse
from .cache import Cache, digest, user_cache
from .compile import EXACT, WARNINGS, Compiler, Unit, compile_units, run
from .firmware import firmware_folders, firmware_inputs
from .image import BUILD_ID_BYTES, image_source
from .model import Model, write_model
from .toolchains import LEVEL, LEVELS, REMEDY, version, zig_program

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


def host_compiler() -> tuple[tuple[str, ...], str]:
    """A compiler for this machine and its identity: cc from the PATH, or zig; ToolchainError where there is neither."""
    cc = shutil.which("cc")
    told = version(Path(cc), "--version") if cc else None
    if cc is not None and told is not None:
        return (cc,), f"{told}, {sys.platform}"
    zig = zig_program()
    if zig is not None:
        return (str(zig), "cc"), f"zig {version(zig, 'version')}, {sys.platform}"
    raise ToolchainError("toolchain.none", "no C compiler for this machine: neither cc nor the ziglang package", REMEDY)


def build_host(sources: Sources, out: Path, *, optimize: str = LEVEL, sanitize: bool = False) -> Path:
    """Build the program in folder `out`; its path. `sanitize` adds the address and undefined-behaviour sanitizers."""
    program, *_ = _build(sources, boards.load("host"), out, optimize, sanitize)
    return program


def build_host_artifact(sources: Sources, board: Board, out: Path, *, optimize: str, began: float) -> Artifact:
    """build_host with an Artifact, so that board "host" builds as any other. The program counts as no memory's use
    but the arena's."""
    program, build_id, cached, library = _build(sources, board, out, optimize, False)
    arena = sum(region.used for region in sources.regions if region.name != OUTSIDE)
    rows = tuple(
        MemoryUse(memory.name, memory.kind, region.used, memory.size, {"arena": region.used})
        for memory in board.memory
        for region in sources.regions
        if region.name == memory.name
    )
    size = program.stat().st_size
    return Artifact(
        elf=program,
        bin=None,
        hex=None,
        map=None,
        board=board.name,
        toolchain=host_compiler()[1],
        build_id=build_id,
        flash_bytes=size,
        code_bytes=0,
        weights_bytes=0,
        arena_bytes=arena,
        data_bytes=0,
        bss_bytes=0,
        stack_bytes=None,
        stack_how="",
        sram_bytes=sum(region.used for region in sources.regions),
        memories=rows,
        cached=cached,
        seconds=time.perf_counter() - began,
        library=library,
    )


def _build(sources: Sources, board: Board, out: Path, optimize: str, sanitize: bool) -> tuple[Path, str, bool, str]:
    command, identity = host_compiler()
    objects = out / "objects"
    shutil.rmtree(objects, ignore_errors=True)
    objects.mkdir(parents=True)
    model = write_model(sources, out / "model")
    cache = Cache(user_cache())
    zig = str(cache.folder / "zig")
    uses_zig = len(command) > 1
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig} if uses_zig else {}
    prefixes = {resources.firmware(): "firmware", resources.kernels(): "edgekit", out.resolve(): "."}
    compiler = Compiler(command, identity, prefixes, environment)
    extra = SANITIZERS if sanitize else ("-fno-sanitize=all",) if uses_zig else ()
    code = (*LEVELS[optimize], *EXACT, "-ffunction-sections", "-fdata-sections", *extra)
    flags = (*WARNINGS, *code)
    units = _units(model, board, flags)
    units += [] if model.library is None else cmsis_nn.units(model.library, code)
    library = str(model.library or "")
    compiled = compile_units(units, compiler, objects, cache)
    build_id = digest("host", identity, *flags, model.symbol, repr(model.arenas), *compiled.keys)[: 2 * BUILD_ID_BYTES]
    image = _image_unit(model, board, out, build_id, flags)
    image_object = compile_units([image], compiler, objects, cache, jobs=1)
    program = out.resolve() / ("edgekit-agent.exe" if sys.platform == "win32" else "edgekit-agent")
    key = digest("host-link", identity, *extra, *compiled.keys, *image_object.keys)
    if cache.take(key, ".exe", program):
        program.chmod(0o755)
        return program, build_id, compiled.cached and image_object.cached, library
    inputs = [str(p) for p in (*compiled.paths, *image_object.paths)]
    argv = [*command, *extra, *inputs, "-lm", "-o", str(program)]
    run(argv, environment, "toolchain.link", "the program does not link")
    cache.put(key, ".exe", program)
    return program, build_id, False, library


def _units(model: Model, board: Board, flags: Sequence[str]) -> list[Unit]:
    units = [
        Unit(model.folder / name, f"model/{Path(name).stem}", tuple(flags), model.search, model.inputs)
        for name in model.units
    ]
    folders = firmware_folders(board)
    shared = firmware_inputs(folders)
    for folder in folders:
        for source in sorted(folder.glob("*.c")):
            search = (*folders, resources.kernels())
            units.append(Unit(source, f"firmware/{folder.name}-{source.stem}", tuple(flags), search, shared))
    return units


def _image_unit(model: Model, board: Board, out: Path, build_id: str, flags: Sequence[str]) -> Unit:
    text = image_source(
        model.symbol,
        model.arenas,
        model.layers,
        model.pulls,
        model.pushes,
        board.name,
        build_id,
        sections=False,
    )
    source = out.resolve() / "ek_image.c"
    source.write_text(text, encoding="utf-8")
    folders = firmware_folders(board)
    inputs = digest(text, firmware_inputs(folders))
    return Unit(source, "firmware/ek_image", tuple(flags), (folders[0], resources.kernels()), inputs)
