"""Looking for something: words of notes and workloads in the lists, anything in a text."""

import pytest

from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.screens.help import HelpScreen
from labtui.tui.widgets.finding import Finder
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.remarks import Subject, store_note
from tests.support.labs import make_lab
from tests.tui.driving import SMALL, add_bare_study, screen_text, until


async def test_one_key_filters_the_lists_and_looks_through_the_log(tmp_path):
    for name in ("first", "second", "third"):
        make_lab(tmp_path, name=name, points=2)
    paths = LabPaths(tmp_path / "lab.db")
    add_bare_study(paths, "bare", "Is there anything?")
    store_note(paths, Subject("second/1", "trial"), "the fan was Loud")
    store_note(paths, Subject("bare", "workload"), "borrowed from the zoo")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "third" in screen_text(app))
        screen = app.screen
        await pilot.press("slash", *"loud", "enter")  # a note on one of its trials
        await until(pilot, lambda: [row.name for row in screen.studies.rows] == ["second"])

        await pilot.press("2")  # its own filter is kept for the way back
        await until(pilot, lambda: len(screen.workloads.rows) == 2)
        assert "/ filter" in screen_text(app).splitlines()[-1]
        assert not screen.line.has_class("-open")
        await pilot.press("slash", *"zoo", "enter")
        await until(pilot, lambda: [row.name for row in screen.workloads.rows] == ["bare"])
        assert "2 workloads 1 kept" in screen_text(app)
        await pilot.press("slash", *"x")
        await until(pilot, lambda: "No workload passes the filter" in screen_text(app))
        await pilot.press("space", *"colour:red")
        await until(pilot, lambda: "no field 'colour'; there are workload" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.workloads.rows) == 2)
        assert screen.pane == "workloads"

        await pilot.press("3")
        await until(pilot, lambda: "Loud" in shown(screen.query_one("#log")))
        await until(pilot, lambda: screen.clerk.waiting == 0)
        log = screen.query_one("#log", TextPane)
        assert "/ find" in screen_text(app).splitlines()[-1]
        await pilot.press("slash", *"digits-mlp", "enter")
        await until(pilot, lambda: "match 1 of 3" in screen_text(app))
        assert "n next" in screen_text(app).splitlines()[-1]
        seen = []
        for _ in range(3):
            seen.append(log._finder.row)
            await pilot.press("n")
        assert len(set(seen)) == 3
        assert "match 1 of 3" in screen_text(app)  # round and round
        await pilot.press("N")
        await until(pilot, lambda: "match 3 of 3" in screen_text(app))
        assert all("digits-mlp" in shown(log).split("\n")[row] for row in seen)
        assert seen[2] - log.scroll_y in range(log.size.height - 1)  # it was scrolled to
        await pilot.press("escape")
        assert "match" not in screen_text(app)
        assert screen.focused is log
        assert screen.pane == "log"
        await pilot.press("n")  # without anything to find, a study is designed as ever
        await until(pilot, lambda: app.screen is not screen)
        await pilot.press("q")
        await until(pilot, lambda: app.screen is screen)

        await pilot.press("question_mark")  # a text that covers others
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("slash", *"nothing like this")
        await until(pilot, lambda: "not found" in screen_text(app))
        await pilot.press("escape")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("1")
        await until(pilot, lambda: [row.name for row in screen.studies.rows] == ["second"])
        assert screen.line.value == "loud"


def shown(pane):
    return pane._plain()


@pytest.mark.parametrize(
    ("wanted", "text", "found"),
    [
        ("loss", "Loss and LOSS, glossy", ["Loss", "LOSS", "loss"]),
        ("Loss", "Loss and LOSS, glossy", ["Loss"]),
        ("is not", "it is\n      not what is  not", ["is\n      not", "is  not"]),
        ("1.5 (", "1.5 (a) 1x5 (", ["1.5 ("]),
        ("straße", "STRASSE Straße", ["Straße"]),
        (" ", "a b", []),
    ],
)
def test_what_is_found_in_a_text(wanted, text, found):
    finder = Finder()
    finder.look_for(wanted)
    assert [text[start:end] for start, end in finder.spans(text)] == found
