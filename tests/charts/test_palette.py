from hypothesis import given
from hypothesis import strategies as st

from labtui.charts import Series
from labtui.charts.palette import (
    ANSI_256,
    ANSI_NAMES,
    ON_DARK,
    ON_LIGHT,
    Colours,
    by_ident,
    series_slots,
    slots,
)

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


def curves(keys):
    return [Series((), (), key=key) for key in keys]


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=8, unique=True), min_size=2, max_size=8),
    st.lists(st.integers(0, 30), max_size=8, unique=True),
)
def test_who_stays_on_screen_keeps_its_colour_whoever_comes_or_goes(moments, elsewhere):
    """In any order: a best trial comes first. Another chart shows others in between."""
    colours, before = Colours(), {}
    for keys in moments:
        found = colours.of(curves(keys), [before])
        now = dict(zip(keys, found, strict=True))
        assert {key: now[key] for key in now if key in before} == {
            key: slot for key, slot in before.items() if key in now
        }
        assert len(set(found)) == len(keys)
        colours.remember(curves(keys), found)
        other = curves(elsewhere)
        colours.remember(other, colours.of(other))
        before = now


@given(
    st.lists(st.integers(0, 60), min_size=9, max_size=20, unique=True),
    st.lists(st.integers(61, 80), max_size=4, unique=True),
)
def test_of_more_than_there_are_colours_none_changes_when_one_comes_in_front(keys, new):
    before = dict(zip(keys, slots(keys), strict=True))
    found = dict(zip([*new, *keys], slots([*new, *keys], known=[before]), strict=True))
    assert {key: found[key] for key in keys} == before


def test_a_trial_has_its_colour_in_the_next_figure_too():
    colours = Colours()
    first = colours.of(curves([1, 2, 3, 4, 5, 6]))
    colours.remember(curves([1, 2, 3, 4, 5, 6]), first)
    assert colours.of(curves([6, 40, 2])) == (first[5], colours.of(curves([40, 6, 2]))[0], first[1])


def test_a_dimmed_curve_that_becomes_bright_takes_no_colour_from_those_that_are():
    many = [Series((), (), key=key, emphasis=False) for key in range(30)]
    bright = curves(range(100, 107))
    found = series_slots([*many, *bright])
    for place, one in enumerate(many):
        now = [Series((), (), key=one.key), *bright]
        slots_now = series_slots(now, by_ident([*many, *bright], found))
        assert slots_now[1:] == found[len(many) :], place
        assert len(set(slots_now)) == 8


def test_a_newcomer_gets_a_colour_that_nobody_had_then_the_one_shown_longest_ago():
    colours = Colours()
    for keys in ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8]):
        found = colours.of(curves(keys))
        colours.remember(curves(keys), found)
    assert sorted(colours.last.values()) == list(range(len(ON_DARK)))
    (slot,) = colours.of(curves([99]))
    assert slot == colours.last[1]
