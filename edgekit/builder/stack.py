"""A bound on the stack, from the image alone: how far each function lowers the stack pointer, and who calls whom.

A call through a pointer may reach every function whose address the image holds anywhere. Assumed, because neither the
agent nor generated code does otherwise: no function calls itself through a pointer. Recursion by direct calls, and
frames whose size is not a constant, have no bound and are errors.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import FitError
from . import thumb
from .elf import Function, Image

EXCEPTION_BYTES = 26 * 4 + 4
"""What the core pushes when it takes an exception: 26 words with the FPU's registers, and a word to align them."""


@dataclass(frozen=True, slots=True)
class StackBound:
    """The most that a root function and everything under it push.

    bytes  the bound
    path   (function, its frame's bytes), from the root to the deepest leaf
    """

    bytes: int
    path: tuple[tuple[str, int], ...]

    @property
    def how(self) -> str:
        """The path in words, for people."""
        return " > ".join(f"{name} {frame}" for name, frame in self.path)


@dataclass(frozen=True, slots=True)
class CallGraph:
    """Functions by address, what each pushes and calls."""

    functions: dict[int, Function]
    code: dict[int, thumb.Code]
    calls: dict[int, tuple[int, ...]]
    taken: tuple[int, ...]


def call_graph(image: Image) -> CallGraph:
    """Read every function of the image once."""
    functions = {f.address: f for f in image.functions}
    code = {f.address: thumb.scan(f.address, f.size, f.code, f.pool) for f in image.functions}
    calls = {address: tuple(sorted(_owner(image, t) for t in scanned.targets)) for address, scanned in code.items()}
    return CallGraph(functions, code, calls, tuple(sorted(image.taken & functions.keys())))


def _owner(image: Image, target: int) -> int:
    """The function that a branch goes into."""
    for function in image.functions:
        if function.address <= target < function.address + max(function.size, 2):
            return function.address
    raise FitError("stack.unbounded", f"a branch goes to {target:#010x}, where no function is")


def bound(graph: CallGraph, root: str) -> StackBound:
    """The deepest chain of calls from the function `root`.

    FitError "stack.unbounded" where recursion or a frame of variable size leaves none.
    """
    start = next((a for a, f in graph.functions.items() if f.name == root), None)
    if start is None:
        raise FitError("stack.unbounded", f"the image has no function {root}")
    return _Search(graph).deepest(start, ())


class _Search:
    """Depth-first over simple chains; what lies under functions that reach no indirect call is computed once."""

    def __init__(self, graph: CallGraph) -> None:
        self.graph = graph
        self.known: dict[int, StackBound] = {}
        self.pointers: dict[int, bool] = {}

    def deepest(self, at: int, chain: tuple[int, ...]) -> StackBound:
        if at in self.known:
            return self.known[at]
        graph = self.graph
        code, name = graph.code[at], graph.functions[at].name
        if code.dynamic:
            raise FitError("stack.unbounded", f"{name} needs an amount of stack that is only known when it runs")
        if at in chain:
            names = [graph.functions[a].name for a in (*chain[chain.index(at) :], at)]
            raise FitError("stack.unbounded", f"recursion has no bound: {' > '.join(names)}")
        below = StackBound(0, ())
        under = (*chain, at)
        for callee in graph.calls[at]:
            below = max(below, self.deepest(callee, under), key=lambda b: b.bytes)
        if code.indirect:
            for callee in graph.taken:
                if callee not in under:
                    below = max(below, self.deepest(callee, under), key=lambda b: b.bytes)
        found = StackBound(code.frame + below.bytes, ((name, code.frame), *below.path))
        if not self.reaches_pointer(at):
            self.known[at] = found
        return found

    def reaches_pointer(self, at: int) -> bool:
        """Whether a call through a pointer lies at or under a function; called after its calls were searched."""
        if at not in self.pointers:
            self.pointers[at] = self.graph.code[at].indirect or any(map(self.reaches_pointer, self.graph.calls[at]))
        return self.pointers[at]
