"""Firmware that asks of a core what it does not have, does not allow, or never returns from."""

from __future__ import annotations

from edgekit.emulate.rules import Rule

from .fault_firmware import Firmware, asm

_M0 = {"core": "cortex-m0", "fpu": "none"}
_M7_AS_M3 = {"core": "cortex-m3", "fpu": "none", "built_for": ("cortex-m7", "single")}
_M7_BARE = {"core": "cortex-m7", "fpu": "none", "built_for": ("cortex-m7", "single")}
_M7_DOUBLE = {"built_for": ("cortex-m7", "double")}
_DIVIDE = "SCB_CCR |= 16;"

CORE: dict[str, Firmware] = {
    "FPU before CPACR": Firmware(Rule.FPU_DISABLED, '__asm volatile("vadd.f32 s0, s1, s2":::"s0");'),
    "FPU with half of CPACR": Firmware(
        Rule.FPU_DISABLED, 'SCB_CPACR |= 0x5u << 20; __asm volatile("vadd.f32 s0, s1, s2":::"s0");'
    ),
    "UDF": Firmware(Rule.UNDEFINED, '__asm volatile("udf #3");'),
    "SVC": Firmware(Rule.SVC, '__asm volatile("svc #3");'),
    "BKPT": Firmware(Rule.BKPT, '__asm volatile("bkpt #3");'),
    "a jump that leaves the Thumb state": Firmware(Rule.ARM_STATE, '__asm volatile("bx %0"::"r"(0x00200040));'),
    "an empty endless loop": Firmware(Rule.ENDLESS_LOOP, "for (;;) { }"),
    "a wait that never ends": Firmware(Rule.STALLED, "while (!(RCC_CR & 1u << 17)) { }"),
    "sleeping without interrupts": Firmware(Rule.ASLEEP, '__asm volatile("wfi");'),
    "waiting for an event": Firmware(Rule.ASLEEP, asm("wfe")),
    "a loop around something": Firmware(Rule.STALLED, "volatile u32 n = 0; for (;;) { n++; }"),
    "a call through a pointer without the Thumb bit": Firmware(
        Rule.ARM_STATE, asm("ldr r0, =culprit", "bic r0, #1", "blx r0")
    ),
    "SDIV by zero with DIV_0_TRP": Firmware(Rule.DIVISION, _DIVIDE + asm("movs r1, #0", "sdiv r0, r0, r1")),
    "UDIV by zero with DIV_0_TRP": Firmware(Rule.DIVISION, _DIVIDE + asm("movs r1, #0", "udiv r0, r0, r1")),
    "an interrupt made pending": Firmware(Rule.INTERRUPT, "REG(0xE000E200) = 1;", 0xE000E200),
    "the MPU": Firmware(Rule.MPU, "REG(0xE000ED94) = 1;", 0xE000ED94),
    "MOVW on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.w 0xf2400001"), says="movw", **_M0),
    "UDIV on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.w 0xfbb1f0f2"), says="udiv", **_M0),
    "CBZ on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.n 0xb100"), says="cbz", **_M0),
    "IT on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.n 0xbf08", "nop"), says="it ", **_M0),
    "SMLAD on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.w 0xfb213002"), says="smlad", **_M0),
    "BASEPRI on a Cortex-M0": Firmware(Rule.LACKS_ARMV7M, asm(".inst.w 0xf3808811"), says="msr", **_M0),
    "SMLAD on a Cortex-M3": Firmware(Rule.LACKS_DSP, asm("smlad r0, r1, r2, r3"), says="DSP", **_M7_AS_M3),
    "UADD8 on a Cortex-M3": Firmware(Rule.LACKS_DSP, asm("uadd8 r0, r1, r2"), says="DSP", **_M7_AS_M3),
    "SMLABB on a Cortex-M3": Firmware(Rule.LACKS_DSP, asm("smlabb r0, r1, r2, r3"), says="DSP", **_M7_AS_M3),
    "VADD on a Cortex-M3": Firmware(Rule.LACKS_FPU, asm("vadd.f32 s0, s1, s2"), says="floating-point", **_M7_AS_M3),
    "VADD without an FPU": Firmware(Rule.LACKS_FPU, asm("vadd.f32 s0, s1, s2"), says="floating-point", **_M7_BARE),
    "VMOV without an FPU": Firmware(Rule.LACKS_FPU, asm("vmov.f32 s0, #1.0"), says="floating-point", **_M7_BARE),
    "VADD.F64 in single precision": Firmware(Rule.LACKS_DOUBLE, asm("vadd.f64 d0, d1, d2"), **_M7_DOUBLE),
    "VCVT.F64 in single precision": Firmware(Rule.LACKS_DOUBLE, asm("vcvt.f64.f32 d0, s1"), **_M7_DOUBLE),
    "VCVT.F64 on a Cortex-M4F": Firmware(
        Rule.LACKS_DOUBLE, asm(".inst.w 0xeeb70ae0"), says="cortex-m4", core="cortex-m4"
    ),
    "VRINTA on a Cortex-M4F": Firmware(
        Rule.LACKS_FPV5, asm("vrinta.f32 s0, s1"), core="cortex-m4", built_for=("cortex-m7", "single")
    ),
    "a vector addition": Firmware(Rule.LACKS_VECTORS, asm(".inst.w 0xef020842")),
    "LDA on a Cortex-M7": Firmware(Rule.LACKS_ARMV8M, asm(".inst.w 0xe8d10faf"), says="lda"),
    "SG on a Cortex-M4": Firmware(Rule.LACKS_ARMV8M, asm(".inst.w 0xe97fe97f"), core="cortex-m4"),
    "MCR": Firmware(Rule.LACKS_COPROCESSOR, asm("mcr p15, 0, r0, c7, c5, 0"), says="coprocessor"),
    "LDC": Firmware(Rule.LACKS_COPROCESSOR, asm("ldc p1, c0, [r0]"), says="coprocessor"),
    "HVC": Firmware(Rule.LACKS_PROFILE, asm(".inst.w 0xf7e08000"), says="hvc"),
    "SMC": Firmware(Rule.LACKS_PROFILE, asm(".inst.w 0xf7f08000"), says="smc"),
    "CRC32 on a Cortex-M33": Firmware(
        Rule.LACKS_PROFILE,
        asm(".inst.w 0xfac1f082"),
        says="crc32",
        core="cortex-m33",
        built_for=("cortex-m4", "single"),
    ),
    "no instruction at all": Firmware(Rule.NO_INSTRUCTION, asm(".inst.w 0xf8f0f000")),
}
