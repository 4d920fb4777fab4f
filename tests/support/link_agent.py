"""The real agent as a process on this machine, around a model written by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from edgekit import resources

BUILD_ID = "0123456789abcdef"
A_BYTES, B_BYTES = 700, 33
# First bytes of input `a` that make the model misbehave: they are link_model.c's.
FAULT, FAIL, HANG, CHATTER = 66, 67, 68, 69
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror")


def host_compiler() -> list[str]:
    """A C compiler for this machine: the system's, else the one in the ziglang wheel."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    return [found] if found else [sys.executable, "-m", "ziglang", "cc"]


def agent_sources() -> list[Path]:
    """The agent's C files."""
    return sorted((resources.firmware() / "agent").glob("*.c"))


def include_flags() -> list[str]:
    """Where the agent's and the models' headers lie."""
    return [f"-I{resources.firmware() / 'agent'}", f"-I{resources.kernels()}"]


def build_agent(out: Path, *flags: str, model: str = "link_model.c") -> Path:
    """Compile the agent, the host port and a model of this folder to the program `out`."""
    port = resources.firmware() / "ports" / "host" / "port_host.c"
    sources = [*map(str, agent_sources()), str(port), str(Path(__file__).with_name(model))]
    argv = [*host_compiler(), *STRICT, "-O1", "-g", *flags, *include_flags(), *sources, "-o", str(out)]
    subprocess.run(argv, check=True)
    return out


def sample(seed: int) -> tuple[bytes, bytes]:
    """Inputs that make the model behave; some zero bytes among them, which COBS must hide."""
    rng = np.random.default_rng(seed)
    a = rng.integers(-128, 128, A_BYTES, dtype=np.int8)
    a[rng.random(A_BYTES) < 0.2] = 0
    a[0] = 1
    return a.tobytes(), rng.integers(-128, 128, B_BYTES, dtype=np.int8).tobytes()


def ordered(order: int, seed: int = 0) -> tuple[bytes, bytes]:
    """Inputs that make the model do what `order` says."""
    a, b = sample(seed)
    return bytes([order]) + a[1:], b


def expected(a: bytes, b: bytes) -> tuple[bytes, bytes]:
    """The outputs that the model computes."""
    left = np.frombuffer(a, np.int8)
    right = np.frombuffer(b, np.int8)
    out = left + right[np.arange(A_BYTES) % B_BYTES]  # int8 wraps
    return out.tobytes(), np.array([right.sum(dtype=np.int32)], "<i4").tobytes()
