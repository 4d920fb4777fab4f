"""Link objects into an image; where a memory overflows, measure by how much."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ..errors import ToolchainError
from .cache import Cache, digest
from .compile import run
from .toolchains import Toolchain

_COMMON = ("--gc-sections", "--emit-relocs", "--build-id=none", "--nmagic", "--fatal-warnings")
"""--nmagic keeps ELF headers out of the segments, which would be programmed below the start of the flash."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is linked.

    objects  relative to `folder`, in order
    machine  options that select the core, as for compiling
    script   the linker script's text
    """

    toolchain: Toolchain
    machine: tuple[str, ...]
    folder: Path
    objects: tuple[Path, ...]
    script: str
    environment: Mapping[str, str]


def link(job: Job, elf: Path, map_file: Path, cache: Cache, inputs: Sequence[str]) -> bool:
    """Link into `elf` and write the linker's map; whether the cache had both. ToolchainError where it fails.

    inputs  digests of the objects, in their order
    """
    key = digest("link", job.toolchain.identity, job.script, *_options(job), *inputs)
    if cache.take(key, ".elf", elf) and cache.take(key, ".map", map_file):
        return True
    link_now(job, elf, map_file)
    cache.put(key, ".map", map_file)
    cache.put(key, ".elf", elf)
    return False


def _options(job: Job) -> list[str]:
    if job.toolchain.name == "gnu":
        passed = (*_COMMON, "-Map=firmware.map")
        return [*job.machine, "-nostdlib", "-nostartfiles", *(f"-Wl,{option}" for option in passed)]
    return ["ld.lld", "-m", "armelf", *_COMMON, "--strip-debug", "-Map=firmware.map"]


def link_now(job: Job, elf: Path, map_file: Path, extra: Sequence[str] = ()) -> None:
    """Run the linker in the folder of the objects, so that no path of this machine gets into its outputs."""
    gnu = job.toolchain.name == "gnu"
    (job.folder / "firmware.ld").write_text(job.script, encoding="utf-8")
    objects = [f"./{o.as_posix()}" for o in job.objects]
    libraries = ["-lgcc"] if gnu else _runtime(job)
    passed = [f"-Wl,{e}" if gnu else e for e in extra]
    argv = [str(job.toolchain.path), *_options(job), *passed, "-T", "firmware.ld", *objects, *libraries]
    run([*argv, "-o", "firmware.elf"], job.environment, "toolchain.link", "the firmware does not link", cwd=job.folder)
    shutil.move(job.folder / "firmware.elf", elf)
    shutil.move(job.folder / "firmware.map", map_file)


def _runtime(job: Job) -> list[str]:
    """Zig's compiler runtime, built on first need: most images call none of its functions."""
    defined: set[str] = set()
    wanted: set[str] = set()
    for path in job.objects:
        with (job.folder / path).open("rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)
            for symbol in table.iter_symbols():
                if symbol["st_info"]["bind"] != "STB_LOCAL" and symbol.name:
                    (wanted if symbol["st_shndx"] == "SHN_UNDEF" else defined).add(symbol.name)
    missing = {name for name in wanted - defined if not name.startswith("__ek_")}
    if not missing:
        return []
    folder = Path(job.environment["ZIG_GLOBAL_CACHE_DIR"]) / digest(job.toolchain.identity, *job.machine)[:16]
    library = folder / "libcompiler_rt.a"
    if not library.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        source = job.toolchain.path.parent / "lib" / "compiler_rt.zig"
        argv = [str(job.toolchain.path), "build-lib", *job.machine, "-O", "ReleaseSmall", "-ffunction-sections"]
        argv += ["-fdata-sections", "-fstrip", "--name", "compiler_rt", f"-femit-bin={library}", str(source)]
        run(argv, job.environment, "toolchain.runtime", f"no compiler runtime for {', '.join(sorted(missing))}")
    return [str(library)]


def overflowed(error: ToolchainError) -> bool:
    """Whether a link failed because a memory is too small."""
    return "overflowed by" in error.message or "will not fit in region" in error.message
