"""The kernels on the Cortex-M55 of QEMU's MPS3 AN547: the library of support/kernel_runner.py and a list of calls.

The program ends by asking for a reset, which QEMU is told not to do; then the operands' memory is read through QMP.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.builder import toolchains
from edgekit.builder.toolchains import Toolchain

from .arm_runner import Library, library
from .kernel_memory import Memory

NAME, FPU = "cortex-m55", "double"
MACHINE = "mps3-an547"
CODE, STACK_TOP = 0x00000000, 0x30080000  # Secure addresses, as for the core after a reset
RAM, RAM_BYTES = 0x31000000, 4 << 20
SECONDS = 120.0  # after which a run counts as hung

_START = f"""
#define REG(address) (*(volatile uint32_t *)(address))
void start(void);
/* The first two words of the operands' memory say where the calls are and how many. */
void start(void)
{{
    REG(0xE000ED88) |= 0xFu << 20; /* CPACR: the floating-point unit */
    __asm__ volatile("dsb\\n isb" ::: "memory");
    run_calls((const ek_call_t *)REG({RAM:#x}), (int)REG({RAM + 4:#x}));
    __asm__ volatile("dsb" ::: "memory");
    REG(0xE000ED0C) = 0x05FA0004; /* AIRCR: reset */
    for (;;) {{
    }}
}}
const uintptr_t vectors[2] __attribute__((section(".vectors"), used));
const uintptr_t vectors[2] = {{{STACK_TOP:#x}, (uintptr_t)start}};
"""


class M55:
    """The emulated core: a kernel_runner.Machine."""

    isa = "mve"

    def __init__(self, toolchain: Toolchain) -> None:
        self._library: Library = library(toolchain, NAME, FPU, CODE, _START, self.isa)
        self.memory = Memory(np.zeros(RAM_BYTES, np.uint8), RAM, np.uint32)

    def kernel(self, name: str) -> int:
        return self._library.image.symbols[f"run_{name}"] | 1

    def reset(self) -> None:
        """Forget the operands, but for the two words in front."""
        self.memory.used = 8

    def run(self, calls: npt.NDArray[Any]) -> None:
        where = self.memory.place(calls)
        self.memory.view(RAM, 8)[:] = np.array([where, len(calls)], np.uint32).view(np.uint8)
        with tempfile.TemporaryDirectory(prefix="edgekit-m55-") as folder:
            before, after = Path(folder) / "before.bin", Path(folder) / "after.bin"
            before.write_bytes(self.memory.held[: self.memory.used].tobytes())
            self._emulate(before, after)
            self.memory.held[: self.memory.used] = np.frombuffer(after.read_bytes(), np.uint8)

    def _emulate(self, before: Path, after: Path) -> None:
        program = shutil.which("qemu-system-arm")
        assert program is not None
        here, there = socket.socketpair()
        with here, there:
            fd = there.fileno()
            argv = [program, "-M", MACHINE, "-nodefaults", "-display", "none", "-no-reboot", "-no-shutdown", "-S"]
            argv += ["-chardev", f"socket,id=qmp,fd={fd}", "-mon", "chardev=qmp,mode=control"]
            argv += ["-kernel", str(self._library.elf), "-device", f"loader,file={before},addr={RAM:#x},force-raw=on"]
            process = subprocess.Popen(argv, pass_fds=[fd], stderr=subprocess.PIPE, text=True)
            there.close()
            here.settimeout(SECONDS)
            try:
                with here.makefile("rw", encoding="utf-8") as line:
                    _command(line, "qmp_capabilities")
                    _command(line, "cont")
                    while json.loads(_read(line, process)).get("event") != "SHUTDOWN":
                        pass
                    size = self.memory.used
                    _command(line, "memsave", val=RAM, size=size, filename=str(after), **{"cpu-index": 0})
                    _command(line, "quit")
                process.wait(SECONDS)
            finally:
                process.kill()
                process.communicate()


def _command(line: Any, execute: str, **arguments: Any) -> None:
    line.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
    line.flush()
    while True:
        said = json.loads(line.readline())
        assert "error" not in said, said
        if "return" in said:
            return


def _read(line: Any, process: subprocess.Popen[str]) -> str:
    """The next message; fails where QEMU ended, as it does when the core locks up."""
    text: str = line.readline()
    assert text, f"QEMU ended: {process.communicate()[1][-2000:]}"
    return text


@cache
def m55(toolchain: str) -> M55:
    return M55(toolchains.choose(toolchain))
