"""The generated sources of a model, written where compilers find them, and what the firmware must know of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit_codegen.emit import Sources
from edgekit_codegen.memory.plan import OUTSIDE
from edgekit_codegen.providers.cmsis import NAME

from ..boards import Board, target
from . import cmsis_nn
from .cache import digest, digest_files
from .cmsis_nn import Library
from .image import Arena


@dataclass(frozen=True, slots=True)
class Model:
    """A model on disk.

    folder  absolute
    texts   file name -> content, all files
    units   names of the C files to compile
    symbol  its ek_model_t
    arenas  its regions, in the model's order
    layers  how many it has
    pulls   an input is streamed
    pushes  an output is streamed
    library  the sources of CMSIS-NN where layers call it, else None
    """

    folder: Path
    texts: Mapping[str, bytes]
    units: tuple[str, ...]
    symbol: str
    arenas: tuple[Arena, ...]
    layers: int
    pulls: bool
    pushes: bool
    library: Library | None = None

    @property
    def inputs(self) -> str:
        """A digest of all that its C files may include."""
        own = digest_files(self.texts)
        return own if self.library is None else digest(own, self.library.inputs)

    @property
    def search(self) -> tuple[Path, ...]:
        """The folders that its C files include from."""
        return (self.folder, *(() if self.library is None else self.library.search))


def beside_arena(model: Model, board: Board) -> Model:
    """An input that is no part of the arena goes to the memory that has the most room left."""
    taken = {arena.name: arena.bytes for arena in model.arenas}
    roomiest = max(target(board).regions, key=lambda region: region.size - taken.get(region.name, 0))
    arenas = tuple(replace(a, memory=roomiest.name) if a.name == OUTSIDE else a for a in model.arenas)
    return replace(model, arenas=arenas)


def write_model(sources: Sources, folder: Path) -> Model:
    """Write the files; ones that are there with the same content keep their time stamp, others are removed."""
    texts = {name: text.encode() for name, text in sources.files.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.relative_to(folder).as_posix() not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != text:
            path.write_bytes(text)
    arenas = tuple(Arena(r.name, r.used, r.align) for r in sources.regions)
    return Model(
        folder=folder.resolve(),
        texts=texts,
        units=sources.units,
        symbol=sources.symbol,
        arenas=arenas,
        layers=sources.layers,
        pulls=sources.pulls,
        pushes=sources.pushes,
        library=cmsis_nn.locate() if NAME in sources.providers else None,
    )
