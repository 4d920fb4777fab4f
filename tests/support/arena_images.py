"""Images whose inference is replayed: the firmware that `edgekit build` links, and small ones for any core."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import resources
from edgekit.boards import Board
from edgekit.emulate.counters import Marks
from edgekit.emulate.faults import Halted
from edgekit.emulate.image import Image, read_image
from edgekit.emulate.machine import Machine
from edgekit.emulate.trace import Tracer
from edgekit.link import Session
from edgekit_codegen.emit import Sources
from edgekit_codegen.ir import Graph
from edgekit_codegen.memory.plan import Plan
from edgekit_codegen.schedule import walk

from . import bare_metal, host_model
from .arena_replay import MARK, PULL, PUSH, ArenaReplay

Values = Sequence[npt.NDArray[Any]]

_PATIENCE = 3600.0  # seconds: the host waits for as long as the emulated board computes
_REGIONS_AT = 4  # of ek_firmware_t.region
GUARD = 32  # bytes before and behind every region of a small image; as much as regions are aligned to


class _Host:
    """Both ends of the UART in one thread: the board runs while the host reads, until it waits for the host."""

    seconds_per_byte = 0.0

    def __init__(self) -> None:
        self._to_board: deque[int] = deque()
        self._to_host = bytearray()
        self.machine: Machine | None = None

    def receive(self) -> int | None:
        return self._to_board.popleft() if self._to_board else None

    def send(self, byte: int) -> None:
        self._to_host.append(byte)

    def idle(self) -> None:
        assert self.machine is not None
        self.machine.stop()

    def read(self, n: int, timeout: float) -> bytes:
        if not self._to_host:
            assert self.machine is not None
            self.machine.run()
        data = bytes(self._to_host[:n])
        del self._to_host[:n]
        return data

    def write(self, data: bytes) -> None:
        self._to_board.extend(data)

    def close(self) -> None:
        pass


@dataclasses.dataclass(frozen=True)
class Emulated:
    """Firmware on its emulated board, in this process."""

    image: Image
    machine: Machine
    host: _Host
    marks: list[Marks]

    def infer(self, inputs: Values) -> bytes:
        """One inference over the protocol; the outputs."""
        with Session(self.host, timeout=_PATIENCE, infer_timeout=_PATIENCE, retry_interval=_PATIENCE) as session:
            return b"".join(session.infer([np.ascontiguousarray(value).tobytes() for value in inputs]).outputs)


def emulated(elf: Path, board: Board) -> Emulated:
    image, host, marks = read_image(elf), _Host(), list[Marks]()
    host.machine = Machine(image, board, host, on_marks=marks.append, stall=_PATIENCE)
    return Emulated(image, host.machine, host, marks)


def replay_firmware(graph: Graph, plan: Plan, device: Emulated, inputs: Values) -> ArenaReplay:
    """Replay one inference. AccessError where it does not keep to the plan; its answer must be the reference's."""
    symbols, engine = device.image.symbols, device.machine.engine
    words = np.frombuffer(engine.read(symbols["ek_firmware"] + _REGIONS_AT, 16), "<u4").tolist()
    used = [use.used for use in plan.regions]
    bases = [words.pop(0) if n else 0 for n in used]
    replay = ArenaReplay(graph, plan, bases, device.image.locate)
    watched = [(base, n) for base, n in zip(bases, used, strict=True) if n]
    functions = {"ek_agent_mark": MARK, "ek_agent_pull": PULL, "ek_agent_push": PUSH}
    events = {symbols[name] & ~1: event for name, event in functions.items() if name in symbols}
    Tracer(device.machine, watched, events, replay.step)
    answer = device.infer(inputs)
    replay.finish()
    assert answer == host_model.reference_bytes(graph, list(inputs))
    return replay


