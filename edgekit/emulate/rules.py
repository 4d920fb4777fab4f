"""Every rule that an emulated board stops on: one list for the code that raises them and for the documentation."""

from __future__ import annotations

from enum import Enum, StrEnum


class FaultKind(StrEnum):
    """Why the emulated board stopped. The values are stable: scripts and reports use them."""

    UNMAPPED_READ = "unmapped-read"
    UNMAPPED_WRITE = "unmapped-write"
    UNMAPPED_FETCH = "unmapped-fetch"
    EXECUTE_NEVER = "execute-never"
    FLASH_WRITE = "flash-write"
    UNALIGNED = "unaligned"
    INSTRUCTION = "instruction"
    FPU_DISABLED = "fpu-disabled"
    DIVISION = "division"
    UNCLOCKED = "unclocked"
    CLOCK = "clock"
    PERIPHERAL = "peripheral"
    STACK_OVERFLOW = "stack-overflow"
    EXCEPTION = "exception"
    NO_PROGRESS = "no-progress"
    VECTOR_TABLE = "vector-table"
    UNSUPPORTED = "unsupported"


_ALL = "every core"
_MAIN = "cortex-m3 and larger"
_V6M = "cortex-m0, m0plus"
_NO_DSP = "cores without DSP"
_NO_FPU = "cores without FPU"
_FPU = "cores with FPU"
_SINGLE = "cores with a single precision FPU"
_FPV4 = "cortex-m4"
_ST = "stm32f7, stm32g0, stm32l4"
_F7 = "stm32f7"
_L4 = "stm32l4"
_G0_L4 = "stm32g0, stm32l4"

_UNALIGNED = "UsageFault, `UNALIGNED`"
_UNDEFINED = "UsageFault, `UNDEFINSTR`"
_NOCP = "UsageFault, `NOCP`"
_PLL = "the PLL may not lock"
_UNRELIABLE = "beyond the data sheet: wrong now and then"
_IGNORED = "the manual forbids it, and promises nothing"
_NOTHING_SENT = "nothing is sent"
_GARBAGE = "the other end receives garbage"
_WAITS = "the core waits forever"
_WORKS = "does it: the emulated board cannot show what follows"


