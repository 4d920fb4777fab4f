"""Instruction counts of the emulated board are exact, per layer and in all."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from support.bare_metal import Line, Ran, board, run

from edgekit.emulate.classes import CLASSES, check_table
from edgekit.emulate.counters import Marks
from edgekit.emulate.faults import Halted
from edgekit.emulate.image import read_image
from edgekit.emulate.machine import Machine
from edgekit.errors import ConfigError

unicorn = pytest.importorskip("unicorn")
pytest.importorskip("capstone")

# A model of three layers, each a loop: `mark(i)` takes 1 instruction to enter and returns; a layer runs the loop (2 n
# instructions), sets up the next mark's arguments and calls it.
LAYERS = r"""
typedef struct { const char *name; unsigned short n_layers; } model_t;
typedef struct { const model_t *model; } firmware_t;
const model_t model = {"three", 3};
const firmware_t ek_firmware = {&model};
volatile u32 seen;
NOINLINE void ek_agent_mark(void *user, int layer) { seen += layer; for (int i = 0; i < layer + 5; i++) seen++; }
NAKED void layers(void)
{
    __asm volatile(
        "push {r4, lr}\n"
        "movs r1, #0\n bl ek_agent_mark\n"
        "movs r4, #100\n 1: subs r4, #1\n bne 1b\n"
        "movs r1, #1\n bl ek_agent_mark\n"
        "nop\n nop\n @MIDDLE@\n"
        "movs r1, #2\n bl ek_agent_mark\n"
        "movs r4, #10\n 2: cbz r4, 3f\n subs r4, #1\n b 2b\n 3:\n"
        "movs r1, #3\n bl ek_agent_mark\n"
        "pop {r4, pc}\n");
}
"""
EXPECTED = (1 + 2 * 100 + 2, 2 + 2, 1 + 3 * 10 + 1 + 2)


def layers(middle: str) -> str:
    return LAYERS.replace("@MIDDLE@", middle)


def test_layers_are_counted_from_mark_to_mark(tmp_path: Path) -> None:
    ran = run(layers("") + "void test(void) { layers(); layers(); }", tmp_path)
    assert ran.ended, str(ran.fault)
    assert [m.instructions for m in ran.marks] == [EXPECTED, EXPECTED]
    assert all(m.complete and m.cycles is None for m in ran.marks)
    assert ran.marks[0].total_instructions == sum(EXPECTED)


def test_a_layer_in_pieces_adds_up(tmp_path: Path) -> None:
    again = "movs r1, #0\\n bl ek_agent_mark\\n nop\\n movs r1, #1\\n bl ek_agent_mark\\n nop"
    ran = run(layers(again) + "void test(void) { layers(); }", tmp_path)
    assert [m.instructions for m in ran.marks] == [(EXPECTED[0] + 3, EXPECTED[1] + 2 + 1, EXPECTED[2])]


def test_instructions_under_a_false_condition_count(tmp_path: Path) -> None:
    """They take their slot in the pipeline: CMP, ITTE, and three of which some do nothing."""
    skipped = "cmp r1, r1\\n itte ne\\n movne r0, #1\\n movne r0, #2\\n moveq r0, #3"
    ran = run(layers(skipped) + "void test(void) { layers(); }", tmp_path)
    assert ran.marks[0].instructions[1] == EXPECTED[1] + 5


def test_reading_the_timer_in_a_layer_does_not_disturb_the_count(tmp_path: Path) -> None:
    read = "ldr r0, =0xE0001004\\n ldr r2, [r0]\\n ldr r3, [r0]\\n subs r3, r3, r2"
    source = layers(read) + "void test(void) { count_cycles(); layers(); }"
    ran = run(source, tmp_path)
    assert ran.marks[0].instructions == (EXPECTED[0], EXPECTED[1] + 4, EXPECTED[2])


WORK = r"""
static u32 table[64];
NOINLINE u32 hash(u32 x) { for (int i = 0; i < 7; i++) x = x & 1 ? x >> 1 ^ 0xEDB88320u : x >> 1; return x; }
NOINLINE int choose(int n)
{
    switch (n % 6) {
    case 0: return 5;
    case 1: return n * 3;
    case 2: return -n;
    case 3: return n / 3;
    case 4: return 17;
    default: return n - 1;
    }
}
NOINLINE int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
volatile u32 result;
void test(void)
{
    u32 sum = 0;
    for (u32 i = 0; i < 300; i++) {
        table[i % 64] += hash(i);
        sum += choose((int)i) + table[(i * 7) % 64];
    }
    result = sum + fib(9);
}
"""


def single_steps(elf: Path) -> int:
    """Instructions until `done`, counted one by one by the engine's own hook; those that an IT block skips are added.

    The hook is not called for an instruction whose condition is false, so what lies between two executed instructions
    of one IT block was skipped.
    """
    from unicorn import arm_const

    image = read_image(elf)
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M7)
    uc.mem_map(0x00200000, 0x10000)
    uc.mem_map(0x20000000, 0x50000)
    flash = bytearray(0x10000)
    for segment in image.segments:
        offset = segment.address - min(s.address for s in image.segments)
        flash[offset : offset + len(segment.data)] = segment.data
    uc.mem_write(0x00200000, bytes(flash))
    executed: list[int] = []
    uc.hook_add(unicorn.UC_HOOK_CODE, lambda _uc, address, _size, _data: executed.append(address))
    uc.reg_write(arm_const.UC_ARM_REG_SP, image.symbols["stack_top"])
    uc.emu_start(image.symbols["reset"] | 1, image.symbols["done"] & ~1)
    word = {a: int.from_bytes(flash[a - 0x00200000 :][:2], "little") for a in set(executed)}
    skipped, block = 0, 0
    position = 0  # where the next instruction lies, if nothing is skipped
    for address in [*executed, 0]:
        while block and address != position:
            half = int.from_bytes(flash[position - 0x00200000 :][:2], "little")
            position += 4 if half >> 11 >= 0b11101 else 2
            skipped += 1
            block -= 1
        if not address:
            break
        if block:
            block -= 1
        half = word[address]
        if half >> 8 == 0xBF and half & 0xF:  # IT: the lowest set bit of its mask ends the block
            block = 4 - ((half & 0xF) & -(half & 0xF)).bit_length() + 1
        position = address + (4 if half >> 11 >= 0b11101 else 2)
    return len(executed) + skipped


def test_counts_equal_single_stepping(tmp_path: Path) -> None:
    ran = run(WORK, tmp_path)
    assert ran.ended, str(ran.fault)
    assert ran.machine.counter.total == single_steps(tmp_path / "image.elf")
    assert ran.machine.counter.total > 10_000


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4"])
def test_other_cores_count_the_same_way(core: str, tmp_path: Path) -> None:
    """A loop of plain Thumb-2 takes as many instructions on each; the engine's model of the core is another."""
    source = layers("") + "void test(void) { layers(); }"
    ran = run(source, tmp_path, core=core, fpu="none", built_for=("cortex-m3", "none"))
    assert ran.ended, str(ran.fault)
    assert [m.instructions for m in ran.marks] == [EXPECTED]


