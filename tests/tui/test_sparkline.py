import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.tui.lab.sparkline import BLOCKS, Course, sparkline

FINITE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("values", "minimize", "total", "expected"),
    [
        ([4, 3, 2, 1], True, 4, "█▆▃▁"),
        ([1, 2, 3, 4], False, 4, "▁▃▆█"),
        ([4, 9, 9, 1], True, 4, "███▁"),
        ([4, 1], True, 4, "█▁"),
        ([1, 1, 1, 1], True, 4, "▁▁▁▁"),
        ([], True, 4, ""),
    ],
)
def test_the_best_so_far_is_drawn_as_far_as_trials_have_ended(values, minimize, total, expected):
    course = Course().then(values, minimize=minimize)
    assert sparkline(course, total, 4) == expected


@given(FINITE, st.booleans(), st.integers(0, 60), st.integers(1, 20))
def test_it_never_rises_where_lower_is_better_and_never_leaves_its_width(
    values, minimize, more, width
):
    course = Course().then(values, minimize=minimize)
    drawn = sparkline(course, len(values) + more, width)
    assert 1 <= len(drawn) <= width
    levels = [BLOCKS.index(block) for block in drawn]
    assert levels == sorted(levels, reverse=minimize)


@given(FINITE, FINITE, st.booleans())
def test_a_course_may_be_read_in_parts(first, second, minimize):
    whole = Course().then([*first, *second], minimize=minimize)
    assert whole == Course().then(first, minimize=minimize).then(second, minimize=minimize)
    best = min if minimize else max
    assert math.isclose(whole.best(whole.completed), best([*first, *second]))