class Rule(Enum):
    """One thing that firmware must not do.

    kind     the class of fault it is reported as
    when     what breaks it, in words
    where    the cores or chip families that have it
    silicon  what a real part would do: the exception and the bit of CFSR that Armv7-M gives it (Armv6-M has HardFault
             for all of them), or what becomes of it unnoticed
    """

    def __init__(self, kind: FaultKind, when: str, where: str, silicon: str) -> None:
        self.kind = kind
        self.when = when
        self.where = where
        self.silicon = silicon

    UNMAPPED_READ = FaultKind.UNMAPPED_READ, "a load from where nothing is", _ALL, "BusFault, `PRECISERR`"
    UNMAPPED_WRITE = (
        FaultKind.UNMAPPED_WRITE,
        "a store to where nothing is",
        _ALL,
        "BusFault, `IMPRECISERR` or `PRECISERR`",
    )
    UNMAPPED_FETCH = FaultKind.UNMAPPED_FETCH, "a jump to where nothing is", _ALL, "BusFault, `IBUSERR`"
    NO_CODE = (
        FaultKind.EXECUTE_NEVER,
        "a jump to memory in which the image has no code, or into the middle of an instruction",
        _ALL,
        "runs whatever the bytes mean; MemManage, `IACCVIOL`, in peripherals",
    )
    NOT_COPIED = (
        FaultKind.EXECUTE_NEVER,
        "code in RAM that was not copied there yet, or was overwritten",
        _ALL,
        "runs whatever the bytes mean",
    )
    FLASH_WRITE = FaultKind.FLASH_WRITE, "a store to flash", _ALL, "an error flag of the flash interface, or BusFault"

    UNALIGNED_MULTIPLE = (
        FaultKind.UNALIGNED,
        "LDM, STM, LDRD, STRD, VLDM, VSTM, VLDR or VSTR at an address that is no multiple of 4",
        _ALL,
        _UNALIGNED,
    )
    UNALIGNED_EXCLUSIVE = (
        FaultKind.UNALIGNED,
        "an exclusive or ordered access at an address that is no multiple of its size",
        _MAIN,
        _UNALIGNED,
    )
    UNALIGNED_TRAPPED = FaultKind.UNALIGNED, "any misaligned access while `CCR.UNALIGN_TRP` is set", _MAIN, _UNALIGNED
    UNALIGNED_ARMV6M = FaultKind.UNALIGNED, "any misaligned access", _V6M, "HardFault"
    UNALIGNED_PERIPHERAL = (
        FaultKind.UNALIGNED,
        "a misaligned access to a peripheral",
        _ALL,
        "unpredictable, or UsageFault",
    )

    LACKS_ARMV7M = FaultKind.INSTRUCTION, "an instruction of Armv7-M, as MOVW, UDIV, CBZ or IT", _V6M, "HardFault"
    LACKS_ARMV8M = FaultKind.INSTRUCTION, "an instruction of Armv8-M, as LDA or SG", "all but cortex-m33", _UNDEFINED
    LACKS_DSP = FaultKind.INSTRUCTION, "an instruction of the DSP extension, as SMLAD", _NO_DSP, _UNDEFINED
    LACKS_FPU = FaultKind.INSTRUCTION, "a floating-point instruction without a floating-point unit", _NO_FPU, _NOCP
    LACKS_DOUBLE = FaultKind.INSTRUCTION, "double precision", _SINGLE, _UNDEFINED
    LACKS_FPV5 = FaultKind.INSTRUCTION, "VRINT, VSEL, VMAXNM or VCVTA", _FPV4, _UNDEFINED
    LACKS_VECTORS = FaultKind.INSTRUCTION, "vector instructions", _FPU, "UsageFault"
    LACKS_COPROCESSOR = (
        FaultKind.INSTRUCTION,
        "MCR, MRC, CDP, LDC and their like, which drive coprocessors",
        _ALL,
        _NOCP,
    )
    LACKS_PROFILE = (
        FaultKind.INSTRUCTION,
        "an instruction that no emulated core has, as HVC, CRC32 or AESE",
        _ALL,
        _UNDEFINED,
    )
    NO_INSTRUCTION = FaultKind.INSTRUCTION, "an encoding that is no instruction at all", _ALL, _UNDEFINED
    FPU_DISABLED = FaultKind.FPU_DISABLED, "a floating-point instruction before `CPACR` allows it", _FPU, _NOCP
    DIVISION = FaultKind.DIVISION, "a division by zero while `CCR.DIV_0_TRP` is set", _MAIN, "UsageFault, `DIVBYZERO`"

    UNCLOCKED = FaultKind.UNCLOCKED, "a peripheral is accessed without its clock", _ST, "the access has no effect"

    CORE_STOPPED = FaultKind.CLOCK, "the oscillator that the core runs on is switched off", _ST, _IGNORED
    PLL_SOURCE = FaultKind.CLOCK, "the PLL is started from an oscillator that does not run", _ST, _PLL
    PLL_RANGE = FaultKind.CLOCK, "the PLL's factors, its input or its output are out of range", _ST, _PLL
    PLL_CHANGED = FaultKind.CLOCK, "the PLL's factors are changed while it is on", _ST, _IGNORED
    PLL_OUTPUT = FaultKind.CLOCK, "the core runs on a PLL whose output is off (`PLLREN`)", _G0_L4, "the core stops"
    SUPPLY = FaultKind.CLOCK, "the core is faster than its voltage range or over-drive allows", _ST, _UNRELIABLE
    WAIT_STATES = FaultKind.CLOCK, "too few flash wait states for the core's clock", _ST, _UNRELIABLE
    BUS_CLOCK = FaultKind.CLOCK, "PCLK1 or PCLK2 is too fast", _F7, _UNRELIABLE
    CLOCK_STEP = FaultKind.CLOCK, "the core is switched beyond 80 MHz at once", _L4, "the supply may dip"
    OVERDRIVE = FaultKind.CLOCK, "over-drive is switched to before it is on", _F7, "over-drive does not come up"
    BAUD = FaultKind.CLOCK, "a byte at a baud rate that is not the board's", _ST, _GARBAGE

    NO_REGISTER = (
        FaultKind.PERIPHERAL,
        "a register that does not exist, or is not modelled",
        _ALL,
        "reads as 0, or BusFault",
    )
    VOLTAGE = FaultKind.PERIPHERAL, "a voltage range that does not exist", _G0_L4, _IGNORED
    CACHE_RESET = FaultKind.PERIPHERAL, "a flash cache is reset while it is on", _ST, _IGNORED
    UART_CHANGED = FaultKind.PERIPHERAL, "a UART's settings are changed while it is on", _ST, _IGNORED
    UART_OFF = FaultKind.PERIPHERAL, "a byte is given to a UART or transmitter that is off", _ST, _NOTHING_SENT
    UART_PIN = FaultKind.PERIPHERAL, "a UART is used while its pin is not in its alternate function", _ST, _NOTHING_SENT
    UART_SUPPLY = (
        FaultKind.PERIPHERAL,
        "a UART is used while its pin has no supply (`PWR_CR2.IOSV`)",
        _L4,
        _NOTHING_SENT,
    )
    UART_DIVIDER = FaultKind.PERIPHERAL, "an LPUART's `BRR` below its least value", _L4, _GARBAGE
    UART_BIT = FaultKind.PERIPHERAL, "a USART's bit that an LPUART does not have", _L4, _IGNORED

    STACK_OVERFLOW = (
        FaultKind.STACK_OVERFLOW,
        "the stack grows below `__ek_stack_low`",
        _ALL,
        "the arena or other data is overwritten",
    )

    UNDEFINED = FaultKind.EXCEPTION, "UDF", _ALL, _UNDEFINED
    SVC = FaultKind.EXCEPTION, "SVC: no exception is delivered", _ALL, "SVCall"
    BKPT = FaultKind.EXCEPTION, "BKPT: there is no debugger", _ALL, "HardFault, `DEBUGEVT` of HFSR"
    ARM_STATE = FaultKind.EXCEPTION, "a jump to an address without the Thumb bit", _ALL, "UsageFault, `INVSTATE`"

    ENDLESS_LOOP = FaultKind.NO_PROGRESS, "a branch to itself", _ALL, _WAITS
    STALLED = FaultKind.NO_PROGRESS, "30 s of computing without a layer or traffic", _ALL, _WAITS
    ASLEEP = FaultKind.NO_PROGRESS, "WFI or WFE: no interrupt and no event will come", _ALL, _WAITS

    STACK_POINTER = FaultKind.VECTOR_TABLE, "the initial stack pointer is not in RAM", _ALL, "HardFault or lockup"
    RESET_THUMB = FaultKind.VECTOR_TABLE, "the reset vector has no Thumb bit", _ALL, "HardFault, with `INVSTATE`"
    RESET_VECTOR = FaultKind.VECTOR_TABLE, "the reset vector points to no code", _ALL, "HardFault or lockup"
    VTOR_ALIGNMENT = FaultKind.VECTOR_TABLE, "`VTOR` is no multiple of 128", _MAIN, "the low bits are dropped"
    VTOR_NOWHERE = FaultKind.VECTOR_TABLE, "`VTOR` points to where no memory is", _MAIN, "HardFault, `VECTTBL` of HFSR"

    INTERRUPT = FaultKind.UNSUPPORTED, "an interrupt is enabled in a UART or SysTick, or made pending", _ALL, _WORKS
    UART_FORMAT = FaultKind.UNSUPPORTED, "other frames than 8 data bits without parity, or a FIFO", _ST, _WORKS
    MPU = FaultKind.UNSUPPORTED, "the MPU is switched on", _MAIN, _WORKS
