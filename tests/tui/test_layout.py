import pytest

from labtui.tui.layout import CHARTS, PANES, visible


@pytest.mark.parametrize(
    ("size", "active", "expected"),
    [
        ((70, 50), "trials", {"trials"}),
        ((80, 24), "trials", {"trials"}),
        ((80, 24), "axis", {"axis"}),
        ((100, 40), "trials", {"trials", "curves"}),
        ((100, 40), "arms", {"trials", "curves", "arms"}),
        ((120, 24), "curves", {"trials", "curves"}),
        ((160, 50), "trials", {"trials", "arms", "verdict", "curves", "axis"}),
        ((160, 50), "roles", {"trials", "arms", "roles", "curves", "axis"}),
        ((160, 24), "roles", {"trials", "curves", "roles"}),
    ],
)
def test_panes_by_the_room_there_is(size, active, expected):
    assert visible(*size, active=active, chart="curves") == expected


@pytest.mark.parametrize("size", [(80, 24), (100, 40), (120, 30), (160, 50), (300, 100)])
@pytest.mark.parametrize("active", PANES)
def test_whatever_has_the_focus_is_on_screen(size, active):
    assert active in visible(*size, active=active, chart=active if active in CHARTS else "axis")


def test_the_zoomed_pane_is_alone():
    assert visible(300, 100, active="arms", chart="axis", zoomed=True) == {"arms"}
