import json
import subprocess
import sys
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from labtui.store.paths import LabPaths
from labtui.tui.actions import key_line
from labtui.tui.app import LabApp
from labtui.tui.keymap import read_keymap
from labtui.tui.settings import (
    MOST_STUDIES,
    BadSettings,
    Settings,
    load,
    remember,
    remember_columns,
)
from labtui.tui.widgets.keyline import KeyLine
from tests.support.labs import make_lab
from tests.tui.driving import SMALL, open_study, screen_text, until


@pytest.fixture
def environ(tmp_path):
    return {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}


def write(environ, tmp_path, text):
    file = tmp_path / "c" / "labtui" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_without_a_file_nothing_is_chosen(environ):
    settings = load(environ=environ)
    assert settings.theme is None
    assert not settings.keymap


def test_theme_and_keys_come_from_the_file_with_quotes_or_without(environ, tmp_path):
    write(
        environ, tmp_path, 'theme = "nord"\n[keymap]\n"app.help" = "?,f4"\nrows.down = "ctrl+n"\n'
    )
    settings = load(environ=environ)
    assert settings.theme == "nord"
    assert settings.keymap == {"app.help": "question_mark,f4", "rows.down": "ctrl+n"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('theme = "gruvbx"', ":1: theme", ["'gruvbx'", "did you mean 'gruvbox'", "nord"]),
        ("theme = 3", ":1: theme", ["found 3"]),
        ('[keymap]\n"app.hepl" = "f3"', ":2: app.hepl", ["did you mean 'app.help'"]),
        ('[keymap]\napp.help = "alt+h"', ":2: app.help", ["'alt+h'", "every terminal"]),
        ('[keymap]\n"app.help" = "ctrl+m"', ":2: app.help", ["'ctrl+m'"]),
        ('[keymap]\n"app.help" = ["h"]', ":2: app.help", ["found ['h']", "as text"]),
        ('[keymap]\n\n"app.help" = "j"', ":3: app.help", ["'j'", "rows.down"]),
        ('[keymap]\n"filter.keep" = "k"', ":2: filter.keep", ["text where"]),
        ('[keymaps]\n"app.help" = "h"', ":1: keymaps", ["did you mean 'keymap'"]),
        ("keymap = 3", ":1: keymap", ["found 3", "table"]),
        ("[keymap\n", "", ["no TOML", "line 1"]),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line_and_what_was_meant(
    environ, tmp_path, text, line, words
):
    file = write(environ, tmp_path, text)
    with pytest.raises(BadSettings) as caught:
        load(environ=environ)
    said = str(caught.value)
    assert said.startswith(f"{file}{line}")
    for word in words:
        assert word in said


def test_a_file_that_is_named_must_be_there(environ, tmp_path):
    with pytest.raises(BadSettings, match="no such file"):
        load(environ={**environ, "LABTUI_CONFIG": str(tmp_path / "none.toml")})


def test_a_folder_in_the_place_of_the_file_is_no_error_unless_it_was_named(environ, tmp_path):
    write(environ, tmp_path, "").unlink()
    (tmp_path / "c" / "labtui" / "config.toml").mkdir()
    assert load(environ=environ).theme is None


def test_keys_can_change_places():
    keymap, problems = read_keymap({"rows.down": "k", "rows.up": "j"})
    assert not problems
    assert keymap == {"rows.down": "k", "rows.up": "j"}


def test_a_theme_that_was_chosen_stays_until_the_file_names_another(environ, tmp_path):
    write(environ, tmp_path, 'theme = "nord"')
    remember(load(environ=environ), "dracula")
    assert load(environ=environ).theme == "dracula"
    assert load("monokai", environ).theme == "monokai"  # --theme, this once
    write(environ, tmp_path, 'theme = "gruvbox"')
    assert load(environ=environ).theme == "gruvbox"


@pytest.mark.parametrize("kept", ["{", "[]", '{"theme": "gone", "configured": null}', ""])
def test_what_is_remembered_may_be_anything(environ, tmp_path, kept):
    (tmp_path / "s" / "labtui").mkdir(parents=True)
    (tmp_path / "s" / "labtui" / "state.json").write_text(kept)
    assert load(environ=environ).theme is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    remember(Settings(memory=tmp_path / "file" / "labtui" / "state.json"), "nord")


@pytest.mark.parametrize("arguments", [[], ["--theme", "nrd"]])
def test_the_command_says_so_before_any_screen(environ, tmp_path, arguments):
    write(environ, tmp_path, "" if arguments else 'theme = "nrd"')
    code = "from pathlib import Path; from labtui.cli import app; app.is_terminal = lambda _: True;"
    code += "import sys; sys.stdin = type('T', (), {'isatty': lambda _: True})(); "
    code += f"sys.exit(app.main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**environ, "PATH": "/bin", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 2
    assert "did you mean 'nord'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


async def test_rebound_keys_work_and_are_those_that_are_shown(tmp_path):
    keymap, problems = read_keymap({"app.help": "f5", "rows.down": "ctrl+n", "table.open": "v"})
    assert not problems
    make_lab(tmp_path, points=2, evaluations=2)
    app = LabApp(LabPaths(tmp_path / "lab.db"), settings=Settings(keymap=keymap))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "v open" in screen_text(app))
        assert "F5 help" in screen_text(app)
        await pilot.press("question_mark")
        assert len(app.screen_stack) == 1
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Help (f5)" in titles
        await pilot.press("f5")
        await until(pilot, lambda: "What to conclude" in screen_text(app))
        assert {a.keys for a in app.screen.query_one(KeyLine).shown} == {"F5", "q"}
        help_text = "\n".join(line.text for line in app.screen.query_one("#help")._lines)
        assert "ctrl+n" in help_text
        await pilot.press("f5")
        await pilot.press("v")
        await until(pilot, lambda: len(app.screen_stack) == 2)


