"""Each bad input of the catalogue is done, and what is said is compared as a whole."""

from __future__ import annotations

import pytest

from tests.bad_inputs.catalogue import PAGE, all_rows, missing_numbers, page
from tests.bad_inputs.row import BadInput

ROWS = all_rows(slow=False)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.number}: {row.what}"[:70] for row in ROWS])
def test_a_bad_input_is_answered(row, tmp_path):
    assert isinstance(row, BadInput)
    row.check(tmp_path)


def test_every_number_of_the_catalogue_has_a_row():
    assert missing_numbers() == []


def test_the_page_shows_what_is_said():
    assert PAGE.read_text("utf-8") == page(), "run `make bad-inputs`"
