import pytest

from labtui.tui.layout import CHARTS, PANES, visible


@pytest.mark.parametrize(
    ("size", "active", "expected"),
    [
        ((70, 50), "trials", {"trials"}),
        ((80, 24), "verdict", {"verdict"}),
        ((80, 24), "axes", {"axes"}),
        ((100, 40), "trials", {"trials", "curves"}),
        ((100, 40), "verdict", {"verdict", "curves"}),
        ((120, 24), "curves", {"verdict", "curves"}),
        ((160, 50), "verdict", {"trials", "verdict", "curves", "axes"}),
        ((160, 50), "design", {"design", "verdict", "curves", "axes"}),
        ((160, 50), "budget", {"trials", "verdict", "curves", "budget"}),
        ((160, 24), "design", {"curves", "design"}),
    ],
)
def test_panes_by_the_room_there_is(size, active, expected):
    assert shown(size, active) == expected


@pytest.mark.parametrize("size", [(80, 24), (100, 40), (120, 30), (160, 50), (300, 100)])
@pytest.mark.parametrize("active", PANES)
def test_whatever_has_the_focus_is_on_screen(size, active):
    assert active in shown(size, active)


def shown(size, active):
    words, chart = ("verdict", active) if active in CHARTS else (active, "curves")
    return visible(*size, active=active, words=words, chart=chart)


def test_the_zoomed_pane_is_alone():
    found = visible(300, 100, active="design", words="design", chart="axes", zoomed=True)
    assert found == {"design"}
