"""The mutants of `tests.faults.mutants` still fit the program, and their tests are still there."""

from __future__ import annotations

import pytest

from tests.faults.mutants import MUTANTS, ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_replaces_is_there_once(mutant):
    for change in mutant.changes:
        assert change.found(ROOT) == 1, f"{change.file}: {change.old}"
        text = (ROOT / change.file).read_text().replace(change.old, change.new)
        compile(text, change.file, "exec")  # else it is caught for no reason
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"\ndef {name}(" in (ROOT / "tests" / "faults" / file).read_text(), test


def test_mutants_have_names_of_their_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