_HARNESS = r"""
#include "@LIBC@"
#include "@MODEL@"
static const u8 given[] = {@GIVEN@};
u8 taken[@TAKEN@ + 1];
@REGIONS@
NOINLINE void arena_mark(void *user, int layer) { __asm volatile("" ::: "memory"); }
NOINLINE int arena_pull(void *user, int row, int8_t *dst)
{
    for (int i = 0; i < @IN_ROW@; i++) dst[i] = (int8_t)given[row * @IN_ROW@ + i];
    return EK_OK;
}
NOINLINE int arena_push(void *user, int row, const int8_t *src)
{
    for (int i = 0; i < @OUT_ROW@; i++) taken[row * @OUT_ROW@ + i] = (u8)src[i];
    return EK_OK;
}
static u8 *at(const ek_ctx_t *ctx, const ek_tensor_t *t) { return (u8 *)ctx->region[t->region] + t->offset; }
void test(void)
{
#ifdef __ARM_FP
    SCB_CPACR |= 0xFu << 20;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    const ek_ctx_t ctx = {{@BASES@}, arena_pull, arena_push, arena_mark, 0};
    const ek_model_t *model = &@SYMBOL@;
    const u8 *from = given;
    u8 *to = taken;
    for (const ek_tensor_t *t = model->inputs; t < model->inputs + model->n_inputs && !@PULLED@; from += t++->bytes)
        memcpy(at(&ctx, t), from, t->bytes);
    model->invoke(&ctx);
    arena_mark(0, model->n_layers);
    for (const ek_tensor_t *t = model->outputs; t < model->outputs + model->n_outputs && !@PUSHED@; to += t++->bytes)
        memcpy(to, at(&ctx, t), t->bytes);
}
"""


def replay_bare(
    graph: Graph,
    plan: Plan,
    sources: Sources,
    folder: Path,
    inputs: Values,
    core: str = "cortex-m7",
) -> ArenaReplay:
    """Compile a model into a small image for a core, run one inference and replay it; each region lies between guards,
    which are watched as well."""
    fpu = "none" if core == "cortex-m0" else "single"
    model = host_model.write(sources, folder / "model") / sources.units[0]
    elf = bare_metal.compile_image(
        _harness(graph, plan, sources, model, inputs), folder, core=core, fpu=fpu, options=("-O2",)
    )
    image, line = read_image(elf), bare_metal.Line()
    machine = Machine(image, bare_metal.board(core, fpu), line)
    bases = [image.symbols[f"region_{i}"] + GUARD if use.used else 0 for i, use in enumerate(plan.regions)]
    replay = ArenaReplay(graph, plan, bases, image.locate)
    watched = [(b - GUARD, u.used + 2 * GUARD) for b, u in zip(bases, plan.regions, strict=True) if u.used]
    events = {image.symbols[f"arena_{name}"] & ~1: name for name in (MARK, PULL, PUSH)}
    Tracer(machine, watched, events, replay.step)
    try:
        machine.run()
    except Halted as halted:
        assert halted.report.function == "done", str(halted.report)
    replay.finish()
    reference = host_model.reference_bytes(graph, list(inputs))
    assert machine.engine.read(image.symbols["taken"], len(reference)) == reference
    return replay


def _harness(graph: Graph, plan: Plan, sources: Sources, model: Path, inputs: Values) -> str:
    streamed = walk.streamed(plan.schedule)
    given = b"".join(np.ascontiguousarray(value).tobytes() for value in inputs)
    used = [(i, use) for i, use in enumerate(plan.regions) if use.used]

    def row(ident: int) -> int:
        tensor = graph.tensors[ident]
        return tensor.bytes // tensor.hwc[0]

    words = {
        "LIBC": resources.firmware() / "agent" / "ek_libc.c",
        "MODEL": model,
        "GIVEN": ", ".join(map(str, given)),
        "TAKEN": sum(graph.tensors[i].bytes for i in graph.outputs),
        "REGIONS": "\n".join(
            f"__attribute__((aligned({GUARD}))) u8 region_{i}[{use.used + 2 * GUARD}];" for i, use in used
        ),
        "BASES": ", ".join(f"region_{i} + {GUARD}" for i, _ in used),
        "IN_ROW": row(graph.inputs[0]),
        "OUT_ROW": row(graph.outputs[0]),
        "SYMBOL": sources.symbol,
        "PULLED": int(graph.inputs[0] in streamed),
        "PUSHED": int(graph.outputs[0] in streamed),
    }
    text = _HARNESS
    for name, value in words.items():
        text = text.replace(f"@{name}@", str(value))
    return text
