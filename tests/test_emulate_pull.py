"""What runs inside of ek_agent_pull counts for no layer, on images as small as that of test_emulate_counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_metal import run
from test_emulate_counts import EXPECTED, layers

PULL = r"""
NOINLINE int ek_agent_pull(void *user, int row, signed char *dst)
{
    for (int i = 0; i < 1000; i++) { volatile int waits = i; (void)waits; }
    return 0;
}
"""


@pytest.mark.parametrize("times", [1, 3])
def test_a_layer_goes_on_behind_a_pull(times: int, tmp_path: Path) -> None:
    """The call itself is the layer's."""
    ran = run(PULL + layers("bl ek_agent_pull\\n" * times) + "void test(void) { layers(); layers(); }", tmp_path)
    assert ran.ended, str(ran.fault)
    counted = (EXPECTED[0], EXPECTED[1] + times, EXPECTED[2])
    assert [m.instructions for m in ran.marks] == [counted, counted]
    assert ran.machine.counter.total > 2 * times * 1000 * 4


def test_a_pull_before_the_first_layer(tmp_path: Path) -> None:
    source = PULL + layers("") + "void test(void) { for (int i = 0; i < 2; i++) { ek_agent_pull(0, 0, 0); layers(); } }"
    ran = run(source, tmp_path)
    assert [m.instructions for m in ran.marks] == [EXPECTED, EXPECTED]
