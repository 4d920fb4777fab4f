"""The emulated board stops where silicon would not go on, and says why and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_metal import SRAM, STACK_LOW, compile_image, run

from edgekit.emulate.faults import FaultKind, FaultReport, Halted

pytest.importorskip("unicorn")
pytest.importorskip("capstone")

# What `culprit` does, the kind of fault, and the address that is named; None where it is not about one.
FAULTS: dict[str, tuple[str, FaultKind, int | None]] = {
    "read where nothing is": ("(void)REG(0x60000000);", FaultKind.UNMAPPED_READ, 0x60000000),
    "read between two memories": ("(void)REG(0x20050000);", FaultKind.UNMAPPED_READ, 0x20050000),
    "read of an unknown peripheral": ("(void)REG(0x40000000);", FaultKind.UNMAPPED_READ, 0x40000000),
    "write where nothing is": ("REG(0x60000000) = 1;", FaultKind.UNMAPPED_WRITE, 0x60000000),
    "write to flash": ("REG(0x08000100) = 1;", FaultKind.FLASH_WRITE, 0x08000100),
    "write to flash at its alias": ("REG(0x00200100) = 1;", FaultKind.FLASH_WRITE, 0x00200100),
    "byte write to flash": ("*(volatile u8 *)0x08000101 = 1;", FaultKind.FLASH_WRITE, 0x08000101),
    "reserved register": ("(void)REG(0x40023828);", FaultKind.PERIPHERAL, 0x40023828),
    "UART without its clock": ("USART1(0x0C) = 139;", FaultKind.UNCLOCKED, 0x4001100C),
    "port without its clock": ("(void)GPIOA(0x00);", FaultKind.UNCLOCKED, 0x40020000),
    "PWR without its clock": ("PWR_CR1 |= 1u << 16;", FaultKind.UNCLOCKED, 0x40007000),
    "send while the UART is off": (
        "pins(); RCC_APB2ENR |= 16; USART1(0x28) = 65;",
        FaultKind.PERIPHERAL,
        0x40011028,
    ),
    "send while the transmitter is off": (
        "pins(); RCC_APB2ENR |= 16; USART1(0x0C) = 139; USART1(0x00) = 5; USART1(0x28) = 65;",
        FaultKind.PERIPHERAL,
        0x40011028,
    ),
    "send on a pin that is not the UART's": (
        "RCC_AHB1ENR |= 3; RCC_APB2ENR |= 16; USART1(0x0C) = 139; USART1(0x00) = 13; USART1(0x28) = 65;",
        FaultKind.PERIPHERAL,
        0x40011028,
    ),
    "send in another alternate function": (
        "uart(); GPIOA(0x24) = 4u << 4; USART1(0x28) = 65;",
        FaultKind.PERIPHERAL,
        0x40011028,
    ),
    "send 3 % too fast": (
        "pins(); RCC_APB2ENR |= 16; USART1(0x0C) = 135; USART1(0x00) = 13; USART1(0x28) = 65;",
        FaultKind.CLOCK,
        0x4001100C,
    ),
    "baud rate changed while enabled": ("uart(); USART1(0x0C) = 140;", FaultKind.PERIPHERAL, 0x4001100C),
    "UART interrupt": ("uart(); USART1(0x00) |= 1u << 5;", FaultKind.UNSUPPORTED, 0x40011000),
    "misaligned LDRD": (
        '__asm volatile("ldrd r0, r1, [%0]"::"r"(0x20010002):"r0","r1");',
        FaultKind.UNALIGNED,
        0x20010002,
    ),
    "misaligned LDRD, offset": (
        '__asm volatile("ldrd r0, r1, [%0, #8]"::"r"(0x20010001):"r0","r1");',
        FaultKind.UNALIGNED,
        0x20010009,
    ),
    "misaligned STRD": ('__asm volatile("strd r0, r1, [%0]"::"r"(0x20010002));', FaultKind.UNALIGNED, 0x20010002),
    "misaligned LDM": (
        '__asm volatile("ldm %0, {r1, r2}"::"r"(0x20010002):"r1","r2");',
        FaultKind.UNALIGNED,
        0x20010002,
    ),
    "misaligned STM": ('__asm volatile("stm %0, {r1, r2}"::"r"(0x20010003));', FaultKind.UNALIGNED, 0x20010003),
    "misaligned LDREX": ('__asm volatile("ldrex r0, [%0]"::"r"(0x20010002):"r0");', FaultKind.UNALIGNED, 0x20010002),
    "misaligned LDREXH": ('__asm volatile("ldrexh r0, [%0]"::"r"(0x20010001):"r0");', FaultKind.UNALIGNED, 0x20010001),
    "misaligned VLDR": (
        'SCB_CPACR |= 0xFu << 20; __asm volatile("vldr s0, [%0]"::"r"(0x20010002):"s0");',
        FaultKind.UNALIGNED,
        0x20010002,
    ),
    "misaligned load of a peripheral": ("(void)REG(0x40023802);", FaultKind.UNALIGNED, 0x40023802),
    "misaligned word with UNALIGN_TRP": ("SCB_CCR |= 8; (void)REG(0x20010001);", FaultKind.UNALIGNED, 0x20010001),
    "FPU before CPACR": ('__asm volatile("vadd.f32 s0, s1, s2":::"s0");', FaultKind.FPU_DISABLED, None),
    "FPU with half of CPACR": (
        'SCB_CPACR |= 0x5u << 20; __asm volatile("vadd.f32 s0, s1, s2":::"s0");',
        FaultKind.FPU_DISABLED,
        None,
    ),
    "UDF": ('__asm volatile("udf #3");', FaultKind.EXCEPTION, None),
    "SVC": ('__asm volatile("svc #3");', FaultKind.EXCEPTION, None),
    "BKPT": ('__asm volatile("bkpt #3");', FaultKind.EXCEPTION, None),
    "a jump that leaves the Thumb state": ('__asm volatile("bx %0"::"r"(0x00200040));', FaultKind.EXCEPTION, None),
    "an empty endless loop": ("for (;;) { }", FaultKind.NO_PROGRESS, None),
    "a wait that never ends": ("while (!(RCC_CR & 1u << 17)) { }", FaultKind.NO_PROGRESS, None),
    "sleeping without interrupts": ('__asm volatile("wfi");', FaultKind.NO_PROGRESS, None),
    "large frame": (
        "volatile int n = 2048; volatile u8 frame[2048]; for (int i = 0; i < n; i += 128) { frame[i] = 1; }",
        FaultKind.STACK_OVERFLOW,
        None,
    ),
    "PLL from a stopped crystal": ("RCC_PLLCFGR = 0x29406C19; RCC_CR |= 1u << 24;", FaultKind.CLOCK, 0x40023800),
    "PLL changed while on": ("RCC_CR |= 1u << 24; RCC_PLLCFGR = 0x24003008;", FaultKind.CLOCK, 0x40023804),
    "PLL out of range": ("RCC_PLLCFGR = 0x24003002; RCC_CR |= 1u << 24;", FaultKind.CLOCK, 0x40023800),
    "the running oscillator switched off": ("RCC_CR &= ~1u;", FaultKind.CLOCK, 0x40023800),
    "over-drive switched before it is on": (
        "RCC_APB1ENR |= 1u << 28; PWR_CR1 |= 2u << 16;",
        FaultKind.CLOCK,
        0x40007000,
    ),
    "SysTick's interrupt": ("REG(0xE000E014) = 1000; REG(0xE000E010) = 3;", FaultKind.UNSUPPORTED, 0xE000E010),
}

HSE_PLL = """
    RCC_CR |= 1u << 16;
    while (!(RCC_CR & 1u << 17)) { }
    RCC_PLLCFGR = 9u << 24 | 1u << 22 | 432u << 6 | 25u; /* 25 MHz / 25 * 432 / 2 = 216 MHz */
    RCC_CR |= 1u << 24;
    while (!(RCC_CR & 1u << 25)) { }
