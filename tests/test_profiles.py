"""profiles/: the cost tables and the published figures say what they claim, and a wrong file is refused."""

from __future__ import annotations

import hashlib
import statistics
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.models import model_path

from edgekit import boards, resources
from edgekit.config.toml import read
from edgekit.emulate.classes import CLASSES
from edgekit.errors import ConfigError
from edgekit.profiler.costs import CostTable, cost_table, cycle_table, load
from edgekit.profiler.published import Published, published

CORES = ("cortex-m4", "cortex-m7")


def table(core: str) -> CostTable:
    found = cost_table(core)
    assert found is not None
    return found


# Cost tables.


@pytest.mark.parametrize("core", CORES)
def test_every_class_has_a_cost_that_says_where_it_is_from(core: str) -> None:
    rows = table(core).instruction
    assert set(rows) == set(CLASSES)
    for name, row in rows.items():
        assert row.cycles > 0, name
        assert row.condition and row.error, name
        assert row.source or row.provenance == "assumed", name


def test_every_file_is_a_known_core() -> None:
    assert {path.stem for path in (resources.profiles() / "cpu").iterdir()} == set(CORES)


def test_a_board_gets_its_cores_table() -> None:
    cycles = cycle_table(boards.load("stm32f746"))
    assert cycles is not None
    assert cycles["div"] > cycles["load"] > cycles["alu"]


def test_no_table_no_cycles() -> None:
    assert cycle_table(boards.load("host")) is None
    assert cost_table("cortex-m23") is None


def test_cortex_m4_has_the_makers_figures() -> None:
    """Spot checks against DDI 0439D, tables 3-1 and 7-1."""
    rows = table("cortex-m4").instruction
    assert {row.provenance for row in rows.values()} == {"vendor"}
    assert all("DDI 0439D" in row.source for row in rows.values())
    cycles = table("cortex-m4").cycles
    assert cycles["mac"] == cycles["mul"] == cycles["alu"] == 1
    assert 1 <= cycles["load"] <= 2
    assert cycles["load_multiple"] + 4 * cycles["load_multiple_register"] == 5
    assert cycles["fpu_div"] == 14
    assert 2 <= cycles["div"] <= 12
    assert 2 <= cycles["branch_taken"] <= 4


def latency_ratios(rows: tuple[Published, ...], base: str, core: str) -> list[float]:
    """Cycles on `core` / cycles on `base` for each submitter, engine, version and model that has both."""

    def key(row: Published) -> tuple[str | None, ...]:
        s = row.submission
        return (s.publication, s.submitter, s.engine, s.version, row.result.model)

    known: list[tuple[Published, float]] = [(row, row.cycles) for row in rows if row.cycles is not None]
    bases = {key(row): cycles for row, cycles in known if row.submission.core == base}
    return [cycles / bases[key(row)] for row, cycles in known if row.submission.core == core and key(row) in bases]


def test_cortex_m7_is_fitted_to_the_published_pairs() -> None:
    """The fit can be recomputed from published.toml, and every fitted row follows from it."""
    m7, m4 = table("cortex-m7"), table("cortex-m4")
    assert m7.fit is not None and m7.fit.base == "cortex-m4"
    ratios = latency_ratios(published(), "cortex-m4", "cortex-m7")
    assert len(ratios) == 20
    assert m7.fit.factor == pytest.approx(statistics.median(ratios), abs=5e-4)
    assert (m7.fit.lowest, m7.fit.highest) == pytest.approx((min(ratios), max(ratios)), abs=5e-4)
    fitted = {name: row for name, row in m7.instruction.items() if row.provenance == "fitted"}
    assert {"alu", "mac", "load", "store", "branch_taken"} <= set(fitted)
    for name, row in fitted.items():
        assert row.cycles == pytest.approx(m7.fit.factor * m4.instruction[name].cycles, abs=0.005), name
    spread = [f"{ratio / m7.fit.factor - 1:+.0%}".replace("%", " %") for ratio in (m7.fit.lowest, m7.fit.highest)]
    assert " to ".join(spread) in m7.error


def test_nothing_of_cortex_m7_is_called_the_makers() -> None:
    assert "vendor" not in {row.provenance for row in table("cortex-m7").instruction.values()}


def edited(tmp_path: Path, old: str, new: str, name: str = "cpu/cortex-m4.toml") -> Path:
    text = (resources.profiles() / name).read_text()
    assert old in text
    path = tmp_path / Path(name).name
    path.write_text(text.replace(old, new, 1))
    return path


