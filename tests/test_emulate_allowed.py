"""What the emulated board must not stop on: firmware that silicon runs too, next to what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_metal import L4R5, SCRIPT, STACK_LOW, run
from support.fault_firmware import asm
from support.faults_stm32f7 import HSE_PLL, LATENCY, OVERDRIVE, SWITCH
from support.faults_stm32l4 import BRR, FULL_SPEED, HSI

from edgekit.emulate.rules import Rule

pytest.importorskip("unicorn")
pytest.importorskip("capstone")


def body(code: str) -> str:
    return f"void test(void) {{ {code} }}\n"


@pytest.mark.parametrize(
    "code",
    [
        "(void)REG(0x20010001); *(volatile u32 *)0x20010005 = 1;",
        "SCB_CPACR |= 0xFu << 20;" + asm("dsb", "isb", "vadd.f32 s0, s1, s2", "smlad r0, r1, r2, r3"),
        f"for (u32 a = {STACK_LOW - 64}; a < {STACK_LOW}; a += 4) REG(a) = a;",
        asm("movs r1, #0", "udiv r0, r0, r1"),
        "SCB_CCR |= 16;" + asm("movs r1, #1", "udiv r0, r0, r1"),
        "SCB_CCR |= 16; SCB_CCR &= ~16u;" + asm("movs r1, #0", "udiv r0, r0, r1"),
        "SCB_CCR |= 8; SCB_CCR &= ~8u; (void)REG(0x20010001);",
        "REG(0xE000ED08) = 0x08000200; REG(0xE000ED08) = 0x20010000;",
        HSE_PLL + OVERDRIVE + LATENCY + SWITCH,
    ],
    ids=[
        "misaligned words in memory",
        "FPU and DSP",
        "data below the stack",
        "division by zero without a trap",
        "division by one with a trap",
        "division by zero, trap taken back",
        "misaligned, trap taken back",
        "VTOR in flash and in RAM",
        "full speed",
    ],
)
def test_it_runs(code: str, tmp_path: Path) -> None:
    ran = run(body(code), tmp_path)
    assert ran.ended, str(ran.fault)


@pytest.mark.parametrize(
    "lines",
    [
        ("movw r2, #2", "movt r2, #0x2001", "cmp r2, r2", "it ne", "ldrdne r0, r1, [r2]"),
        ("movs r1, #0", "cmp r1, r1", "it ne", "udivne r0, r0, r1"),
        ("cmp r0, r0", "it ne", "vaddne.f32 s0, s1, s2"),
        ("cmp r0, r0", "it ne", "udfne #0"),
    ],
    ids=["misaligned", "division", "FPU", "UDF"],
)
def test_an_instruction_whose_condition_fails_breaks_nothing(lines: tuple[str, ...], tmp_path: Path) -> None:
    ran = run(body("SCB_CCR |= 16;" + asm(*lines)), tmp_path)
    assert ran.ended, str(ran.fault)


def test_constants_in_code_are_not_instructions(tmp_path: Path) -> None:
    """A literal pool holds what would be SMLAD and a double-precision addition."""
    source = """
    NAKED u32 pool(void) { __asm volatile("ldr r0, 1f\\n bx lr\\n .align 2\\n 1: .word 0x2003fb21, 0x0b02ee31"); }
    void test(void) { pool(); }
    """
    assert run(source, tmp_path, core="cortex-m3", fpu="none").ended


def test_code_runs_from_ram_once_it_is_copied_and_no_longer_when_it_is_overwritten(tmp_path: Path) -> None:
    source = """
    __attribute__((section(".ramfunc"), naked, used, long_call)) u32 forty(void)
    {
        __asm volatile("movs r0, #40\\n bx lr");
    }
    extern u32 ram_start[], ram_end[], ram_load[];
    void test(void)
    {
        volatile u32 *from = ram_load;
        for (volatile u32 *to = ram_start; to < ram_end; ) { *to++ = *from++; }
        uart();
        put((u8)forty());
        *(volatile u8 *)ram_start = 41;
        put((u8)forty());
    }
    """
    placed = """.ramfunc {sram:#x} : AT({loads_at:#x} + 0x8000)
    {{ ram_start = .; *(.ramfunc) . = ALIGN(4); ram_end = .; }}
    ram_load = {loads_at:#x} + 0x8000;
    .bss"""
    ran = run(source, tmp_path, script=SCRIPT.replace(".bss {sram:#x}", placed))
    assert ran.sent == bytes([40])
    assert ran.fault is not None and ran.fault.rule is Rule.NOT_COPIED, str(ran.fault)


def test_a_line_of_source_is_named_where_the_image_has_them(tmp_path: Path) -> None:
    source = body('\n#line 42 "layer.c"\nREG(0x60000000) = 1;\n')
    named = run(source, tmp_path, options=("-g",)).fault
    assert named is not None and named.source == "layer.c:42", str(named)
    plain = run(source, tmp_path).fault
    assert plain is not None and plain.source == ""


def test_receiving_on_a_pin_without_supply_is_refused_too(tmp_path: Path) -> None:
    fault = run(body(f"uart({BRR}); get();"), tmp_path, part=L4R5, incoming=b"k").fault
    assert fault is not None and fault.rule is Rule.UART_SUPPLY
    assert "PG8" in fault.message and "PWR_CR2.IOSV" in fault.message


@pytest.mark.parametrize(
    "setup",
    [
        f"supply(); uart({BRR});",
        FULL_SPEED + "supply(); uart(266667);",
        HSI + "supply(); RCC_CCIPR = 2u << 10; uart(35556);",
        HSI + "supply(); RCC_APB1ENR2 |= 1; RCC_CCIPR = 2u << 10; LPUART1(0x2C) = 2; uart(8889);",
        "FLASH_ACR = 0x702; RCC_CR |= 0xB8u; supply(); uart(106667);",
    ],
    ids=["4 MHz", "120 MHz", "from HSI16", "from HSI16 by 4", "48 MHz"],
)
def test_the_link_works_from_every_clock(setup: str, tmp_path: Path) -> None:
    ran = run(body(setup + "put(get());"), tmp_path, part=L4R5, incoming=b"k")
    assert ran.ended, str(ran.fault)
    assert ran.sent == b"k"
