"""A full run that did too little, or counted a loss, is not a good one."""

from tests.faults.kit import AT_LEAST, shortfall

GOOD = {**AT_LEAST, "lost": 0, "orphans": 0}


def test_a_run_that_did_too_little_fell_short():
    assert shortfall(GOOD, skipped=False) == []
    assert shortfall({**GOOD, "kills": 199}, skipped=True) == ["199 kills; expected at least 200"]
    without_strace = {name: n for name, n in GOOD.items() if name != "power cuts"}
    assert shortfall(without_strace, skipped=True) == []
    assert shortfall(without_strace, skipped=False) == ["0 power cuts; expected at least 1000"]


def test_what_was_lost_is_told():
    assert shortfall({**GOOD, "lost": 1}, skipped=False) == ["1 lost; expected none"]
