"""Unicorn, as the emulated board needs it: one core, run in slices, with a block callback that costs little."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from ..errors import ToolchainError
from .features import Features

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
OK = 0
_EPSR_THUMB = 1 << 24  # and no IT block
PAGE = 1024  # bytes; the granularity of Unicorn's memory map for Cortex-M


class Engine:
    """One core and its address space.

    Everything that is called back runs with the engine stopped in the middle of an instruction. `run` holds Python's
    global lock, so that a callback does not have to fetch it: other Python threads run only while a callback does, when
    the interpreter hands the lock over.

    between_blocks  the last run was ended by interrupt() or its time, before the block at pc
    """

    def __init__(self, features: Features) -> None:
        import unicorn as untyped
        from unicorn import arm_const
        from unicorn.unicorn_py3 import unicorn as binding

        unicorn: Any = untyped
        self.uc: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        model = getattr(arm_const, f"UC_CPU_ARM_{features.model}")
        self.uc.ctl_set_cpu_model(model)
        if self.uc.ctl_get_cpu_model() != model:
            raise ToolchainError("emulator.core", f"this version of unicorn does not emulate a {features.core}")
        self._library = binding.uclib
        self._handle = self.uc._uch
        self._start = ctypes.PYFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t
        )(("uc_emu_start", self._library))
        self._stop = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(("uc_emu_stop", self._library))
        registers = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._get_register = registers(("uc_reg_read", self._library))
        self._set_register = registers(("uc_reg_write", self._library))
        self._kept: list[Any] = []  # what C points to
        self._due: list[bool] = []  # not empty: stop before the next block
        self.between_blocks = False
        self._hooks = {
            "code": unicorn.UC_HOOK_CODE,
            "memory": unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE,
            "read": unicorn.UC_HOOK_MEM_READ,
            "write": unicorn.UC_HOOK_MEM_WRITE,
            "invalid": unicorn.UC_HOOK_MEM_INVALID,
            "exception": unicorn.UC_HOOK_INTR,
            "translated": unicorn.UC_HOOK_EDGE_GENERATED,
        }
        self._block = unicorn.UC_HOOK_BLOCK
        self._epsr = arm_const.UC_ARM_REG_EPSR
        self._registers = {
            **{f"r{n}": getattr(arm_const, f"UC_ARM_REG_R{n}") for n in range(13)},
            **{n: getattr(arm_const, f"UC_ARM_REG_{n.upper()}") for n in ("sp", "lr", "pc", "xpsr", "primask")},
            **{n: getattr(arm_const, f"UC_ARM_REG_{n.upper()}") for n in ("basepri", "faultmask", "control")},
        }

    def trace_blocks(self, append: Callable[[int], object]) -> None:
        """Call append(address) at the begin of every basic block; it is executed then, up to its end or a stop()."""
        due, stop, handle = self._due, self._stop, self._handle

        def began(_uc: int, address: int) -> None:
            if due:
                self.between_blocks = True
                stop(handle)
            else:
                append(address)

        self._hook(self._block, ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_size_t)(began), 1, 0)

    def trace_accesses(self, kind: str, record: Callable[[int, int, int], object], first: int, last: int) -> None:
        """Call record(pc, address, size) at every "read" or "write" that begins at an address from first to last.

        What it raises is lost. About 2 us a call, a third of what hook() takes.
        """
        pc, epsr = ctypes.c_uint32(), ctypes.c_uint32(_EPSR_THUMB)
        to_pc, to_epsr = ctypes.addressof(pc), ctypes.addressof(epsr)
        get, put, handle, r15, psr = self._get_register, self._set_register, self._handle, self.number("pc"), self._epsr

        def accessed(_uc: int, _kind: int, address: int, size: int) -> None:
            get(handle, r15, to_pc)
            record(pc.value, address, size)
            put(handle, psr, to_epsr)  # leave_it_block()

        signature = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_int, ctypes.c_uint64, ctypes.c_int)
        self._kept.append(epsr)
        self._hook(self._hooks[kind], signature(accessed), first, last)

    def _hook(self, kind: int, callback: Any, first: int, last: int) -> None:
        """Past the binding, whose callbacks cost several times as much."""
        handle = ctypes.c_size_t()
        status = self._library.uc_hook_add(
            self._handle,
            ctypes.byref(handle),
            kind,
            ctypes.cast(callback, ctypes.c_void_p),
            None,
            ctypes.c_uint64(first),
            ctypes.c_uint64(last),
        )
        if status != OK:
            raise ToolchainError("emulator.engine", f"unicorn refuses a hook: error {status}")
        self._kept.append(callback)

    def hook(self, kind: str, callback: Callable[..., Any], first: int = 1, last: int = 0) -> Any:
        """Call back for addresses from first to last, for all by default. Returns a handle for unhook()."""
        return self.uc.hook_add(self._hooks[kind], callback, None, first, last)

    def unhook(self, handle: Any) -> None:
        self.uc.hook_del(handle)

    def map(self, address: int, data: Any, protection: int) -> None:
        """Map a ctypes buffer, which the caller keeps changing at will; the same one may be mapped several times."""
        self._kept.append(data)
        self.uc.mem_map_ptr(address, len(data), protection, ctypes.addressof(data))

    def map_device(
        self, address: int, size: int, read: Callable[[int, int], int], write: Callable[[int, int, int], None]
    ) -> None:
        """Route accesses to read(address, size) and write(address, size, value)."""
        self.uc.mmio_map(
            address,
            size,
            lambda _uc, offset, width, _data: read(address + offset, width),
            None,
            lambda _uc, offset, width, value, _data: write(address + offset, width, value),
            None,
        )

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.uc.mem_read(address, size))

    def get(self, register: str) -> int:
        return int(self.uc.reg_read(self._registers[register]))

    def set(self, register: str, value: int) -> None:
        self.uc.reg_write(self._registers[register], value)

    def leave_it_block(self) -> None:
        """To be called by every callback of a memory hook.

        For such a callback, Unicorn brings the state up to the instruction in progress, its place in an IT block
        included, and leaves that in force afterwards: the next block would be taken for the rest of the IT block.
        Where the engine is stopped at this very instruction, it brings its state up again.
        """
        self.uc.reg_write(self._epsr, _EPSR_THUMB)

    @property
    def thumb(self) -> bool:
        """Whether the core is in the Thumb state."""
        return bool(self.get("xpsr") >> 24 & 1)

    def number(self, register: str) -> int:
        """A register's number, for uc.reg_read in places that must be quick."""
        return int(self._registers[register])

    def block_at(self, address: int) -> tuple[int, int]:
        """Size in bytes and instruction count of the block that begins at an address."""
        _, count, size = self.uc.ctl_request_cache(address)
        return size, count

    def stop(self) -> None:
        """From a callback: stop before the next instruction. A load or store in progress runs again afterwards."""
        self._stop(self._handle)

    def interrupt(self) -> None:
        """From a callback or another thread: stop before the next block.

        Unicorn's own timer is no way to do that: it stops before or behind the callback of a block, and nothing tells
        which, or in the middle of an access to a peripheral, which would then see it twice.
        """
        self._due.append(True)

    def run(self, pc: int, seconds: float) -> int:
        """Run for some time from pc; Unicorn's error code, 0 when it was stopped or the time is over.

        What a callback raised is raised here.
        """
        self.uc._hook_exception = None
        self._due.clear()
        self.between_blocks = False
        timer = threading.Timer(seconds, self.interrupt)
        timer.daemon = True
        timer.start()
        status = int(self._start(self._handle, pc | 1, 0xFFFFFFFE, 0, 0))
        timer.cancel()
        if self.uc._hook_exception is not None:
            raise self.uc._hook_exception
        return status
