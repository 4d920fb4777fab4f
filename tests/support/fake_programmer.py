"""Programmers that fail in every way that real ones do: a script under their name, in a folder for the PATH."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

OPENOCD_DONE = "** Programming Started **\n** Programming Finished **\n"
OPENOCD_OK = (
    f"Open On-Chip Debugger 0.12.0\n{OPENOCD_DONE}** Verify Started **\n** Verified OK **\n** Resetting Target **"
)
GDB_DONE = "Loading section .vectors, size 0x1c8 lma 0x8000000\nTransfer rate: 33 KB/sec, 2048 bytes/write.\n"
GDB_OK = f"{GDB_DONE}Section .vectors, range 0x200000 -- 0x2001c8: matched."
HALF_WAY = "** Programming Started **"

_SCRIPT = """#!{python}
import json, os, pathlib, signal, subprocess, sys, time
here = pathlib.Path(__file__)
here.with_name("argv.json").write_text(json.dumps(sys.argv[1:]))
what = json.loads(here.with_name("behaviour.json").read_text())
sys.stdout.buffer.write(what["output"].encode("latin-1") * what["times"] + b"\\n")
sys.stdout.flush()
def leave(*_):
    here.with_name("let_go").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN if what["stubborn"] else leave)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it, as nohup does
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) if what["helper"] else None
pids = [os.getpid()] + ([helper.pid] if helper else [])
here.with_name("pids.tmp").write_text(json.dumps(pids))
here.with_name("pids.tmp").rename(here.with_name("pids.json"))
if what["ending"] == "hang":
    time.sleep(600)
if isinstance(what["ending"], str):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), getattr(signal, what["ending"]))
sys.exit(what["ending"])
"""


class FakeProgrammer:
    """Installs itself as `name` in `folder`.

    output    what it prints, bytes up to 255 as characters, `times` over
    ending    an exit code, the name of a signal that it gets, or "hang"
    helper    it starts another process, which keeps its output open and never ends by itself
    stubborn  it ignores SIGTERM
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        output: str = "",
        ending: int | str = 0,
        *,
        times: int = 1,
        helper: bool = False,
        stubborn: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.program = folder / name
        self.program.write_text(_SCRIPT.format(python=sys.executable))
        self.program.chmod(0o755)
        what = {"output": output, "ending": ending, "times": times, "helper": helper, "stubborn": stubborn}
        (folder / "behaviour.json").write_text(json.dumps(what))

    @property
    def argv(self) -> list[str] | None:
        """The arguments it was called with last; None where it was not."""
        file = self.folder / "argv.json"
        return json.loads(file.read_text()) if file.is_file() else None

    @property
    def let_go(self) -> bool:
        """Whether it was asked to end, and ended in order."""
        return (self.folder / "let_go").exists()

    def pids(self) -> list[int]:
        """Its process and its helper's, once it runs and has printed."""
        deadline = time.monotonic() + 60
        while not (self.folder / "pids.json").exists():
            assert time.monotonic() < deadline, "the programmer was not started"
            time.sleep(0.02)
        return [int(pid) for pid in json.loads((self.folder / "pids.json").read_text())]

    def all_gone(self) -> bool:
        """Whether nothing of it runs any more, within 10 s."""
        deadline = time.monotonic() + 10
        while any(_runs(pid) for pid in self.pids()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return sys.platform != "linux"