"""
OVERDRIVE = """
    RCC_APB1ENR |= 1u << 28;
    PWR_CR1 |= 1u << 16;
    while (!(PWR_CSR1 & 1u << 16)) { }
    PWR_CR1 |= 1u << 17;
    while (!(PWR_CSR1 & 1u << 17)) { }
"""
SWITCH = "RCC_CFGR |= 5u << 10 | 4u << 13; RCC_CFGR |= 2; while ((RCC_CFGR >> 2 & 3) != 2) { }"


def culprit(code: str) -> str:
    return f"NOINLINE void culprit(void) {{ {code} }}\nvoid test(void) {{ culprit(); }}\n"


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_kind_function_and_address(name: str, tmp_path: Path) -> None:
    code, kind, address = FAULTS[name]
    fault = run(culprit(code), tmp_path, stall=0.3).fault
    assert fault is not None
    assert fault.kind is kind, str(fault)
    assert fault.function.split("+")[0] == "culprit", str(fault)
    if address is not None:
        assert fault.address == address, str(fault)
    assert fault.instruction, str(fault)
    assert fault.layer is None


def test_what_is_allowed_does_not_fault(tmp_path: Path) -> None:
    ran = run(
        culprit(
            """
            (void)REG(0x20010001); /* misaligned words are fine in memory */
            *(volatile u32 *)0x20010005 = 1;
            SCB_CPACR |= 0xFu << 20;
            __asm volatile("dsb\\n isb\\n vadd.f32 s0, s1, s2\\n smlad r0, r1, r2, r3" ::: "s0", "r0");
            uart();
            put('k');
            """
        ),
        tmp_path,
    )
    assert ran.ended, str(ran.fault)
    assert ran.sent == b"k"


def test_full_speed_needs_overdrive_and_wait_states(tmp_path: Path) -> None:
    for number, (steps, missing) in enumerate(
        (
            (HSE_PLL + OVERDRIVE + "FLASH_ACR = 7;" + SWITCH, None),
            (HSE_PLL + OVERDRIVE + "FLASH_ACR = 6;" + SWITCH, "wait states"),
            (HSE_PLL + "FLASH_ACR = 7;" + SWITCH, "over-drive"),
            (HSE_PLL + OVERDRIVE + "FLASH_ACR = 7; RCC_CFGR |= 2;", "PCLK1"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = run(culprit(steps), folder)
        assert ran.fault is not None
        if missing is None:
            assert ran.ended, str(ran.fault)
        else:
            assert ran.fault.kind is FaultKind.CLOCK and missing in ran.fault.message, str(ran.fault)


def test_jumps_into_the_void(tmp_path: Path) -> None:
    fault = run(culprit("((void (*)(void))0x90000001)();"), tmp_path).fault
    assert fault is not None and fault.kind is FaultKind.UNMAPPED_FETCH
    assert fault.address == 0x90000000 and fault.function.startswith("culprit")


def test_data_is_not_executed(tmp_path: Path) -> None:
    fault = run("u32 data[4];\n" + culprit("data[0] = 0x4770; ((void (*)(void))((u32)data | 1))();"), tmp_path).fault
    assert fault is not None and fault.kind is FaultKind.EXECUTE_NEVER
    assert fault.address == SRAM and fault.function.startswith("culprit")


@pytest.mark.parametrize("frame", [8, 40, 300])
def test_recursion_overflows_the_stack(frame: int, tmp_path: Path) -> None:
    source = f"""
    NOINLINE u32 culprit(u32 n) {{ volatile u8 a[{frame}]; a[n % {frame}] = 1; return culprit(n + 1) + a[0]; }}
    void test(void) {{ culprit(0); }}
    """
    fault = run(source, tmp_path).fault
    assert fault is not None and fault.kind is FaultKind.STACK_OVERFLOW, str(fault)
    assert fault.function.split("+")[0] == "culprit"
    assert fault.address is not None and STACK_LOW - 512 < fault.address < STACK_LOW


def test_data_below_the_stack_may_be_written(tmp_path: Path) -> None:
    assert run(culprit(f"for (u32 a = {STACK_LOW - 64}; a < {STACK_LOW}; a += 4) REG(a) = a;"), tmp_path).ended


@pytest.mark.parametrize(
    ("instruction", "built_for", "core", "fpu", "needs"),
    [
        ("smlad r0, r1, r2, r3", ("cortex-m7", "single"), "cortex-m3", "none", "DSP"),
        ("uadd8 r0, r1, r2", ("cortex-m7", "single"), "cortex-m3", "none", "DSP"),
        ("smlabb r0, r1, r2, r3", ("cortex-m7", "single"), "cortex-m3", "none", "DSP"),
        ("vadd.f32 s0, s1, s2", ("cortex-m7", "single"), "cortex-m7", "none", "floating-point"),
        ("vmov.f32 s0, #1.0", ("cortex-m7", "single"), "cortex-m7", "none", "floating-point"),
        ("vadd.f64 d0, d1, d2", ("cortex-m7", "double"), "cortex-m7", "single", "double precision"),
        ("vcvt.f64.f32 d0, s1", ("cortex-m7", "double"), "cortex-m7", "single", "double precision"),
        ("vrinta.f32 s0, s1", ("cortex-m7", "single"), "cortex-m4", "single", "version 5"),
        ("sdiv r0, r1, r2", ("cortex-m7", "single"), "cortex-m0", "none", "Armv7-M"),
        (".inst.w 0xe8d10faf", ("cortex-m7", "single"), "cortex-m7", "single", "Armv8-M"),  # LDA r0, [r1]
    ],
)
def test_instructions_that_the_core_lacks(
    instruction: str, built_for: tuple[str, str], core: str, fpu: str, needs: str, tmp_path: Path
) -> None:
    """Found before anything runs, even in code that is never reached."""
    source = f'NOINLINE void lacking(void) {{ __asm volatile("{instruction}"); }}\nvoid test(void) {{ }}\n'
    if core == "cortex-m0":
        source = source.replace("void test", "#define ANY\nvoid test")
    with pytest.raises(Halted) as halted:
        run(source, tmp_path, core=core, fpu=fpu, built_for=built_for)
    report = halted.value.report
    assert report.kind is FaultKind.INSTRUCTION and needs in report.message, str(report)
    if core != "cortex-m0":  # there, the prelude itself has instructions that it lacks
        assert report.function.split("+")[0] == "lacking"


def test_constants_in_code_are_not_instructions(tmp_path: Path) -> None:
    """A literal pool holds what would be SMLAD and a double-precision addition."""
    source = """
    NAKED u32 pool(void) { __asm volatile("ldr r0, 1f\\n bx lr\\n .align 2\\n 1: .word 0x2003fb21, 0x0b02ee31"); }
    void test(void) { pool(); }
    """
    assert run(source, tmp_path, core="cortex-m3", fpu="none").ended


def test_reports_survive_their_way_through_json() -> None:
    report = FaultReport(FaultKind.UNALIGNED, "because", 0x200, "f+0x2", "ldrd r0, r1, [r2]", 0x20000001, 3)
    assert FaultReport.from_json(report.to_json()) == report
    assert "f+0x2" in str(report) and "layer 3" in str(report) and "unaligned" in str(report)


@pytest.mark.parametrize(
    ("vectors", "complaint"),
    [
        ("{(u32 *)0x60000000, reset}", "stack pointer"),
        ("{stack_top, (void (*)(void))0x00200010}", "Thumb bit"),
        ("{stack_top, (void (*)(void))0x20010001}", "no code"),
    ],
)
def test_broken_vector_tables(vectors: str, complaint: str, tmp_path: Path) -> None:
    from support import bare_metal

    prelude = bare_metal.PRELUDE.replace("{stack_top, reset}", vectors)
    elf = compile_image("void test(void) { }", tmp_path, prelude=prelude)
    with pytest.raises(Halted, match=complaint) as halted:
        bare_metal.Machine(bare_metal.read_image(elf), bare_metal.board(), bare_metal.Line())
    assert halted.value.report.kind is FaultKind.VECTOR_TABLE
