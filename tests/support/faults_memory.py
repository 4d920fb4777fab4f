"""Firmware that misuses memory: nothing there, flash, alignment, the stack, code where none is, the vector table."""

from __future__ import annotations

from edgekit.emulate.rules import Rule

from .bare_metal import SRAM
from .fault_firmware import Firmware, asm, at

_GROW = "NOINLINE u32 grow(u32 n) {{ volatile u8 a[{0}]; a[n % {0}] = 1; return grow(n + 1) + a[0]; }}"
_IN_RAM = '__attribute__((section(".ramfunc"), noinline, used, long_call)) void culprit(void);'
_RAMFUNC = (".bss {sram:#x}", ".ramfunc {sram:#x} : AT({loads_at:#x} + 0x8000) {{ *(.ramfunc) }}\n    .bss")
_M0 = {"core": "cortex-m0", "fpu": "none"}

MEMORY: dict[str, Firmware] = {
    "read where nothing is": Firmware(Rule.UNMAPPED_READ, "(void)REG(0x60000000);", 0x60000000),
    "read between two memories": Firmware(Rule.UNMAPPED_READ, "(void)REG(0x20050000);", 0x20050000),
    "read of an unknown peripheral": Firmware(Rule.UNMAPPED_READ, "(void)REG(0x40000000);", 0x40000000),
    "write where nothing is": Firmware(Rule.UNMAPPED_WRITE, "REG(0x60000000) = 1;", 0x60000000),
    "write to flash": Firmware(Rule.FLASH_WRITE, "REG(0x08000100) = 1;", 0x08000100),
    "write to flash at its alias": Firmware(Rule.FLASH_WRITE, "REG(0x00200100) = 1;", 0x00200100),
    "byte write to flash": Firmware(Rule.FLASH_WRITE, "*(volatile u8 *)0x08000101 = 1;", 0x08000101),
    "misaligned LDRD": Firmware(
        Rule.UNALIGNED_MULTIPLE, '__asm volatile("ldrd r0, r1, [%0]"::"r"(0x20010002):"r0","r1");', 0x20010002
    ),
    "misaligned LDRD, offset": Firmware(
        Rule.UNALIGNED_MULTIPLE, '__asm volatile("ldrd r0, r1, [%0, #8]"::"r"(0x20010001):"r0","r1");', 0x20010009
    ),
    "misaligned STRD": Firmware(
        Rule.UNALIGNED_MULTIPLE, '__asm volatile("strd r0, r1, [%0]"::"r"(0x20010002));', 0x20010002
    ),
    "misaligned LDM": Firmware(
        Rule.UNALIGNED_MULTIPLE, '__asm volatile("ldm %0, {r1, r2}"::"r"(0x20010002):"r1","r2");', 0x20010002
    ),
    "misaligned STM": Firmware(
        Rule.UNALIGNED_MULTIPLE, '__asm volatile("stm %0, {r1, r2}"::"r"(0x20010003));', 0x20010003
    ),
    "misaligned LDREX": Firmware(
        Rule.UNALIGNED_EXCLUSIVE, '__asm volatile("ldrex r0, [%0]"::"r"(0x20010002):"r0");', 0x20010002
    ),
    "misaligned LDREXH": Firmware(
        Rule.UNALIGNED_EXCLUSIVE, '__asm volatile("ldrexh r0, [%0]"::"r"(0x20010001):"r0");', 0x20010001
    ),
    "misaligned VLDR": Firmware(
        Rule.UNALIGNED_MULTIPLE,
        'SCB_CPACR |= 0xFu << 20; __asm volatile("vldr s0, [%0]"::"r"(0x20010002):"s0");',
        0x20010002,
    ),
    "misaligned word with UNALIGN_TRP": Firmware(
        Rule.UNALIGNED_TRAPPED, "SCB_CCR |= 8; (void)REG(0x20010001);", 0x20010001
    ),
    "large frame": Firmware(
        Rule.STACK_OVERFLOW,
        "volatile int n = 8192; volatile u8 frame[8192]; for (int i = 0; i < n; i += 128) { frame[i] = 1; }",
    ),
    "read beyond the end of RAM": Firmware(Rule.UNMAPPED_READ, "(void)REG(0x2004FFFE);", 0x20050000),
    "jump to where nothing is": Firmware(Rule.UNMAPPED_FETCH, "((void (*)(void))0x90000001)();", 0x90000000),
    "a call of NULL with the Thumb bit": Firmware(Rule.NO_CODE, "((void (*)(void))1)();", 0),
    "data in RAM executed": Firmware(
        Rule.NO_CODE, "data[0] = 0x4770; ((void (*)(void))((u32)data | 1))();", SRAM, around="u32 data[4];"
    ),
    "constants in flash executed": Firmware(
        Rule.NO_CODE, "((void (*)(void))((u32)table | 1))();", around="const u32 table[4] = {0x47704770};"
    ),
    "a jump into an instruction": Firmware(
        Rule.NO_CODE, asm("nop\\n adr r0, 1f\\n adds r0, #3\\n bx r0\\n .align 2\\n 1: movw r0, #0x4770")
    ),
    "return from an exception outside of one": Firmware(Rule.NO_CODE, asm("mvn r0, #6", "bx r0")),
    "code in RAM that was not copied": Firmware(
        Rule.NOT_COPIED, "(void)REG(0x20010000);", SRAM, around=_IN_RAM, script=_RAMFUNC
    ),
    "a word on a Cortex-M0": Firmware(Rule.UNALIGNED_ARMV6M, at(0x20010001, "ldr r1, [r0]"), **_M0),
    "a halfword on a Cortex-M0": Firmware(Rule.UNALIGNED_ARMV6M, at(0x20010001, "strh r1, [r0]"), **_M0),
    "misaligned LDM on a Cortex-M0": Firmware(
        Rule.UNALIGNED_MULTIPLE, at(0x20010002, "ldm r0!, {r1, r2}"), 0x20010002, **_M0
    ),
    "recursion, small frames": Firmware(Rule.STACK_OVERFLOW, "grow(0);", around=_GROW.format(8), where="grow"),
    "recursion, frames beyond the guard": Firmware(
        Rule.STACK_OVERFLOW, "grow(0);", around=_GROW.format(300), where="grow"
    ),
    "stack pointer where no RAM is": Firmware(
        Rule.STACK_POINTER, vectors="{(u32 *)0x60000000, reset}", says="0x60000000", where=""
    ),
    "stack pointer in flash": Firmware(Rule.STACK_POINTER, vectors="{(u32 *)0x08001000, reset}", where=""),
    "stack pointer that is no multiple of 4": Firmware(
        Rule.STACK_POINTER, vectors="{(u32 *)0x2000FFFE, reset}", where=""
    ),
    "reset vector without the Thumb bit": Firmware(
        Rule.RESET_THUMB, vectors="{stack_top, (void (*)(void))0x00200010}", where=""
    ),
    "reset vector into RAM": Firmware(Rule.RESET_VECTOR, vectors="{stack_top, (void (*)(void))0x20010001}", where=""),
    "vector table elsewhere": Firmware(
        Rule.STACK_POINTER,
        script=(
            ".vectors {runs_at:#x} : AT({loads_at:#x})",
            ".vectors {runs_at:#x} + 0x10000 : AT({loads_at:#x} + 0x10000)",
        ),
        says="0xffffffff",
        where="",
    ),
    "VTOR misaligned": Firmware(Rule.VTOR_ALIGNMENT, "REG(0xE000ED08) = 0x08000040;", 0xE000ED08, "128"),
    "VTOR where nothing is": Firmware(Rule.VTOR_NOWHERE, "REG(0xE000ED08) = 0x60000000;", 0xE000ED08, "0x60000000"),
}
