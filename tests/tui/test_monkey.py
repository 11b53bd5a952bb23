"""Random keys, clicks and sizes on the real app while its lab is written: nothing breaks.

``LABTUI_MONKEY`` is the number of deeds a seed, ``LABTUI_MONKEYS`` the number of seeds.
"""

import os
from collections import deque

import pytest

from labtui.tour import open_tour
from tests.support.monsters import monster_lab
from tests.tui.monkey import let_loose

DEEDS = int(os.environ.get("LABTUI_MONKEY", "36"))
SEEDS = range(int(os.environ.get("LABTUI_MONKEYS", "1")))
LABS = {"tour": lambda folder: open_tour(folder / "lab.db"), "monsters": monster_lab}


@pytest.mark.timeout(120 + 3 * DEEDS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lab", LABS)
async def test_a_monkey_breaks_nothing(lab, seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # exports and files of studies go there
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    history: deque[str] = deque(maxlen=30)
    try:
        await let_loose(LABS[lab](tmp_path), seed, DEEDS, history)
    except BaseException as error:
        error.add_note(f"seed {seed}, the last of its deeds: {' | '.join(history)}")
        raise
