"""profiles/: the cost tables and the published figures say what they claim, and a wrong file is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import statistics
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.bare_metal import run
from support.models import model_path

from edgekit import boards, estimate, resources
from edgekit.config.toml import read
from edgekit.emulate.classes import CLASSES, check_table, classify, cost
from edgekit.errors import ConfigError
from edgekit.profiler.costs import CostTable, cost_table, cycle_table, load
from edgekit.profiler.published import Published, published

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m7")


def table(core: str) -> CostTable:
    found = cost_table(core)
    assert found is not None
    return found


# Cost tables.


@pytest.mark.parametrize("core", CORES)
def test_every_class_has_a_cost_that_says_where_it_is_from(core: str) -> None:
    rows, none = table(core).instruction, table(core).none
    assert set(rows) | set(none) == set(CLASSES) and not set(rows) & set(none)
    assert all(none.values())
    for name, row in rows.items():
        assert row.cycles > 0, name
        assert row.condition and row.error, name
        assert row.source or row.provenance == "assumed", name


def test_every_file_is_a_known_core() -> None:
    assert {path.stem for path in (resources.profiles() / "cpu").iterdir()} == set(CORES)


def test_a_board_gets_its_cores_table() -> None:
    cycles = cycle_table(boards.load("stm32f746"))
    assert cycles is not None
    assert cycles == table("cortex-m7").cycles
    assert (cycles["div"], cycles["load"], cycles["alu"]) == (7, 0.92, 0.62)


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
    assert cost((("load_multiple", 1), ("load_multiple_register", 4)), cycles) == 5
    assert cycles["fpu_div"] == 14
    assert 2 <= rows["div"].cycles <= 12
    assert 2 <= rows["branch_taken"].cycles <= 4


def test_cortex_m3_has_the_makers_figures() -> None:
    """Spot checks against 100165_0201, table 3-1: slower multiplications than a Cortex-M4's, the rest as there."""
    m3, m4 = table("cortex-m3"), table("cortex-m4")
    assert {row.provenance for row in m3.instruction.values()} == {"vendor"}
    assert m3.instruction["mac"].cycles == 2
    differ = {name for name, row in m3.instruction.items() if row.cycles != m4.instruction[name].cycles}
    assert differ == {"mac"}


def test_cortex_m0plus_says_which_figures_are_the_makers() -> None:
    """Spot checks against DDI 0484C, table 3-1; what was not read there is not called the maker's."""
    rows = table("cortex-m0plus").instruction
    assert {name for name, row in rows.items() if row.provenance == "vendor"} == {"alu", "mul", "load"}
    assert (rows["mul"].cycles, rows["load"].cycles) == (1, 2)
    pop_and_return = classify("pop", 3, loads_pc=True)
    assert cost(pop_and_return, table("cortex-m0plus").cycles) == 3 + 3


@pytest.mark.parametrize(
    ("core", "lacks"),
    [
        ("cortex-m0plus", {"mac", "simd", "div", "load_double", "store_double", "exclusive", "fpu_mac"}),
        ("cortex-m3", {"simd", "fpu_mac"}),
        ("cortex-m33", set()),
    ],
)
def test_what_a_core_does_not_have_has_no_cost(core: str, lacks: set[str]) -> None:
    """The emulator's table of instructions says the same: see lacks() of edgekit.emulate.features."""
    none = set(table(core).none)
    assert {name for name in none if not name.startswith("fpu_")} | (none & {"fpu_mac"}) == lacks
    assert all(table(core).cycles[name] is None for name in none)


