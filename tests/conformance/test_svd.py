"""Registers as the ports and the emulated peripherals use them, against the vendors' CMSIS-SVD files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conformance import svd, svd_chips
from conformance.svd import ConstantClaim, FieldClaim, NamedClaim, RegisterClaim
from conformance.svd_chips import CHIPS, PORTS, Chip
from conformance.svd_claims import Unclassified, blocks_of, header_claims, modules_of
from conformance.svd_file import load
from edgekit import boards
from edgekit.emulate import peripherals

NO_REGISTERS = {"__init__", "base", "stm32_clocks"}

SMALL = """<device><name>SMALL</name><peripherals>
<peripheral><name>RCC</name><baseAddress>0x40001000</baseAddress><registers>
<register><name>CR</name><addressOffset>0x0</addressOffset><resetValue>0x83</resetValue><fields>
<field><name>HSION</name><bitOffset>0</bitOffset><bitWidth>1</bitWidth></field>
<field><name>HSIRDY</name><bitOffset>1</bitOffset><bitWidth>1</bitWidth><access>read-only</access></field>
<field><name>SW1</name><bitRange>[5:5]</bitRange></field><field><name>SW0</name><lsb>4</lsb><msb>4</msb></field>
</fields></register>
<register><dim>2</dim><dimIncrement>4</dimIncrement><name>ENR%s</name><addressOffset>0x10</addressOffset></register>
</registers></peripheral>
<peripheral derivedFrom="RCC"><name>RCC2</name><baseAddress>0x40002000</baseAddress></peripheral>
</peripherals></device>"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> svd.Device:
    path = tmp_path_factory.mktemp("svd") / "small.svd"
    path.write_text(SMALL)
    return load(path)


def differences(device: svd.Device, *claims: svd.Claim) -> list[str]:
    return [d.what for d in svd.compare(claims, device, (), {}, {}).differences]


def test_registers_are_found_through_derivation_and_in_arrays(small: svd.Device) -> None:
    assert [r.full_name for r in small.registers[0x40002014]] == ["RCC2_ENR1"]
    assert small.registers[0x40002000][0].mask_of("SW") == 0x30


RIGHT = (
    RegisterClaim("t", "RCC_CR", 0x40001000, 0x83, 0x31),
    NamedClaim("t", "RCC_CR_HSION", 0x40001000, "HSION", 1),
    NamedClaim("t", "RCC_CR_SW", 0x40001000, "SW", 0x30),
    NamedClaim("t", "RCC_CR_SW_Pos", 0x40001000, "SW_Pos", 4),
    NamedClaim("t", "RCC_CR_SW_PLL", 0x40001000, "SW_PLL", 0x20),
    FieldClaim("t", "both", 0x40001000, ("HSION", "HSIRDY"), 3),
    ConstantClaim("t", "HSIRDY", (0x40001000, 0x40001010), 2),
    svd.BaseClaim("t", "RCC2", 0x40002000),
)
WRONG = (
    replace(RIGHT[0], address=0x40001010),
    replace(RIGHT[0], name="RCC_CFGR"),
    replace(RIGHT[0], reset=0x81),
    replace(RIGHT[0], writable=0x33),  # a read-only field
    replace(RIGHT[0], writable=0x80),  # no field
    replace(RIGHT[1], value=2),
    replace(RIGHT[1], suffix="HSEON"),
    replace(RIGHT[2], value=0x10),
    replace(RIGHT[3], value=5),
    replace(RIGHT[4], value=0x40),
    replace(RIGHT[5], mask=1),
    replace(RIGHT[5], fields=("HSION", "HSEON")),
    replace(RIGHT[6], mask=1),
    replace(RIGHT[7], address=0x40001000),
)


@pytest.mark.parametrize("claim", RIGHT, ids=lambda c: f"{type(c).__name__}-{c.name}")
def test_a_right_claim_passes(small: svd.Device, claim: svd.Claim) -> None:
    assert differences(small, claim) == []


@pytest.mark.parametrize("claim", WRONG, ids=lambda c: f"{type(c).__name__}-{c.name}")
def test_a_wrong_claim_is_a_difference(small: svd.Device, claim: svd.Claim) -> None:
    assert differences(small, claim) != []


def test_a_register_that_no_file_has_is_reported_as_absent(small: svd.Device) -> None:
    assert list(svd.compare([replace(RIGHT[0], address=0x40009000)], small, (), {}, {}).absent) == ["RCC_CR"]


def test_an_explanation_covers_its_values_alone_and_goes_stale(small: svd.Device) -> None:
    wrong = replace(RIGHT[0], reset=0x81)
    known = {svd.Difference("RCC_CR reset", "0x81", "0x83"): "because"}
    assert svd.compare([wrong], small, (), {}, known).differences == []
    assert len(svd.compare([RIGHT[0]], small, (), {}, known).differences) == 1
    assert len(svd.compare([replace(wrong, reset=0x82)], small, (), {}, known).differences) == 2


def test_a_macro_that_is_named_after_no_register_is_refused(tmp_path: Path) -> None:
    header = tmp_path / "x_registers.h"
    header.write_text("#define RCC_CR EK_REGISTER(0x40001000u)\n#define RCC_CFGR_SW (3u << 0)\n")
    with pytest.raises(Unclassified, match="RCC_CFGR_SW"):
        list(header_claims(header, (), ""))


def test_every_registers_header_and_every_model_is_in_the_table() -> None:
    headers = {str(p.relative_to(PORTS)) for p in PORTS.glob("*/*_registers.h")}
    assert headers == {chip.header for chip in CHIPS.values()}
    emulated = [boards.load(chip.board) for chip in CHIPS.values()]
    modules = {name for board in emulated for name in modules_of(board, blocks_of(board))}
    package = Path(peripherals.__file__).parent
    assert modules | NO_REGISTERS >= {p.stem for p in package.glob("*.py")}


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
def test_all_that_port_and_models_say_can_be_compared(chip: Chip) -> None:
    assert len(svd_chips.claims_of(chip)) > 300


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
def test_port_and_models_agree_with_the_vendors_file(chip: Chip, capsys: pytest.CaptureFixture[str]) -> None:
    root = svd.root()
    if root is None:
        pytest.skip(f"{svd.VARIABLE} does not name a copy of the cmsis-svd-data collection")
    missing = [f for f in (chip.file, *chip.core) if not (root / f).is_file()]
    if missing:
        pytest.skip(f"{root} lacks {', '.join(missing)}")
    report = svd_chips.report_of(chip, root)
    with capsys.disabled():
        print(f"\n{chip.file}: {report.lines()[0]}")
    assert not report.differences, "\n".join(report.lines())
    assert svd_chips.unexpected(chip, report) == []
