"""The real agent, compiled for this machine, and the host's session with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.link_agent import (
    A_BYTES,
    B_BYTES,
    BUILD_ID,
    CHATTER,
    FAIL,
    FAULT,
    HANG,
    build_agent,
    expected,
    ordered,
    sample,
)

from edgekit.errors import DeviceError, LinkError
from edgekit.link import DeviceFaultError, DType, LayerRecord, Session, process_stream

Connect = Callable[..., Session]


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_agent(tmp_path_factory.mktemp("agent") / "agent")


@pytest.fixture
def connect(agent: Path) -> Iterator[Connect]:
    opened: list[Session] = []

    def open_session(**options: object) -> Session:
        opened.append(Session(process_stream([agent]), **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


def test_hello_says_who_answers(connect: Connect) -> None:
    hello = connect(expected_build_id=BUILD_ID.upper()).hello()
    assert (hello.board, hello.model, hello.build_id) == ("host", "by_hand", BUILD_ID)
    assert (hello.n_layers, hello.n_regions, hello.boot_count) == (3, 2, 1)
    assert (hello.clock_hz, hello.tick_hz, hello.max_payload) == (None, 1_000_000_000, 256)
    a, b = hello.inputs
    assert (a.name, a.bytes, a.dtype, a.shape, a.scale, a.zero_point) == (
        "a", A_BYTES, DType.INT8, (1, 7, 10, 10), 0.5, -3,
    )  # fmt: skip
    assert (b.name, b.bytes, b.shape) == ("b", B_BYTES, (1, B_BYTES))
    assert [(t.name, t.bytes, t.dtype, t.shape) for t in hello.outputs] == [
        ("out", A_BYTES, DType.INT8, (1, A_BYTES)),
        ("sum", 4, DType.INT32, (1,)),
    ]


def test_inferences_one_after_the_other(connect: Connect) -> None:
    session = connect()
    for seed in range(5):
        seen: list[LayerRecord] = []
        result = session.infer(sample(seed), on_layer=seen.append)
        assert result.outputs == expected(*sample(seed))
        assert result.layers == tuple(seen)
        assert [record.layer for record in seen] == [0, 1, 2]
        assert 0 < sum(record.ticks for record in seen) <= result.total_ticks
    assert session.retries == 0
    assert session.payload_limit == 256


def test_memory_marks(connect: Connect) -> None:
    session = connect()
    session.infer(sample(1))
    marks = session.memory()
    assert marks.arena_sizes == (1536, 64)
    assert marks.arena_bytes == (800 + A_BYTES, 36 + 4)  # the outputs are the highest bytes
    assert marks.stack_bytes is None and marks.stack_size is None


def test_reset_restarts_the_firmware(connect: Connect) -> None:
    session = connect()
    assert session.hello().boot_count == 1
    assert session.reset().boot_count == 2
    assert session.infer(sample(2)).outputs == expected(*sample(2))


def test_another_build_is_refused(connect: Connect) -> None:
    session = connect(expected_build_id="ffffffffffffffff")
    with pytest.raises(LinkError, match=f"runs build {BUILD_ID}.*expected is build f{{16}}") as caught:
        session.infer(sample(0))
    assert caught.value.code == "link.build_mismatch"


def test_inputs_of_the_wrong_size_are_refused(connect: Connect) -> None:
    with pytest.raises(LinkError, match=r"\[699, 33\] bytes for model by_hand.*\[700, 33\]") as caught:
        a, b = sample(0)
        connect().infer((a[1:], b))
    assert caught.value.code == "link.input_size"


def test_a_model_that_returns_an_error(connect: Connect) -> None:
    session = connect()
    with pytest.raises(LinkError, match="-42") as caught:
        session.infer(ordered(FAIL))
    assert caught.value.code == "device.model_error"
    assert session.infer(sample(0)).outputs == expected(*sample(0))


def test_a_fault_is_reported_until_reset(connect: Connect) -> None:
    session = connect()
    with pytest.raises(DeviceFaultError, match="in layer 1") as caught:
        session.infer(ordered(FAULT))
    assert caught.value.code == "device.fault"
    assert (caught.value.fault.layer, caught.value.fault.bfar) == (1, 0x10)
    assert caught.value.fault.exception in (signal.SIGSEGV, signal.SIGBUS)
    with pytest.raises(DeviceFaultError):
        session.memory()
    with pytest.raises(DeviceFaultError):
        session.hello()
    assert session.reset().boot_count == 2
    assert session.infer(sample(3)).outputs == expected(*sample(3))


def test_what_the_firmware_prints_goes_to_the_log(connect: Connect) -> None:
    log: list[bytes] = []
    session = connect(log=log.append)
    result = session.infer(ordered(CHATTER))
    assert result.outputs == expected(*ordered(CHATTER))
    assert b"".join(log) == b"hello from the model\n"


def test_an_inference_that_hangs(connect: Connect) -> None:
    session = connect(infer_timeout=0.5)
    session.hello()
    with pytest.raises(LinkError, match=r"did not end within 0\.5 s") as caught:
        session.infer(ordered(HANG))
    assert caught.value.code == "link.timeout"


def test_a_device_that_dies_midway(agent: Path) -> None:
    stream = process_stream([agent])
    with Session(stream) as session:
        session.infer(sample(0))
        os.kill(stream._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        began = time.monotonic()
        with pytest.raises(LinkError, match="died of signal 9") as caught:
            session.infer(sample(1))
        assert caught.value.code == "link.lost"
        assert time.monotonic() - began < 5  # and not when the timeout of 10 s is over


def test_what_a_dying_process_said_is_told() -> None:
    program = "import sys; sys.stdin.buffer.read(1); sys.exit('out of luck')"
    with (
        # Nothing is sent again before the test is over, so that only the read can notice.
        Session(process_stream([sys.executable, "-c", program]), timeout=600, retry_interval=600) as session,
        pytest.raises(LinkError, match="exit code 1, saying: out of luck"),
    ):
        session.hello()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cannot start") as caught:
        process_stream([tmp_path / "absent"])
    assert caught.value.code == "device.process"


def test_the_process_ends_with_the_session(agent: Path) -> None:
    stream = process_stream([agent])
    with Session(stream) as session:
        session.hello()
    assert stream._process.returncode == 0  # type: ignore[attr-defined]
    with pytest.raises(LinkError):
        session.hello()


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    program = build_agent(tmp_path / "agent", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    with Session(process_stream([program])) as session:
        for seed in range(3):
            assert session.infer(sample(seed)).outputs == expected(*sample(seed))
        session.memory()
        assert session.reset().boot_count == 2
        assert session.infer(sample(9)).outputs == expected(*sample(9))


def test_firmware_built_for_smaller_frames_is_obeyed(tmp_path: Path) -> None:
    program = build_agent(tmp_path / "agent", "-DEK_AGENT_MAX_PAYLOAD=128")
    with Session(process_stream([program])) as session:
        assert session.hello().max_payload == 128
        assert session.infer(sample(0)).outputs == expected(*sample(0))