async def test_a_theme_chosen_on_the_screen_is_kept(tmp_path):
    memory = tmp_path / "state.json"
    make_lab(tmp_path, points=2, evaluations=2)
    settings = Settings(theme="nord", memory=memory, configured="nord")
    app = LabApp(LabPaths(tmp_path / "lab.db"), settings=settings)
    async with app.run_test(size=SMALL) as pilot:
        assert app.theme == "nord"
        assert not memory.exists()
        app.theme = "dracula"
        await until(pilot, memory.exists)
    assert json.loads(memory.read_text()) == {"theme": "dracula", "configured": "nord"}


def test_the_key_line_leaves_out_what_cannot_be_done():
    every = key_line("table", "rows", "app")
    some = key_line("table", "rows", "app", offered=lambda action: action.id != "table.open")
    assert [a.id for a in every if a not in some] == ["table.open"]


def test_the_example_on_the_page_is_one(environ, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    write(environ, tmp_path, page.split("```toml\n")[1].split("```")[0])
    settings = load(environ=environ)
    assert settings.theme
    assert settings.keymap
    for name in BUILTIN_THEMES:
        assert f"`{name}`" in page


async def shown_columns(paths, settings, choose=()):
    """Open the trials of a study, choose columns if any are given, and say what is shown."""
    app = LabApp(paths, study="digits-optimizer", settings=settings)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: app.screen.trials.table.rows)
        if choose:
            app.screen.trials._take_columns(choose)
            await app.workers.wait_for_complete(
                [one for one in app.workers if one.group == "remember"]
            )
        return [one.key for one in app.screen.trials.table._columns]


async def test_chosen_columns_are_there_the_next_time(environ, tmp_path):
    paths = make_lab(tmp_path, points=2)
    settings = load(environ=environ)
    assert "best" in await shown_columns(paths, settings)
    chosen = ["number", "seconds"]
    assert await shown_columns(paths, settings, chosen) == chosen
    assert await shown_columns(paths, load(environ=environ)) == chosen


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1, "b": [], "c": [1]}', "\x00", '{"a": {}}'])
def test_columns_that_cannot_be_read_are_none(environ, tmp_path, text):
    file = tmp_path / "s" / "labtui" / "columns.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert not load(environ=environ).columns


def test_columns_of_the_latest_studies_are_kept(environ):
    settings = load(environ=environ)
    for number in range(MOST_STUDIES + 2):
        remember_columns(settings, f"lab.db:{number}", ["best"])
    kept = load(environ=environ).columns
    assert (len(kept), "lab.db:1" in kept, kept["lab.db:201"]) == (MOST_STUDIES, False, ["best"])