def test_systick_counts_down_and_says_when_it_wrapped(tmp_path: Path) -> None:
    source = """
    void test(void)
    {
        uart();
        REG(0xE000E014) = 999;
        REG(0xE000E018) = 0;
        REG(0xE000E010) = 5;
        u32 first = REG(0xE000E018);
        put(REG(0xE000E010) >> 16 & 1);
        u32 second = REG(0xE000E018);
        put(first - second < 100);
        for (volatile int i = 0; i < 300; i++) { }
        put(REG(0xE000E010) >> 16 & 1);
        put(REG(0xE000E010) >> 16 & 1);
    }
    """
    ran = run(source, tmp_path)
    assert ran.ended, str(ran.fault)
    assert ran.sent == bytes([0, 1, 1, 0])


def test_counts_are_exact_when_the_engine_is_stopped_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's time slices end anywhere, also in the middle of a block; what was not executed is not counted."""
    from edgekit.emulate import machine

    source = WORK.replace("i < 300", "i < 30000")
    whole = run(source, tmp_path)
    monkeypatch.setattr(machine, "_SLICE", 0.002)
    assert run(source, tmp_path).machine.counter.total == whole.machine.counter.total


LOOPS = """
NAKED void spin(u32 n) { __asm volatile("1: subs r0, #1\\n bne 1b\\n bx lr"); }
NAKED void into(u32 n) { __asm volatile("nop\\n nop\\n 1: nop\\n subs r0, #1\\n bne 1b\\n bx lr"); }
void test(void) { for (int i = 0; i < 20; i++) { spin(20000); into(20000); } }
"""


def test_counts_are_exact_when_a_slice_ends_at_a_block_that_jumps_into_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pc alone does not tell whether the block has just been executed or is the next one."""
    from edgekit.emulate import machine

    whole = run(LOOPS, tmp_path)
    monkeypatch.setattr(machine, "_SLICE", 0.0005)
    for _ in range(3):
        assert run(LOOPS, tmp_path).machine.counter.total == whole.machine.counter.total


def test_a_slice_that_ends_while_a_peripheral_is_accessed_repeats_no_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every byte that the UART receives comes back once."""
    from edgekit.emulate import machine

    monkeypatch.setattr(machine, "_SLICE", 0.0005)
    source = "void test(void) { uart(); for (;;) put(get()); }"
    data = bytes(i * 7 & 255 for i in range(20000))
    assert run(source, tmp_path, incoming=data).sent == data


