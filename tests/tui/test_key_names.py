"""Texts name the keys that a person chose, not those that labtui comes with."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from textual._context import active_app

import labtui.tui
from labtui.store.paths import LabPaths
from labtui.tour.tasks import TASKS
from labtui.tui.acting import Act
from labtui.tui.actions import ACTIONS, NAMED, key_of, with_keys
from labtui.tui.app import LabApp
from labtui.tui.guide import TOPICS
from labtui.tui.screens.help import help_lines
from labtui.tui.settings import Settings
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.runner_strip import Running, content

SCREENS = Path(labtui.tui.__file__).parent
LITERAL = re.compile(
    r"(?<![\w{'`$=/\[.*-])"
    r"(?:[b-hj-zB-HJ-Z/⏎]|enter|esc|escape|tab|(?<!search )space(?! between|,)|ctrl\+\w|F\d)"
    r"(?![\w}'=/:-])",
    re.IGNORECASE,
)
"""A key in a text: a letter that stands alone (not a, I and i, which are words and a sign), or a
name. What stands in code, after a sign or in an option is none."""

NO_KEY = {
    "drafts/lines.py": {"x"},  # log of 1 - x
    "guide/study.py": {"k"},  # best of k
    "guide/widgets.py": {"x", "y"},  # the axes
}
HAVE_KEYS = {"keys.py", "keymap.py", "settings.py"}
"""What spells keys."""


@cache
def texts(path):
    """Give the texts of a module that a person may read, with their lines."""
    return list(_texts(path))


def _texts(path):
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for call in ast.walk(tree):
        if isinstance(call, ast.keyword) and call.arg in ("shown", "twin"):
            skipped.add(id(call.value))
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            said = " " in one.value and not one.value.startswith(("labtui ", " --"))
            if id(one) not in skipped and said:
                yield one.lineno, one.value


def modules():
    return [one for one in sorted(SCREENS.rglob("*.py")) if one.name not in HAVE_KEYS]


def test_no_text_names_a_key_that_may_be_another():
    found = [
        f"{path.relative_to(SCREENS)}:{line}: {key} in {text[:80]!r}"
        for path in modules()
        for line, text in texts(path)
        for key in LITERAL.findall(text)
        if key.lower() not in NO_KEY.get(str(path.relative_to(SCREENS)), set())
    ]
    assert not found, "write {an action's id}, and pass the text to with_keys"


@pytest.mark.parametrize("text", ["press Enter", "o overrules", "esc goes back · q quits", "n p"])
def test_such_a_key_would_be_seen(text):
    assert LITERAL.search(text)


def test_every_action_that_a_text_names_is_there():
    known = {action.id for action in ACTIONS}
    named = {name for path in modules() for _, text in texts(path) for name in NAMED.findall(text)}
    named |= {name for task in TASKS for name in NAMED.findall(task.how)}
    assert named <= known
    assert {"launch.train", "app.leave", "study.answer", "chart.follow", "lab.new"} <= named


@pytest.fixture
def rebound(tmp_path):
    """Give every action a key that no other has, and make that app the one that runs."""
    keymap = {action.id: f"f{number}" for number, action in enumerate(ACTIONS, 100)}
    token = active_app.set(LabApp(LabPaths(tmp_path / "lab.db"), settings=Settings(keymap=keymap)))
    yield {name: key.upper() for name, key in keymap.items()}
    active_app.reset(token)


def said():
    """Give what the program says of its keys, wherever that is known without a lab."""
    reading = (Chart.HELP_TITLE, Chart.HELP)
    for name, topic in TOPICS.items():
        yield name, "\n".join(line.text for line in help_lines(topic, [], reading=reading))
    yield "acting", Act("axes", "", "widen", "rate").words
    yield "strip", content(Running(), 200, 3).plain
    yield from ((task.what, with_keys(task.how)) for task in TASKS)


def test_the_keys_that_a_person_chose_stand_in_the_texts(rebound):
    texts = dict(said())
    assert not [name for name, text in texts.items() if NAMED.search(text)]
    assert f"{rebound['table.open']} axes  {rebound['study.answer']} widen" == texts["acting"]
    assert f"{rebound['lab.new']} designs a study" in texts["strip"]
    assert f"{rebound['trials.columns']} chooses other columns" in texts["trials"]
    assert f"{rebound['chart.follow']} follows again" in texts["curves"]


def test_without_a_choice_they_are_the_usual_ones():
    assert key_of("launch.train") == "enter"
    assert with_keys("{trials.filter} filters, {no.action} stays") == "/ filters, {no.action} stays"
