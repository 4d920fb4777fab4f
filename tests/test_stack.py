"""The stack bound: frames read from instructions, checked against compilers and assembled by hand."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest
from support.handmade import tiny
from support.toolchains import NAMES, require

from edgekit import boards, resources
from edgekit.builder import build_firmware, stack, thumb, toolchains
from edgekit.builder.elf import Function, Image, read_image
from edgekit.builder.firmware import definitions, firmware_folders
from edgekit.errors import Exit, FitError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE", str(cache))


@pytest.fixture(params=NAMES)
def toolchain(request: pytest.FixtureRequest) -> str:
    return require(request.param)


def assemble(*halfwords: int) -> bytes:
    return b"".join(h.to_bytes(2, "little") for h in halfwords)


def test_a_frame_from_a_literal_of_armv6m() -> None:
    """LDR r4, [PC, #0]; ADD SP, r4; then -968. What another instruction wrote is no constant."""
    code, pool = assemble(0x4C00, 0x44A5), (-968 & 0xFFFFFFFF).to_bytes(4, "little")
    found = thumb.scan(0x1000, 8, [(0x1000, code)], [(0x1004, pool)])
    assert (found.frame, found.dynamic) == (968, False)
    code = assemble(0x4C01, 0x1C64, 0x44A5)  # ADDS r4, r4, #1 in between
    assert thumb.scan(0x1000, 12, [(0x1000, code)], [(0x1008, pool)]).dynamic
    assert thumb.scan(0x1000, 4, [(0x1000, assemble(0x4C00, 0x44A5))]).dynamic


def scan(*halfwords: int, start: int = 0x1000) -> thumb.Code:
    code = assemble(*halfwords)
    return thumb.scan(start, len(code), [(start, code)])


@pytest.mark.parametrize(
    ("halfwords", "frame"),
    [
        ((0xB570,), 16),  # push {r4, r5, r6, lr}
        ((0xE92D, 0x4FF0), 36),  # push.w {r4-r11, lr}
        ((0xF84D, 0xED04), 4),  # str lr, [sp, #-4]!
        ((0xE96D, 0x4502), 8),  # strd r4, r5, [sp, #-8]!
        ((0xB082,), 8),  # sub sp, #8
        ((0x24FB, 0x00A4, 0x4264, 0x44A5), 1004),  # movs r4, #251; lsls r4, r4, #2; rsbs r4, r4, #0; add sp, r4
        ((0x24FB, 0x00A4, 0x44A5), 0),  # the same, upwards
        ((0xF5AD, 0x7D00), 512),  # sub.w sp, sp, #512
        ((0xF6AD, 0x7D04), 3844),  # subw sp, sp, #3844
        ((0xED2D, 0x8B04), 16),  # vpush {d8, d9}
        ((0xED2D, 0x8A01), 4),  # vpush {s16}
        ((0xED2D, 0x1F04), 16),  # vstrw.32 q0, [sp, #-16]!
        ((0xED2D, 0xFE90), 32),  # vstrh.16 q7, [sp, #-32]!
        ((0xED6D, 0xCF81), 4),  # vstr fpcxtns, [sp, #-4]!
        ((0xED0D, 0x1F04), 0),  # vstrw.32 q0, [sp, #-16]
        ((0xF241, 0x2C34, 0xEBAD, 0x0D0C), 0x1234),  # movw ip, #0x1234; sub.w sp, sp, ip
        ((0xB500, 0xB083, 0xB003, 0xBD00), 16),  # push {lr}; sub sp, #12; add sp, #12; pop {pc}
        ((0xBF00, 0x4770), 0),  # nop; bx lr
        ((0xB580, 0xAF00, 0x46BD, 0xBD80), 8),  # push {r7, lr}; add r7, sp, #0; mov sp, r7; pop {r7, pc}
    ],
)
def test_frames_of_the_instructions_that_compilers_make_them_with(halfwords: tuple[int, ...], frame: int) -> None:
    code = scan(*halfwords)
    assert (code.frame, code.dynamic, code.indirect) == (frame, False, False)


def test_a_frame_of_variable_size_is_seen() -> None:
    assert scan(0xEBAD, 0x0D03).dynamic  # sub.w sp, sp, r3
    assert scan(0x469D).dynamic  # mov sp, r3
    assert scan(0xF021, 0x0107, 0xEBAD, 0x0001, 0x4685).dynamic  # bic r1, r1, #7; sub.w r0, sp, r1; mov sp, r0
    assert scan(0x4668, 0x1A40, 0x4685).dynamic  # mov r0, sp; subs r0, r0, r1; mov sp, r0


def test_a_frame_that_is_aligned_costs_at_most_the_alignment() -> None:
    realigned = scan(0x466C, 0xF36F, 0x0404, 0x46A5)  # mov r4, sp; bfc r4, #0, #5; mov sp, r4
    assert (realigned.frame, realigned.dynamic) == (31, False)
    with_room = scan(0xF1AD, 0x0440, 0xF024, 0x041F, 0x46A5)  # sub.w r4, sp, #64; bic r4, r4, #31; mov sp, r4
    assert (with_room.frame, with_room.dynamic) == (64 + 31, False)


@pytest.mark.parametrize(
    ("halfwords", "indirect"),
    [
        ((0x4798,), True),  # blx r3
        ((0x4718,), True),  # bx r3
        ((0x4770,), False),  # bx lr
        ((0xF8DF, 0xF004), True),  # ldr.w pc, [pc, #4]
        ((0xF85D, 0xFB04), False),  # ldr.w pc, [sp], #4
        ((0x479C,), True),  # blxns r3
        ((0x471C,), True),  # bxns r3
        ((0x4774,), False),  # bxns lr
    ],
)
def test_jumps_through_registers_are_calls_and_returns_are_not(halfwords: tuple[int, ...], indirect: bool) -> None:
    assert scan(*halfwords).indirect is indirect


def test_calls_and_tail_calls_are_followed_both_ways() -> None:
    assert scan(0xF000, 0xF87E).targets == {0x1100}  # bl +0x100
    assert scan(0xF7FF, 0xFFFE).targets == {0x1000}  # bl to the function's own start: recursion
    assert scan(0xF7FF, 0xBF7E).targets == {0x0F00}  # b.w -0x100
    assert scan(0xF43F, 0xAF7E).targets == {0x0F00}  # beq.w -0x100
    assert scan(0xE07E).targets == {0x1100}  # b +0x100
    assert scan(0xD1FE).targets == frozenset()  # bne to itself: a loop


@pytest.mark.parametrize(
    "halfwords",
    [
        (0xF042, 0xE001),  # dls lr, r2
        (0xF042, 0xC035),  # wls lr, r2, +0x6c
        (0xF00F, 0xC005),  # le lr, -8
        (0xF02F, 0xC005),  # le -8
        (0xF022, 0xE001),  # dlstp.32 lr, r2
        (0xF003, 0xC02F),  # wlstp.8 lr, r3, +0x5c
        (0xF01F, 0xC00B),  # letp lr, -20
        (0xE97F, 0xE97F),  # sg
        (0xEA51, 0x8002),  # csel r0, r1, r2, eq
        (0xEA50, 0x114F),  # lsll r0, r1, #5
        (0xE89F, 0x000F),  # clrm {r0-r3}
        (0xEEA0, 0x1B10),  # vdup.32 q0, r1
    ],
)
def test_loops_and_vectors_of_armv8_1_m_are_neither_calls_nor_frames(halfwords: tuple[int, int]) -> None:
    assert scan(*halfwords) == thumb.Code(0, frozenset(), False, False)


def graph(**functions: tuple[int, tuple[str, ...], bool]) -> stack.CallGraph:
    """name=(frame, callees, calls through a pointer); names in `taken_...` have their address held."""
    address = {name: 16 * i for i, name in enumerate(functions)}
    return stack.CallGraph(
        {a: Function(name, a, 16, ()) for name, a in address.items()},
        {address[n]: thumb.Code(frame, frozenset(), pointer, False) for n, (frame, _, pointer) in functions.items()},
        {address[n]: tuple(address[c] for c in callees) for n, (_, callees, _) in functions.items()},
        tuple(a for name, a in address.items() if name.startswith("taken")),
    )


def test_the_bound_is_the_deepest_chain_not_the_sum() -> None:
    found = stack.bound(
        graph(root=(8, ("a", "b"), False), a=(100, (), False), b=(16, ("c",), False), c=(90, (), False)), "root"
    )
    assert found.bytes == 8 + 16 + 90
    assert found.path == (("root", 8), ("b", 16), ("c", 90))


def test_a_call_through_a_pointer_may_reach_every_function_whose_address_is_held() -> None:
    functions = {
        "root": (8, (), True),
        "taken_small": (4, (), False),
        "taken_big": (64, ("leaf",), False),
        "leaf": (32, (), False),
    }
    assert stack.bound(graph(**functions), "root").bytes == 8 + 64 + 32
    functions["not_held"] = (1000, (), False)
    assert stack.bound(graph(**functions), "root").bytes == 8 + 64 + 32


def test_callbacks_that_call_through_pointers_themselves_are_chained() -> None:
    functions = {"root": (8, (), True), "taken_invoke": (40, (), True), "taken_mark": (16, (), True)}
    assert stack.bound(graph(**functions), "root").bytes == 8 + 40 + 16


def test_recursion_has_no_bound() -> None:
    with pytest.raises(FitError, match="a > b > a") as caught:
        stack.bound(graph(root=(0, ("a",), False), a=(8, ("b",), False), b=(8, ("a",), False)), "root")
    assert caught.value.code == "stack.unbounded"
    assert caught.value.exit == Exit.FIT


def test_recursion_and_variable_frames_in_a_model_are_refused_by_name(tmp_path: Path, toolchain: str) -> None:
    board = boards.load("stm32f746")
    for body, says in (
        (
            "volatile int keep = n; return n > 0 ? grow(n - 1) * keep + grow(n - 2) : 1;",
            "recursion has no bound: grow > grow",
        ),
        ("volatile int8_t room[n]; room[0] = 1; return room[n - 1];", "grow needs an amount of stack"),
    ):
        sources = tiny()
        text = sources.files["tiny.c"].replace(
            "static void layer_01",
            f"__attribute__((noinline)) static int grow(int n)\n{{\n    {body}\n}}\nstatic void layer_01",
        )
        text = text.replace(
            "layer_01(ctx);\n    return EK_OK;", "layer_01(ctx);\n    return grow(*(int8_t *)ctx->region[0]);"
        )
        sources = dataclasses.replace(sources, files={**sources.files, "tiny.c": text})
        with pytest.raises(FitError, match=says):
            build_firmware(sources, board, tmp_path / "out", toolchain=toolchain)


def test_a_stack_larger_than_the_boards_is_refused_with_the_chain(tmp_path: Path, toolchain: str) -> None:
    board = boards.load("stm32f746")
    small = dataclasses.replace(board, build=dataclasses.replace(board.build, stack=128))
    with pytest.raises(FitError, match=r"the stack may need \d+ bytes, 128 are kept for it: ek_reset 0 > ") as caught:
        build_firmware(tiny(), small, tmp_path / "out", toolchain=toolchain)
    assert caught.value.code == "fit.stack"


def test_the_models_layers_and_the_mark_count_towards_the_bound(tmp_path: Path, toolchain: str) -> None:
    image = read_image(build_firmware(tiny(), boards.load("stm32f746"), tmp_path, toolchain=toolchain).elf)
    held = {f.name for f in image.functions if f.address in image.taken}
    assert held == {"tiny_invoke", "ek_agent_mark"}
    deep = dataclasses.replace(image, functions=tuple(_deepened(f) for f in image.functions))
    assert stack.bound(stack.call_graph(deep), "ek_reset").bytes >= 1024


def _deepened(function: Function) -> Function:
    if function.name != "ek_agent_mark":
        return function
    lowered = (function.address, assemble(0xF5AD, 0x6D80))  # sub.w sp, sp, #1024
    return dataclasses.replace(function, code=(lowered, *function.code))


@pytest.mark.parametrize("name", ["stm32f746", "mps3-an547"])
def test_frames_agree_with_the_compilers_own_account(tmp_path: Path, name: str) -> None:
    """-fstack-usage, where the compiler has it, never tells more than what was read from the instructions."""
    chosen = toolchains.choose(require("gnu"))
    board = boards.load(name)
    folders = firmware_folders(board)
    machine = toolchains.machine_flags(chosen, board.mcu.core, board.mcu.fpu)
    search = [f"-I{p}" for p in (*folders, resources.kernels())]
    macros = [f"-D{k}={v}" for k, v in definitions(board).items()]
    compared = 0
    for source in (p for folder in folders for p in sorted(folder.glob("*.c"))):
        target = tmp_path / f"{source.stem}.o"
        argv = [*chosen.compiler, *machine, "-std=c11", "-O2", "-ffreestanding", "-ffunction-sections", "-fstack-usage"]
        subprocess.run([*argv, *search, *macros, "-c", str(source), "-o", str(target)], check=True)
        told = {
            name: (int(size), kind)
            for name, size, kind in re.findall(r":(\w+)\t(\d+)\t(\S+)", target.with_suffix(".su").read_text())
        }
        for function in _functions(target):
            if function.name in told:
                size, kind = told[function.name]
                assert kind == "static"
                assert thumb.scan(function.address, function.size, function.code).frame == size, function.name
                compared += 1
    assert compared > 30


def _functions(path: Path) -> tuple[Function, ...]:
    """The functions of an object file, whose sections all start at address 0."""
    from elftools.elf.elffile import ELFFile

    from edgekit.builder import elf as reader

    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        out: list[Function] = []
        by_section: dict[int, list[tuple[str, int, int, str, int]]] = {}
        for s in table.iter_symbols():
            if isinstance(s["st_shndx"], int):
                row = (s.name, s["st_value"], s["st_size"], s["st_info"]["type"], s["st_shndx"])
                by_section.setdefault(s["st_shndx"], []).append(row)
        for rows in by_section.values():
            out += reader._functions(elf, rows)
        return tuple(out)


def test_an_image_without_the_root_function_is_refused() -> None:
    empty = Image((), (), (), {}, frozenset())
    with pytest.raises(FitError, match="no function ek_reset"):
        stack.bound(stack.call_graph(empty), "ek_reset")
