"""Programmers that fail in every way that real ones do: a script under their name, in a folder for the PATH."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_SCRIPT = """#!{python}
import json, os, pathlib, signal, sys, time
here = pathlib.Path(__file__)
here.with_name("argv.json").write_text(json.dumps(sys.argv[1:]))
what = json.loads(here.with_name("behaviour.json").read_text())
print(what["output"], flush=True)
if what["ending"] == "hang":
    here.with_name("started").touch()
    time.sleep(600)
if isinstance(what["ending"], str):
    os.kill(os.getpid(), getattr(signal, what["ending"]))
sys.exit(what["ending"])
"""


class FakeProgrammer:
    """Installs itself as `name` in `folder`. `ending`: an exit code, the name of a signal, or "hang"."""

    def __init__(self, folder: Path, name: str, output: str = "", ending: int | str = 0) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.program = folder / name
        self.program.write_text(_SCRIPT.format(python=sys.executable))
        self.program.chmod(0o755)
        self.behave(output, ending)

    def behave(self, output: str, ending: int | str) -> None:
        (self.folder / "behaviour.json").write_text(json.dumps({"output": output, "ending": ending}))

    @property
    def argv(self) -> list[str] | None:
        """The arguments it was called with last; None where it was not."""
        file = self.folder / "argv.json"
        return json.loads(file.read_text()) if file.is_file() else None