REFUSED_TABLES = {
    "missing class": ("[instruction.mac]", "[instruction.mac_]", "mac_: unknown instruction class"),
    "class twice": ("[instruction.mac]", "[instruction.mul]", "cortex-m4.toml:"),
    "provenance": ('provenance = "vendor"', 'provenance = "measured"', "'measured'"),
    "no source": ('source = "DDI 0439D table 3-1"', 'source = ""', "source: is missing, but the row is vendor"),
    "no error": ('error = "none given"', 'error = " "', "error: is empty"),
    "negative": ("cycles = 7", "cycles = -7", "cycles: is -7"),
    "not a number": ("cycles = 7", "cycles = nan", "cycles: is nan"),
    "text": ("cycles = 7", 'cycles = "7"', "must be float"),
    "other core": ('core = "cortex-m4"', 'core = "cortex-m3"', "core: is 'cortex-m3'"),
    "unknown key": ("condition", "conditions", "conditions: unknown key"),
    "fitted to nothing": ('provenance = "vendor"', 'provenance = "fitted"', "no [fit]"),
    "newer format": ("schema = 1", "schema = 2", "schema: is 2"),
}


@pytest.mark.parametrize(("old", "new", "said"), REFUSED_TABLES.values(), ids=REFUSED_TABLES)
def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = edited(tmp_path, old, new)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert said in caught.value.message
    assert caught.value.message.startswith(f"{path}:")


def test_a_class_left_out_is_named(tmp_path: Path) -> None:
    text = (resources.profiles() / "cpu" / "cortex-m4.toml").read_text()
    start = text.index("[instruction.simd]")
    path = tmp_path / "cortex-m4.toml"
    path.write_text(text[:start] + text[text.index("[instruction.div]") :])
    with pytest.raises(ConfigError, match="lacks simd"):
        load(path)


def test_a_wrong_row_is_reported_at_its_line(tmp_path: Path) -> None:
    path = edited(tmp_path, "cycles = 14", "cycles = -14")
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if text == "cycles = -14")
    with pytest.raises(ConfigError, match=f"cortex-m4.toml:{line}: instruction.fpu_div.cycles"):
        load(path)


# Published figures.


def test_every_published_row_is_complete() -> None:
    rows = published()
    assert len(rows) >= 60
    for row in rows:
        submission, result = row.submission, row.result
        assert submission.publication and submission.engine and submission.mcu and submission.core
        assert submission.repository.count("/") == 1 and len(submission.commit) == 40
        assert result.source and result.latency_ms > 0
        assert len(row.model_sha256) == 64
    assert {"cortex-m4", "cortex-m7", "cortex-m33", "cortex-m85"} <= {row.submission.core for row in rows}
    assert any(row.submission.runnable_here for row in rows)


def test_cycles_follow_from_the_clock() -> None:
    rows = [r for r in published() if r.submission.engine == "HALE" and r.submission.board == "DISCO-F746NG"]
    kws = next(r for r in rows if r.result.model == "mlperf_tiny_kws")
    assert kws.result.latency_ms == pytest.approx(1000 / 52.746, rel=1e-5)
    assert kws.cycles == pytest.approx(216e6 / 52.746, rel=1e-5)


def test_no_cycles_without_a_clock() -> None:
    engines = [r for r in published() if r.submission.engine == "TinyEngine"]
    assert engines and all(r.cycles is None for r in engines)


def hashes() -> Mapping[str, str]:
    models = read(resources.profiles() / "published.toml").data["models"]
    return {str(name): str(digest) for name, digest in models.items()}


@pytest.mark.parametrize("name", sorted(hashes()))
def test_models_are_the_files_of_those_hashes(name: str) -> None:
    assert hashlib.sha256(model_path(name).read_bytes()).hexdigest() == hashes()[name]


REFUSED_FIGURES = {
    "latency is not the throughput's": ("latency_ms = 10.0516", "latency_ms = 10.5", "1000 / per_second is 10.0516"),
    "latency of zero": ("latency_ms = 51", "latency_ms = 0", "latency_ms: is 0"),
    "unknown model": ('model = "mlperf_tiny_ad"', 'model = "mlperf_tiny_sww"', "one of [models]"),
    "hash": ('mlperf_tiny_ad = "87', 'mlperf_tiny_ad = "8', "is not a SHA-256"),
    "commit": ('commit = "d75aef', 'commit = "main', "commit: is 'main"),
    "repository": ('repository = "mlcommons/', 'repository = "', "repository: is"),
    "clock in megahertz": ("clock_hz = 120_000_000", "clock_hz = 120", "clock_hz: is 120"),
    "no engine": ('engine = "HALE"', 'engine = ""', "engine: is empty"),
    "no source": ('source = "README.md"', 'source = ""', "source: is empty"),
    "evidence": ('evidence = "file"', 'evidence = "sure"', "is 'sure'"),
    "row twice": ('model = "mlperf_tiny_ic"', 'model = "mlperf_tiny_ad"', "is here twice"),
    "unknown key": ("per_second =", "per_sec =", "unknown key"),
    "missing key": ("runnable_here = true", "", "runnable_here: missing"),
}


@pytest.mark.parametrize(("old", "new", "said"), REFUSED_FIGURES.values(), ids=REFUSED_FIGURES)
def test_wrong_figures_are_refused_with_their_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = edited(tmp_path, old, new, "published.toml")
    tomllib.loads(path.read_text())
    with pytest.raises(ConfigError) as caught:
        published(path)
    told = f"{caught.value.message} {caught.value.hint}"
    assert said in told
    assert caught.value.message.startswith(f"{path}:")
