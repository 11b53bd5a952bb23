import pytest

from labtui.tui.layout import PANES, visible


@pytest.mark.parametrize(
    ("size", "active", "expected"),
    [
        ((70, 50), "trials", {"trials"}),
        ((80, 24), "trials", {"trials"}),
        ((80, 24), "axis", {"axis"}),
        ((100, 40), "trials", {"trials", "curves"}),
        ((100, 40), "arms", {"trials", "curves", "arms"}),
        ((120, 24), "curves", {"trials", "curves"}),
        ((160, 50), "trials", set(PANES)),
        ((160, 24), "roles", {"trials", "curves", "roles"}),
    ],
)
def test_panes_by_the_room_there_is(size, active, expected):
    assert visible(*size, active=active, chart="curves") == expected


def test_the_zoomed_pane_is_alone():
    assert visible(300, 100, active="arms", chart="axis", zoomed=True) == {"arms"}
