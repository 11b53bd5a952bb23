import runpy
from itertools import pairwise
from pathlib import Path

import pytest

from labtui.tui import actions
from labtui.tui.actions import ACTIONS, CHAINS, at, key_line, reachable
from labtui.tui.guide import TOPICS
from labtui.tui.keys import READING, is_plain
from labtui.tui.layout import PANES
from labtui.tui.widgets.chart import Chart

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("screen", "chain"), [(name, chain) for name, chains in CHAINS.items() for chain in chains]
)
def test_no_key_means_two_things_where_the_focus_can_be(screen, chain):
    taken = {}
    for action in reachable(screen, chain):
        for key in action.key.split(","):
            assert key not in taken, f"{key}: {action.id} and {taken[key]}"
            taken[key] = action.id


def test_every_action_is_documented_and_reachable():
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    places = {place for chains in CHAINS.values() for chain in chains for place in chain}
    for action in ACTIONS:
        assert action.description
        assert len(action.tooltip) > 5
        assert action.where in places
        assert action.group


def test_what_changes_a_lab_names_the_command_that_does_the_same():
    for action in ACTIONS:
        answers = action.id.endswith((".yes", ".no"))  # the question's own action names it
        if action.group not in READING and not answers:
            assert action.twin.startswith("labtui "), action.id


def test_the_charts_own_keys_are_the_registrys():
    own = {(b.id, b.key, b.action) for b in Chart.BINDINGS}
    assert own == {(a.id, a.key, a.call) for a in at("chart")}


def test_every_action_is_on_the_page_of_keys():
    page = (ROOT / "docs" / "keys.md").read_text("utf-8")
    assert page == runpy.run_path(str(ROOT / "docs" / "build.py"))["render_keys"](), (
        "run `make docs`"
    )
    for action in ACTIONS:
        assert f"| `{action.id}` |" in page


@pytest.mark.parametrize(
    "chain", [chain for chains in CHAINS.values() for chain in chains if "app" in chain]
)
def test_the_key_line_has_at_most_eight_keys_and_always_help_and_the_way_out(chain):
    shown = key_line(*chain)
    assert len(shown) <= 8
    assert [a.id for a in shown][-2:] == ["app.help", "app.leave"]
    assert all(left.rank <= right.rank for left, right in pairwise(shown))
    assert sum(len(a.keys.split()[0]) + len(a.description) + 3 for a in shown) <= 80


def test_only_keys_that_every_terminal_sends():
    for action in ACTIONS:
        for key in action.key.split(","):
            assert is_plain(key) or (action.id, key) == ("app.suspend", "ctrl+z"), action.id


@pytest.mark.parametrize(
    "key", ["alt+a", "ctrl+enter", "ctrl+shift+a", "super+a", "ctrl+m", "ctrl+i", "f13", "a_key"]
)
def test_keys_that_some_terminal_does_not_send_are_told_apart(key):
    assert not is_plain(key)


def test_bindings_carry_what_help_shows():
    for binding in actions.bindings("study"):
        assert binding.id
        assert binding.tooltip


@pytest.mark.parametrize(("place", "name"), list(enumerate(PANES, 1)))
def test_every_pane_has_its_number_its_help_and_a_command_that_says_the_same(place, name):
    keys = {action.key: action.call for action in at("study")}
    assert keys[str(place)] == f"show('{name}')"
    assert TOPICS[name].twin.startswith("labtui ")