def test_cycle_counter_counts_instructions_once_it_is_unlocked_and_on(tmp_path: Path) -> None:
    source = """
    NAKED u32 between(void)
    {
        __asm volatile("ldr r1, =0xE0001004\\n ldr r0, [r1]\\n nop\\n nop\\n nop\\n ldr r2, [r1]\\n"
                       "subs r0, r2, r0\\n bx lr");
    }
    void test(void)
    {
        uart();
        DEMCR |= 1u << 24;
        DWT_CTRL |= 1;
        put((u8)between()); /* locked */
        DWT_LAR = 0xC5ACCE55;
        put((u8)between()); /* off */
        DWT_CTRL |= 1;
        put((u8)between());
        DWT_CYCCNT = 0;
        put(DWT_CYCCNT < 16);
    }
    """
    ran = run(source, tmp_path)
    assert ran.ended, str(ran.fault)
    assert ran.sent == bytes([0, 0, 4, 1])


def estimate(cycles: dict[str, float], tmp_path: Path, middle: str = "") -> tuple[int, ...]:
    table = {**dict.fromkeys(CLASSES, 0.0), **cycles}
    ran: Ran = run(layers(middle) + "void test(void) { layers(); }", tmp_path, cycles=table)
    (marks,) = ran.marks
    assert marks.cycles is not None
    return marks.cycles


def test_estimates_add_up_class_by_class(tmp_path: Path) -> None:
    assert estimate(dict.fromkeys(CLASSES, 1.0), tmp_path) == EXPECTED
    assert estimate({"alu": 2.0}, tmp_path) == (2 * 102, 2 * 3, 2 * 12)
    assert estimate({"branch_not_taken": 1.0}, tmp_path) == (1, 0, 10)
    assert estimate({"branch_taken": 1.0}, tmp_path) == (99 + 1, 1, 10 + 1 + 1)
    assert estimate({"load_multiple_register": 1.0}, tmp_path, "push {r0-r3}\\n pop {r0-r3}") == (0, 4, 0)
    assert estimate({"mac": 1.0, "div": 10.0}, tmp_path, "mla r0, r0, r0, r0\\n udiv r0, r0, r0") == (0, 11, 0)


def test_estimates_do_not_depend_on_when_the_trace_is_evaluated(tmp_path: Path) -> None:
    """Whether a branch fell through is known only by the block behind it, perhaps in the next piece of the trace."""
    table = {name: float(n) for n, name in enumerate(CLASSES, 1)}
    (plain,) = run(layers("") + "void test(void) { layers(); }", tmp_path, cycles=table).marks
    marks: list[Marks] = []
    machine = Machine(read_image(tmp_path / "image.elf"), board(), Line(), cycles=table, on_marks=marks.append)
    machine.engine.hook("code", lambda *_: machine.counter.flush())
    with pytest.raises(Halted):
        machine.run()
    assert marks == [plain]


def test_a_cost_table_must_be_whole() -> None:
    whole = dict.fromkeys(CLASSES, 1.0)
    check_table(whole)
    with pytest.raises(ConfigError, match="lacks mac"):
        check_table({k: v for k, v in whole.items() if k != "mac"})
    with pytest.raises(ConfigError, match="unknown macs"):
        check_table({**whole, "macs": 1.0})


def test_a_fault_names_the_layer(tmp_path: Path) -> None:
    ran = run(layers("udf #1") + "void test(void) { layers(); }", tmp_path)
    assert ran.fault is not None and ran.fault.layer == 1 and ran.fault.function.startswith("layers")
    assert ran.marks == []


def test_a_stop_at_a_mark_changes_nothing(tmp_path: Path) -> None:
    source = layers("") + "void test(void) { layers(); layers(); }"
    plain = run(source, tmp_path)
    marks: list[Marks] = []
    looks = itertools.count()

    def look() -> None:
        next(looks)
        machine.stop()

    machine = Machine(read_image(tmp_path / "image.elf"), board(), Line(), on_marks=marks.append, on_slice=look)
    with pytest.raises(Halted):
        while True:
            machine.run()
    assert next(looks) > 8
    assert marks == plain.marks
    assert machine.counter.total == plain.machine.counter.total


def test_a_stop_where_the_timer_is_read_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block in progress is evaluated for the timer before it ends."""
    from edgekit.emulate import counters

    source = "volatile u32 seen; void test(void) { count_cycles(); seen = DWT_CYCCNT; seen += 5; }"
    plain = run(source, tmp_path)
    before = counters.Counter.before
    stops = iter([True])

    def stopping(counter: counters.Counter, pc: int) -> int:
        if next(stops, False):
            machine.engine.stop()
        return before(counter, pc)

    monkeypatch.setattr(counters.Counter, "before", stopping)
    machine = Machine(read_image(tmp_path / "image.elf"), board(), Line())
    with pytest.raises(Halted):
        machine.run()
    assert machine.counter.total == plain.machine.counter.total
