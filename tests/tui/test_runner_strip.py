import pytest

from labtui.store.runners import SlotRecord
from labtui.tui.widgets.runner_strip import Running, content


def slot(number, trial="digits/17", **more):
    known = {"device": "cpu", "study": "digits", "step": 340, "max_steps": 1000}
    known |= {"step_time": 0.0012, "utilization": 0.98, "memory": 212_000_000, "updated": ""}
    known |= {"lanes": 1, "pid": 1} | more
    return SlotRecord(slot=number, trial=trial, **known)


def test_a_slot_says_what_it_trains_and_how_far_it_is():
    running = Running(4711, (slot(1), slot(2, None)), ("digits", "next[red]"), 12)
    head, first, second = content(running, 120, 9).plain.splitlines()
    assert head == "● runner 4711 at work  12 trials to come  queue digits → next[red]"
    for shown in ("1 cpu", "digits/17", "━━━━━╌", "340/1000", "1.2 ms/step", "98 %", "212 MB"):
        assert shown in first
    assert "2 cpu  ◌ waiting" in second


@pytest.mark.parametrize("width", [58, 78, 118, 198])
@pytest.mark.parametrize("lines", [3, 5])
def test_it_has_its_width_and_its_lines_and_counts_what_has_no_room(width, lines):
    slots = tuple(slot(n, f"{'long' * 12}/{n}") for n in range(1, 9))
    shown = content(Running(1, slots, ("a" * 300,), 1), width, lines).plain.splitlines()
    assert len(shown) == lines
    assert max(map(len, shown)) <= width
    left = 8 - (lines - 2)
    assert shown[-1] == f"  … {left} more, {left} of them train"
    assert "/1 " in shown[1]


def test_what_is_not_known_is_a_dash():
    bare = slot(1, step=None, max_steps=None, step_time=None, utilization=None, memory=None)
    assert content(Running(1, (bare,), (), 0), 100, 3).plain.count("–") == 4


def test_a_runner_that_waits_says_why():
    running = Running(4711, (), ("digits",), 12, "the disk is full; about 40 kB are missing")
    said = "‖ runner 4711 waits  nothing is lost: the disk is full; about 40 kB are missing"
    assert content(running, 120, 9).plain == said


def test_without_a_runner_it_says_what_starts_one():
    assert "n designs a study" in content(Running(), 78, 3).plain
    waiting = content(Running(None, (), ("digits",), 3), 78, 3).plain
    assert "3 trials to come, R trains the study" in waiting
