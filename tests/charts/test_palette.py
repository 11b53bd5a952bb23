from hypothesis import given
from hypothesis import strategies as st

from labtui.charts import Series
from labtui.charts.palette import ANSI_256, ANSI_NAMES, ON_DARK, ON_LIGHT, series_slots, slots

idents = st.lists(st.text(max_size=4) | st.integers(), max_size=12)


def test_all_palettes_have_the_same_places():
    assert len(ON_DARK) == len(ON_LIGHT) == len(ANSI_256) == len(ANSI_NAMES)


@given(idents)
def test_shown_series_differ_while_there_are_colours(names):
    given_slots = dict(zip(names, slots(names), strict=True))
    assert all(0 <= slot < len(ON_DARK) for slot in given_slots.values())
    assert len(set(given_slots.values())) >= min(len(given_slots), len(ON_DARK))


@given(idents, st.text(max_size=4))
def test_a_new_series_changes_no_earlier_colour(names, new):
    assert slots([*names, new])[: len(names)] == slots(names)


def test_bright_curves_have_colours_of_their_own_among_many_dimmed_ones():
    dimmed = [Series((), (), key=key, emphasis=False) for key in range(24)]
    bright = [Series((), (), key=100 + key) for key in range(len(ON_DARK))]
    found = series_slots([*dimmed, *bright])[len(dimmed) :]
    assert len(set(found)) == len(bright)
