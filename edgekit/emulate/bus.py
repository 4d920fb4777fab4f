"""Peripherals in the address space: accesses are routed to the block that holds the address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .faults import Violation
from .peripherals import Peripheral
from .rules import Rule


class Bus:
    """Blocks side by side. `page` bytes is the granularity at which they can be mapped; what lies in a mapped page but
    in no block is unmapped all the same."""

    def __init__(self, blocks: Iterable[Peripheral], page: int) -> None:
        self.blocks = tuple(blocks)
        self._page = page
        self._pages: dict[int, list[Peripheral]] = {}
        for block in self.blocks:
            for number in range(block.base // page, (block.base + block.size - 1) // page + 1):
                # the smaller block first: SysTick lies within the system control space
                self._pages.setdefault(number, []).append(block)
                self._pages[number].sort(key=lambda b: b.size)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """(address, size) of what is to be mapped, adjacent pages together."""
        numbers = sorted(self._pages)
        start = 0
        for at in range(1, len(numbers) + 1):
            if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
                yield numbers[start] * self._page, (at - start) * self._page
                start = at

    def reset(self) -> None:
        for block in self.blocks:
            block.reset()

    def read(self, address: int, size: int) -> int:
        block = self._block(address, size, Rule.UNMAPPED_READ)
        return block.read(address - block.base, size)

    def write(self, address: int, size: int, value: int) -> None:
        block = self._block(address, size, Rule.UNMAPPED_WRITE)
        block.write(address - block.base, size, value)

    def _block(self, address: int, size: int, rule: Rule) -> Peripheral:
        for block in self._pages.get(address // self._page, ()):
            if block.base <= address < block.base + block.size:
                return block
        raise Violation(rule, f"nothing is at address 0x{address:08x}", address)
