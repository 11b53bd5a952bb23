"""No screen shows what the test set said (P32); a trial shows its notes and tags."""

from labtui.engine.asking import change_tags
from labtui.engine.client import add_note
from labtui.tui.app import LabApp
from labtui.tui.layout import PANES
from labtui.tui.widgets.textpane import TextPane
from labtui.tui.widgets.trials import TrialTable
from tests.support.hidden import add_test_metrics, is_seen
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, open_study, screen_text, until

NAME = "digits-optimizer"


async def test_no_pane_of_a_study_or_trial_has_it(tmp_path):
    paths = make_lab(tmp_path, points=2)
    add_test_metrics(paths, NAME)
    for number in range(4):
        add_note(paths, f"{NAME}/{number}", "looks \x1bodd")
        change_tags(paths, subject=f"{NAME}/{number}", add=["spike"])
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        for pane in PANES:
            app.screen.action_show(pane)
            await until(pilot, lambda pane=pane: app.screen.active == pane)
            text = screen_text(app)
            assert "error_rate" in text
            assert not is_seen(text.encode())
        app.screen.action_show("trials")
        await until(pilot, lambda: isinstance(app.screen.focused, TrialTable))
        await pilot.press("enter")
        await until(pilot, lambda: "To reproduce it" in told(app))
        said = told(app) + screen_text(app)
        assert not is_seen(said.encode())
        assert "test/loss" not in said
        for shown in ("Notes and tags", "spike", "looks ␛odd"):
            assert shown in said


def told(app):
    """All that its panes of text say, also what is not scrolled to."""
    return " ".join(str(pane._text.content) for pane in app.screen.query(TextPane))
