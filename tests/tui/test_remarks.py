"""The experiment log, and writing notes and tags, on the screen."""

import shlex
import sys

import pytest

from labtui.engine.asking import change_tags
from labtui.engine.client import add_note
from labtui.store.errors import NotALab
from labtui.store.lab import Lab
from labtui.tui.app import LabApp
from labtui.tui.editing import write_in_editor
from labtui.tui.lab.journal import Facts, Journal, moments
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.remarks import are_tags, is_note, words
from labtui.tui.screens.trial import TrialScreen
from labtui.tui.screens.workload import WorkloadScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.exports import logged
from labtui.verdicts.remarks import Subject
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, open_study, running, screen_text, until

STUDY = "digits-optimizer"


@pytest.fixture
def paths(tmp_path):
    return make_lab(tmp_path, points=3)


def noted(paths):
    with Lab(paths) as lab:
        return [(one.subject, one.text) for one in lab.all_notes()]


def tags(paths):
    with Lab(paths) as lab:
        return lab.tags()


def told(app):
    """The log, or the text of another screen, without its line breaks."""
    return " ".join(" ".join(str(p._text.content) for p in app.screen.query(TextPane)).split())


async def in_lab(pilot, app):
    await until(pilot, lambda: STUDY in screen_text(app) and app.screen.focused is not None)


async def answer(pilot, app, text):
    await until(pilot, lambda: isinstance(app.screen, AskScreen))
    app.screen.query_one("#answer").value = text
    await pilot.press("enter")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_log_shows_rows_at_once_and_the_verdicts_of_labtui_log(paths, size):
    add_note(paths, STUDY, "the one for the paper")
    add_note(paths, f"{STUDY}/2", "it [red]spikes")
    change_tags(paths, subject=STUDY, add=["paper"])
    make_lab(paths.db.parent, name="later", points=2)
    with Lab(paths) as lab:
        (expected,) = logged(lab, [lab.study(STUDY)])
    app = LabApp(paths)
    async with app.run_test(size=size) as pilot:
        await in_lab(pilot, app)
        await pilot.press("3")
        await until(pilot, lambda: app.screen.pane == "log" and app.screen.clerk.journal.rows)
        at_once = told(app)
        await until(pilot, lambda: "judging" not in screen_text(app) + told(app))
        text = told(app)
        assert text.index("later") < text.index(STUDY)
        for shown in (
            "the one for the paper; #2: it [red]spikes",
            "tags paper",
            expected.verdict,
            " ".join(expected.answer.split()),
            f"best {expected.study.best_value:.4g}",
            "6 trials",
        ):
            assert shown in text
        widest = max(len(line.rstrip()) for line in screen_text(app).splitlines())
        assert widest <= size[0]
        await pilot.press("G")
        await until(pilot, lambda: "= labtui log" in screen_text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "The experiment log (P45)" in screen_text(app))
        await pilot.press("q", "escape")
        assert app.screen.pane == "studies"
    assert at_once.index("later") < at_once.index("it [red]spikes")


async def test_the_log_follows_the_lab_and_goes_on_after_an_error(paths, monkeypatch):
    app = LabApp(paths)
    with running(paths.db.parent) as run:
        async with app.run_test(size=SMALL) as pilot:
            await in_lab(pilot, app)
            await pilot.press("3")
            await until(pilot, lambda: "judging" not in screen_text(app) and "live" in told(app))
            assert "live ● running" in told(app)
            assert "best" not in told(app).partition(STUDY)[0]
            run.start(0, 0.25)
            run.end(0)
            await until(pilot, lambda: "best 0.25, 10 trials" in told(app))
            read, failing = Journal.read, [NotALab("it is busy")]

            def fail_once(journal, moments):
                if failing:
                    raise failing.pop()
                read(journal, moments)

            monkeypatch.setattr(Journal, "read", fail_once)
            run.start(1, 0.125)
            run.end(1)
            await until(pilot, lambda: "it is busy" in screen_text(app))
            await until(pilot, lambda: "best 0.125, 10 trials" in told(app))
            await until(pilot, lambda: "best 0.125, 10 trials" in screen_text(app))


