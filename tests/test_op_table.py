"""The operator table: record, reference function and kernel stand for every operator, and fit together."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from support.kernel_runner import FLAGS, HEADERS, compiler

from edgekit_codegen import ops, reference
from edgekit_codegen.emit.project import headers
from edgekit_codegen.ir import Attrs
from edgekit_codegen.ops import TABLE, OpRecord
from edgekit_codegen.ops.record import Kernel, Overlap

KERNELS = HEADERS / "kernels"
POSITION = {True: "int y, int x0, int x1", False: "int x0, int x1"}


def problems(record: OpRecord) -> list[str]:
    """What is missing around a record."""
    found = []
    if importlib.util.find_spec(f"{reference.__name__}.{record.kind}") is None:
        found.append(f"no reference/{record.kind}.py")
    elif not callable(getattr(import_module(f"{reference.__name__}.{record.kind}"), "run", None)):
        found.append(f"reference/{record.kind}.py has no run()")
    if not (isinstance(record.attrs, type) and issubclass(record.attrs, Attrs)):
        found.append("attrs is not a class of attributes")
    if (record.kernel is None) != (record.overlap is Overlap.VIEW):
        found.append("a view has no kernel, and anything else has one")
    if record.kernel is not None:
        found += kernel_problems(record.kernel)
    return found


def kernel_problems(kernel: Kernel) -> list[str]:
    path = KERNELS / kernel.header
    if not path.is_file():
        return [f"no c/kernels/{kernel.header}"]
    text = " ".join(path.read_text().split())
    struct, function = re.escape(kernel.struct), re.escape(kernel.function)
    found = []
    if not re.search(rf"\}} {struct};", " ".join(headers([kernel.header]).values())):
        found.append(f"{kernel.header} does not define {kernel.struct}")
    arguments = rf"const {struct} \*p, const int8_t \*const in\[\], int8_t \*out, (int y, )?int x0, int x1, "
    if not re.search(rf"{function}\({arguments}const void \*w, const ek_requant_t \*q, void \*scratch\)", text):
        found.append(f"{kernel.header} does not define {kernel.function} with the arguments of a row kernel")
    planes = rf"const {struct} \*p, const int8_t \*const in\[\], int8_t \*out, int rows, int channels, "
    arguments = rf"{kernel.planar}\({planes}const void \*w, const ek_requant_t \*q, void \*scratch\)"
    if kernel.planar and not re.search(arguments, text):
        found.append(f"{kernel.header} does not define {kernel.planar} with the arguments of a kernel of planes")
    return found


def modules() -> list[ModuleType]:
    return [import_module(f"{ops.__name__}.{m.name}") for m in pkgutil.iter_modules(ops.__path__)]


@pytest.mark.parametrize("kind", TABLE)
def test_record_reference_and_kernel_stand(kind: str) -> None:
    assert TABLE[kind].kind == kind
    assert not problems(TABLE[kind])


def test_every_record_is_in_the_table_under_its_module_s_name() -> None:
    records = {m.__name__.rpartition(".")[2]: m.RECORD for m in modules() if hasattr(m, "RECORD")}
    assert records == dict(TABLE)


def test_a_missing_reference_or_kernel_is_noticed() -> None:
    record = TABLE["add"]
    assert record.kernel is not None
    assert problems(replace(record, kind="absent")) == ["no reference/absent.py"]
    absent = replace(record.kernel, header="absent.h")
    assert problems(replace(record, kernel=absent)) == ["no c/kernels/absent.h"]
    other = replace(record.kernel, function="ek_other_row", struct="ek_other_t")
    assert len(problems(replace(record, kernel=other))) == 2
    assert len(problems(replace(record, kernel=replace(record.kernel, planar="ek_other_planar")))) == 1
    assert len(problems(replace(record, kernel=None))) == 1


@pytest.mark.parametrize(
    "header", sorted(p.name for p in KERNELS.glob("*.h") if not p.stem.endswith(("_mve", "_cmsis")))
)
def test_header_compiles_alone(header: str, tmp_path: Path) -> None:
    """And twice, and without anything but the compiler's own headers."""
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{header}"\n#include "{header}"\nint alone(void);\nint alone(void) {{ return 0; }}\n')
    flags = [f for f in FLAGS if f not in ("-shared", "-fPIC")]
    command = [*compiler(), *flags, "-ffreestanding", f"-I{HEADERS}", f"-I{KERNELS}"]
    subprocess.run([*command, "-c", str(source), "-o", str(tmp_path / "alone.o")], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the linker's option against undefined symbols is ELF's")
def test_kernels_need_no_library(tmp_path: Path) -> None:
    """They link freestanding with nothing but the four memory functions that compilers may call."""
    lines = [
        "#include <stddef.h>",
        *(f'#include "{r.kernel.header}"' for r in TABLE.values() if r.kernel is not None),
        "void *memcpy(void *to, const void *from, size_t n);",
        "void *memcpy(void *to, const void *from, size_t n)",
        "{ for (size_t i = 0; i < n; ++i) ((volatile char *)to)[i] = ((const char *)from)[i]; return to; }",
        "void *memmove(void *to, const void *from, size_t n);",
        "void *memmove(void *to, const void *from, size_t n) { return memcpy(to, from, n); }",
        "void *memset(void *to, int value, size_t n);",
        "void *memset(void *to, int value, size_t n)",
        "{ for (size_t i = 0; i < n; ++i) ((volatile char *)to)[i] = (char)value; return to; }",
    ]
    for kind, record in TABLE.items():
        if record.kernel is None:
            continue
        text = (KERNELS / record.kernel.header).read_text()
        for function in filter(None, (record.kernel.function, record.kernel.adding)):
            whole = re.search(function + r"\([^)]*\bint y\b", text) is not None
            arguments = (
                f"const {record.kernel.struct} *p, const int8_t *const in[], int8_t *out, {POSITION[whole]},"
                " const void *w, const ek_requant_t *q, void *scratch"
            )
            call = f"p, in, out, {'y, ' if whole else ''}x0, x1, w, q, scratch"
            lines += [
                f"void run_{kind}_{function}({arguments});",
                f"void run_{kind}_{function}({arguments}) {{ {function}({call}); }}",
            ]
    source = tmp_path / "all.c"
    source.write_text("\n".join(lines) + "\n")
    command = [*compiler(), *FLAGS, "-O2", "-ffreestanding", "-nostdlib", "-Wl,-z,defs", f"-I{HEADERS}", f"-I{KERNELS}"]
    subprocess.run([*command, str(source), "-o", str(tmp_path / "all.so")], check=True)
