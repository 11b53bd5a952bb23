"""The help answers while something is asked or typed, too, and spells procedures out."""

import re
from pathlib import Path

import pytest

import labtui.tui.guide
from labtui.tui.actions import ACTIONS
from labtui.tui.app import LabApp
from labtui.tui.guide import TOPICS
from labtui.tui.guide.procedures import CITED, TITLES, cited
from labtui.tui.screens.ask import AskScreen, is_reason
from labtui.tui.screens.drafted import FileScreen
from labtui.tui.screens.help import HelpScreen, help_lines
from tests.support.labs import make_lab
from tests.tui.driving import SMALL, screen_text, until

GUIDE = Path(labtui.tui.guide.__file__).parent


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=4, name="s")


async def test_help_and_palette_answer_in_questions_and_in_a_line(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "4/4" in screen_text(app) or "8/8" in screen_text(app))
        answers = []
        for screen, key, title in (
            (AskScreen("Stop it?"), "question_mark", "A question"),
            (AskScreen("Why?", value="", check=is_reason), "f1", "A question"),
            (FileScreen("Write it?", "", "study: s"), "question_mark", "The study file"),
        ):
            app.push_screen(screen, answers.append)
            await pilot.pause()
            assert "help" in screen_text(app).splitlines()[-1]
            await pilot.press(key)
            assert isinstance(app.screen, HelpScreen)
            assert title in screen_text(app)
            await pilot.press("q")
            assert app.screen is screen
            if key == "f1":
                await pilot.press("ctrl+p")
                await until(pilot, lambda: app.screen.query("CommandList"))
                await pilot.press("escape")
                await until(pilot, lambda screen=screen: app.screen is screen)
            await pilot.press("escape")
        assert answers in ([], [None] * 3)  # nothing was answered by asking for help
        await pilot.press("slash", "question_mark")
        assert app.screen.focused.value == "?"  # where one types, letters are text
        await pilot.press("f1")
        assert "Filtering the list" in screen_text(app)


def test_every_procedure_that_the_help_cites_has_its_title():
    texts = [one.read_text("utf-8") for one in GUIDE.glob("*.py")]
    numbers = {f"P{found}" for text in texts for found in CITED.findall(text)}
    assert numbers <= set(TITLES)
    assert len(numbers) > 20
    for topic in TOPICS.values():
        said = f"{topic.title} {topic.shows} {topic.conclude}"
        shown = "\n".join(line.text for line in help_lines(topic, []))
        for number, title in cited(said):
            assert re.search(rf"^{number}  {title}$", shown, re.MULTILINE)
    (scientific,) = (one for one in ACTIONS if one.id == "draft-row.scientific")
    shown = [line.text for line in help_lines(TOPICS["columns"], [scientific])]
    assert "P06  Roles" in shown  # of what a key does, too