def test_only_what_changed_is_read_and_judged_again(paths):
    make_lab(paths.db.parent, name="other", points=2)
    with Lab(paths) as lab:
        before = moments(Facts.read(lab))
    journal = Journal(paths)
    journal.read(before)
    assert journal.due(before) == ["other", STUDY]
    for name in journal.due(before):
        journal.judge(name, before[name])
    verdict = journal.rows[STUDY]["verdict"]
    assert verdict
    assert not journal.due(before)
    add_note(paths, STUDY, "a note")
    with Lab(paths) as lab:
        later = moments(Facts.read(lab))
    assert later["other"] == before["other"]
    assert later[STUDY] != before[STUDY]
    kept = journal.rows["other"]
    journal.read(later)
    assert not journal.due(later)
    assert (journal.rows[STUDY]["notes"], journal.rows[STUDY]["verdict"]) == ("a note", verdict)
    assert journal.rows["other"] is kept


async def test_a_note_is_written_on_what_is_under_the_cursor_or_shown(paths, monkeypatch):
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    app = LabApp(paths)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await in_lab(pilot, app)
        await pilot.press("N")
        await until(pilot, lambda: f"A note on the study {STUDY}" in screen_text(app))
        await pilot.press("enter")
        assert "neither $VISUAL nor $EDITOR" in screen_text(app)
        await answer(pilot, app, "good")
        await until(pilot, lambda: f"noted on {STUDY}" in screen_text(app))
        await pilot.press("N", "x", "escape")
        assert not isinstance(app.screen, AskScreen)
        app.screen._noted(Subject("no-such", "study"), "text")
        await until(pilot, lambda: "not stored: " in screen_text(app))
        await pilot.press("enter")
        await open_study(pilot, app)
        await until(pilot, lambda: app.screen.focused is not None)
        trial = app.screen.query_one("#trials-table", Table).current.name
        await pilot.press("N")
        await answer(pilot, app, "a trial")
        await until(pilot, lambda: f"noted on {trial}" in screen_text(app))
        await pilot.press("8", "N")
        await until(pilot, lambda: f"the study {STUDY}" in screen_text(app))
        await pilot.press("escape", "2", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        await until(pilot, lambda: app.screen.focused is not None)
        await until(pilot, lambda: "a trial" in told(app))
        await pilot.press("N")
        await answer(pilot, app, "it is")
        await until(pilot, lambda: "it is" in told(app))
    assert noted(paths) == [(STUDY, "good"), (trial, "a trial"), (trial, "it is")]


async def test_tags_are_given_and_taken_away_in_one_line(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await in_lab(pilot, app)
        await pilot.press("t")
        await answer(pilot, app, "paper #slow")
        await until(pilot, lambda: "#paper #slow" in screen_text(app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        assert app.screen.query_one("#answer").value == "paper slow"
        await answer(pilot, app, "slow")
        await until(pilot, lambda: "#paper" not in screen_text(app))
        assert tags(paths) == {STUDY: ["slow"]}
        await pilot.press("w")
        await until(
            pilot, lambda: isinstance(app.screen, WorkloadScreen) and "objective" in told(app)
        )
        await pilot.press("t")
        await answer(pilot, app, "x" * 61)
        assert "at most 60 characters" in " ".join(screen_text(app).split())
        await answer(pilot, app, "mine")
        await until(pilot, lambda: "tags mine" in told(app))
    assert tags(paths) == {STUDY: ["slow"], "workload:digits-mlp": ["mine"]}


def test_a_note_is_written_in_the_editor_by_the_command(paths, tmp_path, monkeypatch):
    script = tmp_path / "an editor.py"
    script.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text() + 'two\\nlines')\n"
    )
    monkeypatch.setenv("VISUAL", shlex.join([sys.executable, str(script)]))
    done = write_in_editor(paths, Subject(f"{STUDY}/1", "trial"))
    assert done == (True, f"noted on {STUDY}/1")
    assert noted(paths) == [(f"{STUDY}/1", "two\nlines")]
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    done, said = write_in_editor(paths, Subject("digits-mlp", "workload"))
    assert not done
    assert "does not start" in said


def test_what_is_typed_as_tags(monkeypatch):
    assert words(" #paper, slow paper ") == ["paper", "slow"]
    assert words("#odd new", ["#odd"]) == ["#odd", "new"]
    assert not are_tags("paper slow")
    assert "expected a word" in are_tags("#")
    monkeypatch.setenv("EDITOR", "vi")
    assert not is_note("")
