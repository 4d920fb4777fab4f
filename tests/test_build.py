"""From C to an image: both toolchains, sizes that add up, a cache that hits, bytes that do not depend on the place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from support.handmade import tiny
from support.toolchains import NAMES, require

from edgekit import boards
from edgekit.boards import Board
from edgekit.boards.target import FIRMWARE_DATA
from edgekit.builder import Artifact, build_firmware, toolchains
from edgekit.builder.elf import read_image
from edgekit.errors import ConfigError, Exit, FitError, ToolchainError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.fixture(params=NAMES)
def toolchain(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture
def board() -> Board:
    return boards.load("stm32f746")


def test_an_image_starts_at_the_flash_with_its_stack_and_reset_vector(
    tmp_path: Path, board: Board, toolchain: str
) -> None:
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=toolchain)
    image = read_image(artifact.elf)
    assert artifact.bin is not None
    raw = artifact.bin.read_bytes()
    assert min(s.address for s in image.segments) == 0x08000000
    assert int.from_bytes(raw[0:4], "little") == image.symbols["__ek_stack_high"] == 0x20001000
    assert int.from_bytes(raw[4:8], "little") == image.symbols["ek_reset"] | 1
    assert image.symbols["ek_reset"] >> 20 == 0x002, "code runs at the alias that the ART accelerator serves"
    handlers = {int.from_bytes(raw[at : at + 4], "little") for at in range(8, 4 * (16 + 98), 4)}
    assert handlers == {image.symbols["ek_fault_entry"] | 1}
    assert image.symbols["__ek_vectors"] % 512 == 0, "VTOR wants the table aligned to its length's next power of two"


def test_what_is_programmed_lies_in_the_flash_and_what_runs_in_its_memory(
    tmp_path: Path, board: Board, toolchain: str
) -> None:
    image = read_image(build_firmware(tiny(), board, tmp_path, toolchain=toolchain).elf)
    for segment in image.segments:
        assert segment.address >= 0x08000000
        assert segment.address + len(segment.data) <= 0x08100000
    place = {s.name: s.address for s in image.sections}
    assert place[".arena.dtcm"] >> 16 == 0x2000
    assert place[".arena.sram"] >> 16 == 0x2001
    assert place[".data"] >> 16 == place[".bss"] >> 16 == place[".noinit"] >> 16 == 0x2001
    assert place[".stack"] == 0x20000000, "below the stack nothing is mapped: an overflow faults"


def test_the_hex_file_holds_the_same_bytes_as_the_binary(tmp_path: Path, board: Board, toolchain: str) -> None:
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=toolchain)
    assert artifact.hex is not None
    assert artifact.bin is not None
    memory = bytearray()
    base = 0
    for line in artifact.hex.read_text(encoding="ascii").splitlines():
        record = bytes.fromhex(line[1:])
        assert line[0] == ":"
        assert sum(record) % 256 == 0, "a record's bytes and its checksum cancel"
        data = record[4 : 4 + record[0]]
        if record[3] == 4:
            base = int.from_bytes(data, "big") << 16
        elif record[3] == 0:
            assert base + int.from_bytes(record[1:3], "big") == 0x08000000 + len(memory)
            memory += data
    assert bytes(memory) == artifact.bin.read_bytes()
    assert artifact.hex.read_text(encoding="ascii").endswith(":00000001FF\n")


def test_sizes_add_up(tmp_path: Path, board: Board, toolchain: str) -> None:
    artifact = build_firmware(tiny(), board, tmp_path, toolchain=toolchain)
    assert artifact.bin is not None
    assert [m.name for m in artifact.memories] == [m.name for m in board.memory]
    for memory in artifact.memories:
        assert memory.used == sum(memory.parts.values()) <= memory.size
    assert artifact.arena_bytes == 64 + 128
    assert artifact.stack_bytes is not None
    total = artifact.arena_bytes + artifact.data_bytes + artifact.bss_bytes + artifact.stack_bytes
    data = sum(m.used - m.parts.get("code", 0) for m in artifact.memories if m.kind == "ram")
    assert artifact.sram_bytes == total == data
    assert artifact.flash_bytes == len(artifact.bin.read_bytes())
    assert artifact.weights_bytes >= 64, "the model's table of 64 weights"
    assert artifact.data_bytes + artifact.bss_bytes <= FIRMWARE_DATA


def test_an_unchanged_model_is_not_compiled_again(tmp_path: Path, board: Board, toolchain: str) -> None:
    fresh = tiny(extra=f"\n/* {tmp_path.name} {toolchain} */\n")
    first = build_firmware(fresh, board, tmp_path, toolchain=toolchain)
    second = build_firmware(fresh, board, tmp_path, toolchain=toolchain)
    assert (first.cached, second.cached) == (False, True)
    assert dataclasses.replace(first, cached=True, seconds=0.0) == dataclasses.replace(second, seconds=0.0)


def test_a_change_of_model_flags_or_board_makes_another_image(tmp_path: Path, board: Board, toolchain: str) -> None:
    def build(number: int, extra: str = "", optimize: str = "balanced", on: Board = board) -> Artifact:
        return build_firmware(tiny(extra), on, tmp_path / str(number), toolchain=toolchain, optimize=optimize)

    slower = dataclasses.replace(board, serial=dataclasses.replace(board.serial, baud=57600))
    made = [build(0), build(1, "\n/* edited */\n"), build(2, optimize="size"), build(3, on=slower)]
    assert len({a.build_id for a in made}) == 4


def test_a_cache_that_cannot_be_written_only_costs_time(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = require("gnu")
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the cache's folder would be", encoding="utf-8")
    monkeypatch.setenv("EDGEKIT_CACHE", str(blocked))
    artifact = build_firmware(tiny(), board, tmp_path / "out", toolchain=name)
    assert artifact.elf.is_file()
    assert not artifact.cached


def test_the_same_bytes_come_out_of_another_folder_and_an_empty_cache(
    tmp_path: Path, board: Board, toolchain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there" / "deeper"
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache-1"))
    one = build_firmware(tiny(), board, here, toolchain=toolchain)
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache-2"))
    two = build_firmware(tiny(), board, there, toolchain=toolchain)
    assert not two.cached
    assert one.elf.read_bytes() == two.elf.read_bytes()
    assert one.map is not None
    assert two.map is not None
    assert str(tmp_path) not in one.map.read_text(encoding="utf-8")
    assert str(tmp_path).encode() not in one.elf.read_bytes()


def test_a_model_too_large_for_a_memory_is_refused_with_the_table(tmp_path: Path, board: Board, toolchain: str) -> None:
    with pytest.raises(FitError) as caught:
        build_firmware(tiny(second_region=300_000), board, tmp_path, toolchain=toolchain)
    assert caught.value.exit == Exit.FIT
    assert "sram overflows" in caught.value.message
    row = next(line for line in caught.value.message.splitlines() if line.split()[0] == "sram")
    used = int(row.split()[1])
    assert "arena 300000" in row
    assert f"{used - 256 * 1024} too many" in row


def test_code_too_large_for_the_flash_is_refused_with_the_table(tmp_path: Path, board: Board, toolchain: str) -> None:
    small = tuple(dataclasses.replace(m, size=4096) if m.kind == "flash" else m for m in board.memory)
    with pytest.raises(FitError, match=r"flash overflows\n(.|\n)*  flash .* too many"):
        build_firmware(tiny(), dataclasses.replace(board, memory=small), tmp_path, toolchain=toolchain)


def test_code_that_does_not_compile_shows_the_compilers_words(tmp_path: Path, board: Board, toolchain: str) -> None:
    with pytest.raises(ToolchainError) as caught:
        build_firmware(
            tiny(extra="\nint broken(long x) { return x / nothing; }\n"), board, tmp_path, toolchain=toolchain
        )
    assert caught.value.code == "toolchain.compile"
    assert caught.value.exit == Exit.TOOLCHAIN
    assert "tiny.c" in caught.value.message
    assert "nothing" in caught.value.message


@pytest.mark.parametrize("name", ["gnu", pytest.param("zig", marks=pytest.mark.slow)])  # zig compiles its runtime once
def test_a_model_that_needs_the_compilers_runtime_gets_it(tmp_path: Path, board: Board, name: str) -> None:
    """64-bit division and double precision are functions of the runtime on this core."""
    extra = "\ndouble ek_runtime(int64_t a, int64_t b);\ndouble ek_runtime(int64_t a, int64_t b)\n"
    extra += "{\n    return (double)(a / b) * 0.5;\n}\n"
    sources = tiny(extra)
    text = sources.files["tiny.c"].replace(
        "    layer_01(ctx);\n    return EK_OK;", "    layer_01(ctx);\n    return (int)ek_runtime(layers, layers + 1);"
    )
    text = text.replace('#include "edgekit.h"', '#include "edgekit.h"\nstatic volatile int64_t layers;\n'
                        "double ek_runtime(int64_t a, int64_t b);")  # fmt: skip
    sources = dataclasses.replace(sources, files={**sources.files, "tiny.c": text})
    image = read_image(build_firmware(sources, board, tmp_path, toolchain=require(name)).elf)
    assert {"__aeabi_ldivmod", "__aeabi_dmul"} <= image.symbols.keys()


def test_the_image_says_which_core_it_is_for(tmp_path: Path, board: Board, toolchain: str) -> None:
    with build_firmware(tiny(), board, tmp_path, toolchain=toolchain).elf.open("rb") as file:
        elf = ELFFile(file)
        assert elf["e_machine"] == "EM_ARM"
        assert elf["e_entry"] & 1, "Thumb"


def test_without_any_toolchain_the_error_has_the_command_that_gets_one(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchains, "zig_program", lambda: None)
    assert toolchains.probe() == ()
    with pytest.raises(ToolchainError) as caught:
        build_firmware(tiny(), board, tmp_path / "out")
    assert caught.value.exit == Exit.TOOLCHAIN
    assert caught.value.hint == "pip install 'edgekit[toolchain]'"


def test_without_gcc_on_the_path_the_bundled_toolchain_builds(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("zig")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build_firmware(tiny(), board, tmp_path / "out").toolchain.startswith("zig ")


def test_a_toolchain_that_was_asked_for_is_never_replaced_by_another(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="arm-none-eabi-gcc is not on the PATH"):
        build_firmware(tiny(), board, tmp_path / "out", toolchain="gnu")


def test_a_core_without_known_options_is_a_configuration_error(tmp_path: Path, board: Board, toolchain: str) -> None:
    odd = dataclasses.replace(board, mcu=dataclasses.replace(board.mcu, core="cortex-m0", fpu="single"))
    with pytest.raises(ConfigError, match="cortex-m0"):
        build_firmware(tiny(), odd, tmp_path, toolchain=toolchain)