def test_an_instruction_that_the_core_does_not_have_is_an_error_and_costs_no_zero(tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    source = 'void test(void) { @MLA@ __asm volatile("sdiv r0, r1, r1" ::: "r0"); }'
    cycles = {**table("cortex-m4").cycles, "mac": None}
    assert run(source.replace("@MLA@", ""), tmp_path, cycles=cycles).ended
    mla = '__asm volatile("mla r0, r1, r1, r1" ::: "r0");'
    with pytest.raises(ConfigError, match="has a mac instruction"):
        run(source.replace("@MLA@", mla), tmp_path, cycles=cycles)


def test_code_of_a_cortex_m0_is_weighed_with_its_smaller_table(tmp_path: Path) -> None:
    """Compilers use nothing there that the Cortex-M0+'s table says does not exist."""
    pytest.importorskip("unicorn")
    pytest.importorskip("capstone")
    source = "volatile u32 x, y; void test(void) { x = x * y + x; y = (x >> 3) + (u8)y; }"
    assert run(source, tmp_path, core="cortex-m0", fpu="none", cycles=table("cortex-m0plus").cycles).ended


def test_no_table_lacks_what_every_core_has() -> None:
    with pytest.raises(ConfigError, match="says that a core has no branch_taken"):
        check_table({**table("cortex-m4").cycles, "branch_taken": None})


def test_plans_for_a_core_without_mac_are_estimated_with_its_multiplications() -> None:
    board = boards.load("nucleo-l4r5zi")
    small = dataclasses.replace(board, mcu=dataclasses.replace(board.mcu, core="cortex-m0plus", fpu="none"))
    estimated = estimate.cycles(1_000_000, small)
    assert estimated is not None
    shares = {**estimate.MIX, "mul": estimate.MIX["mac"]}
    del shares["mac"]
    rows = table("cortex-m0plus").instruction
    assert estimated == round(1e6 * sum(share * rows[name].cycles for name, share in shares.items()))


def latency_ratios(rows: tuple[Published, ...], base: str, core: str) -> list[float]:
    """Cycles on `core` / cycles on `base` for each submitter, engine, version and model that has both."""

    def key(row: Published) -> tuple[str | None, ...]:
        s = row.submission
        return (s.publication, s.submitter, s.engine, s.version, row.result.model)

    known: list[tuple[Published, float]] = [(row, row.cycles) for row in rows if row.cycles is not None]
    bases = {key(row): cycles for row, cycles in known if row.submission.core == base}
    return [cycles / bases[key(row)] for row, cycles in known if row.submission.core == core and key(row) in bases]


@pytest.mark.parametrize(("core", "pairs"), [("cortex-m7", 20), ("cortex-m33", 8)])
def test_fits_to_the_published_pairs_can_be_recomputed(core: str, pairs: int) -> None:
    """Every fitted row follows from published.toml."""
    fitted_to, m4 = table(core), table("cortex-m4")
    fit = fitted_to.fit
    assert fit is not None and fit.base == "cortex-m4"
    ratios = latency_ratios(published(), "cortex-m4", core)
    assert len(ratios) == pairs
    assert fit.factor == pytest.approx(statistics.median(ratios), abs=5e-4)
    assert (fit.lowest, fit.highest) == pytest.approx((min(ratios), max(ratios)), abs=5e-4)
    fitted = {name: row for name, row in fitted_to.instruction.items() if row.provenance == "fitted"}
    assert {"alu", "mac", "load", "store", "branch_taken"} <= set(fitted)
    for name, row in fitted.items():
        assert row.cycles == pytest.approx(fit.factor * m4.instruction[name].cycles, abs=0.005), name
    spread = " to ".join(f"{ratio / fit.factor - 1:+.0%}".replace("%", " %") for ratio in (fit.lowest, fit.highest))
    assert spread in fitted_to.error
    assert all(spread in row.error for row in fitted.values())


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
def test_nothing_of_a_core_without_published_timings_is_called_the_makers(core: str) -> None:
    assert "vendor" not in {row.provenance for row in table(core).instruction.values()}


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
    "cost and none": ("[instruction.alu]", '[none]\ndiv = "no"\n[instruction.alu]', "none.div: has a cost, too"),
    "none of an unknown class": ("[instruction.alu]", '[none]\nvec = "no"\n[instruction.alu]', "none.vec: unknown"),
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


@pytest.mark.parametrize(
    ("name", "why", "said"), [("load", "why not", "none.load: every core has it"), ("div", " ", "none.div: is empty")]
)
def test_a_core_lacks_nothing_that_every_core_has_nor_without_saying_why(
    tmp_path: Path, name: str, why: str, said: str
) -> None:
    text = (resources.profiles() / "cpu" / "cortex-m4.toml").read_text()
    row = text[text.index(f"[instruction.{name}]") :]
    path = tmp_path / "cortex-m4.toml"
    none = f'[none]\n{name} = "{why}"\n\n'
    path.write_text(
        text.replace(row[: row.index("\n\n") + 2], "").replace("[instruction.alu]", none + "[instruction.alu]")
    )
    with pytest.raises(ConfigError, match=said):
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
