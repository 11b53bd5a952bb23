"""What a key costs over a slow link, in bytes that the program sends to its terminal."""

import time

from tests.e2e.terminal import Terminal
from tests.support.engine import wait_until
from tests.support.labs import make_lab

SPEED = 2000
"""Bytes a second of a bad link: a GPRS phone, or ssh through a crowded cell."""

MOVE = 1000
"""Bytes of a step of a cursor: half a second at `SPEED`, after which a person presses again. Two
rows of a table take 400; painting the whole table took 8,100."""

TOLD = 2500
"""Bytes of a step in the list of studies: also six rows about the study under the cursor, 1,900."""

VIEW = 20_000
"""Bytes of another view, which replaces the screen: ten seconds at `SPEED`, once in a while. A
frame of 80x24 cells with charts in 24-bit colours takes 7,000 to 12,000, and a view that first says
that it reads is painted twice."""

QUIET = 0.4
"""Seconds without output after which a key has been answered: screens look at the lab four times
a second."""


def cost(screen, keys, times=2):
    """Press keys, and give the fewest bytes that one had sent: others come with verdicts."""
    spent = []
    for key in keys * times:
        at = len(screen.output)
        screen.press(key)
        wait_until(lambda at=at: len(screen.output) > at)
        settle(screen)
        spent.append(len(screen.output) - at)
    return min(spent)


def settle(screen):
    """Wait until nothing has come for a while."""
    seen, since = len(screen.output), time.monotonic()
    while time.monotonic() - since < QUIET:
        time.sleep(0.05)
        if len(screen.output) != seen:
            seen, since = len(screen.output), time.monotonic()


def test_a_key_sends_no_more_than_a_slow_link_carries(tmp_path):
    for number in range(3):
        make_lab(tmp_path, name=f"study-{number}", points=5)
    with_colours = {"COLORTERM": "truecolor"}  # the longest codes there are
    screen = Terminal(cwd=tmp_path, columns=80, lines=24, environment=with_colours)
    found = {}
    try:
        wait_until(lambda: b"study-2" in screen.output)
        settle(screen)
        found["a step in the list of studies"] = cost(screen, [b"j", b"k"]), TOLD
        found["another list"] = cost(screen, [b"2", b"1"], 1), VIEW
        screen.press(b"\r")
        wait_until(lambda: b"verdict" in screen.output)
        settle(screen)
        found["another pane"] = cost(screen, [b"3", b"2"], 1), VIEW
        found["a step in the table of trials"] = cost(screen, [b"j", b"j", b"k"], 1), MOVE
        screen.press(b"qq")
        assert screen.wait() == 0
    finally:
        screen.process.kill()
    for what, (spent, _) in found.items():
        print(f"{what}: {spent:,} bytes, {spent / SPEED:.1f} s at {SPEED:,} a second")
    assert [what for what, (spent, allowed) in found.items() if spent > allowed] == []
