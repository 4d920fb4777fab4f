"""A link that loses, damages, repeats and delays bytes: exact results or an error, never anything else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_device import Damage, FaultyStream
from support.link_agent import FAULT, build_agent, expected, ordered, sample

from edgekit.errors import LinkError
from edgekit.link import DeviceFaultError, Session, process_stream

BAD_LINES = {
    "losing": Damage(drop=0.002),
    "noisy": Damage(flip=0.002),
    "echoing": Damage(duplicate=0.002),
    "chattering": Damage(insert=0.004),
    "cutting": Damage(truncate=0.1),
    "late": Damage(delay=0.2),
    "all at once": Damage(drop=0.0007, flip=0.0007, duplicate=0.0007, insert=0.0007, truncate=0.02, delay=0.02),
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_agent(tmp_path_factory.mktemp("agent") / "agent", "-fsanitize=undefined", "-fno-sanitize-recover=all")


def session_over(agent: Path, damage: Damage, seed: int, timeout: float = 10.0) -> tuple[Session, FaultyStream]:
    stream = FaultyStream(process_stream([agent]), damage, seed)
    return Session(stream, timeout=timeout, infer_timeout=timeout, retry_interval=0.01), stream


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_never_changes_a_result(agent: Path, line: str, seed: int) -> None:
    session, _ = session_over(agent, BAD_LINES[line], seed)
    with session:
        for image in range(3):
            result = session.infer(sample(image))
            assert result.outputs == expected(*sample(image))
            assert [record.layer for record in result.layers] == [0, 1, 2]
            assert session.memory().arena_sizes == (1536, 64)
        assert session.reset().boot_count >= 2
        assert session.infer(sample(9)).outputs == expected(*sample(9))


@pytest.mark.parametrize("seed", range(3))
def test_a_line_too_bad_ends_in_an_error_in_time(agent: Path, seed: int) -> None:
    session, _ = session_over(agent, Damage(flip=0.3), seed, timeout=0.3)
    with session:
        began = time.monotonic()
        with pytest.raises(LinkError, match=r"did not answer HELLO within 0.3 s .*received") as caught:
            session.infer(sample(0))
        assert caught.value.code == "link.timeout"
        assert time.monotonic() - began < 5


def test_frames_shrink_until_they_pass_and_grow_again(agent: Path) -> None:
    session, stream = session_over(agent, Damage(swallow=60), 0)
    with session:
        stream.active = False
        assert session.hello().max_payload == 256
        stream.active = True
        limits: list[int] = []
        result = session.infer(sample(0), on_layer=lambda record: limits.append(session.payload_limit))
        assert result.outputs == expected(*sample(0))
        assert limits == [32, 32, 32]
        stream.active = False
        for image in range(4):
            assert session.infer(sample(image)).outputs == expected(*sample(image))
        assert session.payload_limit == 256


def test_a_fault_gets_through_a_bad_line(agent: Path) -> None:
    for seed in range(4):
        session, _ = session_over(agent, BAD_LINES["all at once"], seed)
        with session:
            with pytest.raises(DeviceFaultError) as caught:
                session.infer(ordered(FAULT))
            assert (caught.value.fault.layer, caught.value.fault.bfar) == (1, 0x10)
            assert session.reset().boot_count >= 2
            assert session.infer(sample(1)).outputs == expected(*sample(1))


@pytest.fixture
def noise() -> Iterator[bytes]:
    yield bytes(range(256)) * 9


def test_stale_bytes_before_the_session(agent: Path, noise: bytes) -> None:
    stream = process_stream([agent])
    other = Session(stream)
    other.hello()
    stream.write(noise)  # half a frame, as a host that was interrupted leaves it
    log: list[bytes] = []
    with Session(stream, log=log.append) as session:
        assert session.infer(sample(0)).outputs == expected(*sample(0))
        assert session.retries == 0
    assert log == []
    # And the other way round: what an earlier host never read.
    stream = process_stream([agent])
    earlier = Session(stream)
    earlier.hello()
    stream.write(b"\0")
    with Session(stream) as session:
        assert session.infer(sample(1)).outputs == expected(*sample(1))


def test_the_earlier_host_learns_that_another_took_over(agent: Path) -> None:
    stream = process_stream([agent])
    with Session(stream) as earlier:
        earlier.infer(sample(0))
        assert Session(stream).infer(sample(1)).outputs == expected(*sample(1))
        with pytest.raises(LinkError, match="no longer knows this session") as caught:
            earlier.memory()
        assert caught.value.code == "link.reset"
        earlier.hello()
        assert earlier.infer(sample(2)).outputs == expected(*sample(2))
