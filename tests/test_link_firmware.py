"""The firmware's own C: clean under every compiler, small, and with a C library of its own that behaves."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.link_agent import STRICT, agent_sources, host_compiler, include_flags

from edgekit import resources
from edgekit.link import Fault, describe
from edgekit.link.fault import unpack

FREESTANDING = ("-ffreestanding", "-O2")
ARM = ("-mcpu=cortex-m7", "-mthumb")


def compilers() -> list[tuple[str, list[str]]]:
    found = [("host", host_compiler())]
    if shutil.which("arm-none-eabi-gcc"):
        found.append(("arm", ["arm-none-eabi-gcc", *ARM]))
    if importlib.util.find_spec("ziglang"):
        zig = [sys.executable, "-m", "ziglang", "cc"]
        found.append(("zig", [*zig, "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7"]))
    return found


@pytest.mark.parametrize(("name", "compiler"), [pytest.param(*c, id=c[0]) for c in compilers()])
def test_the_agent_compiles_without_a_warning(name: str, compiler: list[str], tmp_path: Path) -> None:
    for source in agent_sources():
        out = tmp_path / f"{source.stem}.o"
        argv = [*compiler, *STRICT, *FREESTANDING, *include_flags(), "-c", str(source), "-o", str(out)]
        subprocess.run(argv, check=True)


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="arm-none-eabi-gcc is not on the PATH")
def test_the_agent_is_small(tmp_path: Path) -> None:
    """At most 1 KiB of RAM beside the counters of the layers, and 6 KiB of flash."""
    objects = []
    for source in agent_sources():
        objects.append(str(tmp_path / f"{source.stem}.o"))
        flags = [*ARM, *STRICT, *FREESTANDING, *include_flags()]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", str(source), "-o", objects[-1]], check=True)
    sizes = subprocess.run(["arm-none-eabi-size", "-t", *objects], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, re.findall(r"^\s*(\d+)\s+(\d+)\s+(\d+).*TOTALS", sizes, re.MULTILINE)[0])
    assert data + bss <= 1024
    assert text + data <= 6 * 1024


def test_the_c_library_behaves_as_the_standard_says(tmp_path: Path) -> None:
    """Its functions under other names, against the system's, over all small sizes, alignments and overlaps."""
    renamed = "".join(f"#define {name} ek_{name}\n" for name in ("memcpy", "memmove", "memset", "memcmp"))
    libc = resources.firmware() / "agent" / "ek_libc.c"
    (tmp_path / "libc.c").write_text(
        f'{renamed}\n#undef __STDC_HOSTED__\n#define __STDC_HOSTED__ 0\n#include "{libc}"\n'
    )
    (tmp_path / "main.c").write_text(
        """
        #include <stdio.h>
        #include <string.h>
        void *ek_memcpy(void *, const void *, size_t);
        void *ek_memmove(void *, const void *, size_t);
        void *ek_memset(void *, int, size_t);
        int ek_memcmp(const void *, const void *, size_t);
        static unsigned char mine[64], theirs[64], source[64];
        static int sign(int x) { return (x > 0) - (x < 0); }
        #define SAME(what) if (memcmp(mine, theirs, 64)) { printf(what " %zu %zu %zu", to, from, n); return 1; }
        static void fresh(void) { for (int i = 0; i < 64; ++i) mine[i] = theirs[i] = (unsigned char)(i * 37 + 1); }
        int main(void)
        {
            for (int i = 0; i < 64; ++i) source[i] = (unsigned char)(255 - i);
            for (size_t to = 0; to < 9; ++to) for (size_t from = 0; from < 9; ++from) for (size_t n = 0; n < 40; ++n) {
                fresh();
                if (ek_memcpy(mine + to, source + from, n) != mine + to) return 2;
                memcpy(theirs + to, source + from, n);
                SAME("memcpy");
                fresh();
                if (ek_memmove(mine + to, mine + from, n) != mine + to) return 2;
                memmove(theirs + to, theirs + from, n);
                SAME("memmove");
                fresh();
                if (ek_memset(mine + to, (int)(300 + from), n) != mine + to) return 2;
                memset(theirs + to, (int)(300 + from), n);
                SAME("memset");
                if (sign(ek_memcmp(mine + to, source + from, n)) != sign(memcmp(mine + to, source + from, n))) return 3;
                if (ek_memcmp(mine, theirs, n)) return 4;
            }
            return 0;
        }
        """
    )
    program = tmp_path / "program"
    sources = [str(tmp_path / "libc.c"), str(tmp_path / "main.c")]
    sanitize = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    builtin = ["-Wno-builtin-macro-redefined"]
    subprocess.run([*host_compiler(), "-std=c11", "-O2", *builtin, *sanitize, *sources, "-o", str(program)], check=True)
    assert subprocess.run([program], capture_output=True, check=False).returncode == 0


def test_a_fault_is_told_in_words() -> None:
    words = [0x0020_0134, 0x0020_0101, 0x2000_FF00, 0x2100_0000, 0x8200, 0x4000_0000, 0, 0xE000_0000, 5]
    fault = unpack(b"".join(word.to_bytes(4, "little") for word in words) + b"\x02\x00")
    assert fault.address == 0xE000_0000
    assert describe(fault, ["pad", "conv", "mean"]) == (
        "exception 5 at pc 0x00200134 (lr 0x00200101) in layer 2 (mean); accessing 0xe0000000; "
        "PRECISERR: a bus error on a data access; FORCED: a fault whose own handler could not run"
    )


def test_a_fault_outside_an_inference() -> None:
    fault = unpack(bytes(36) + b"\xff\xff")
    assert fault == Fault(0, 0, 0, 0, 0, 0, 0, 0, 0, layer=None)
    assert fault.address is None and fault.causes == ()
    assert "outside an inference" in describe(fault)
    with pytest.raises(ValueError, match="37 bytes"):
        unpack(bytes(37))
