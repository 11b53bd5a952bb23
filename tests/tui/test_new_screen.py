"""Designing a study by keyboard: from nothing to one that is trained, and all that can be wrong."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Paste

from labtui.store.changes import add_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.study.spec import load_study
from labtui.tui.app import LabApp
from labtui.tui.drafts import drafting
from labtui.tui.drafts.lines import domain_line, read_domain, read_number
from labtui.tui.drafts.start import of_study, of_workload
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.drafted import FileScreen
from labtui.tui.screens.new import NewScreen, is_own_line
from labtui.tui.screens.next import NextScreen
from labtui.tui.screens.study import StudyScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.design import plan_study
from labtui.verdicts.followups import calls
from tests.support import labs
from tests.support.engine import processes, wait_until
from tests.tui.driving import LARGE, SMALL, add_bare_study, screen_text, until

WAIT = 60.0


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """Give the place of a lab that is not there yet; files are written beside it."""
    monkeypatch.chdir(tmp_path)
    return LabPaths(tmp_path / "lab.db")


async def begin(pilot, app, **start):
    app.push_screen(NewScreen(app.reader, **start))
    return await begun_on(pilot, app)


async def begun_on(pilot, app):
    await until(pilot, lambda: isinstance(app.screen, NewScreen))
    screen = app.screen
    await until(
        pilot, lambda: screen.has_class("-choosing") or screen.has_class("-stuck") or ready(screen)
    )
    return screen


def ready(screen):
    return screen.judged is not None and screen.judged.draft is screen.draft


async def judged(pilot, screen):
    await until(pilot, lambda: ready(screen))
    return screen.judged


async def go_to(pilot, screen, table, key):
    widget = screen.query_one(f"#{table}", Table)
    widget.focus()
    assert widget.go_to(key)
    await pilot.pause()


async def write(pilot, screen, text):
    line = screen.query_one("#line")
    await until(pilot, lambda: screen.focused is line)
    await pilot.press("end", "ctrl+u")
    line.post_message(Paste(text))
    await until(pilot, lambda: line.value == text)


async def field(pilot, screen, key, text):
    await go_to(pilot, screen, "asked", key)
    await pilot.press("enter")
    await write(pilot, screen, text)


async def values(pilot, screen, name, text, index=0):
    await go_to(pilot, screen, "space", (name, index))
    await pilot.press("enter")
    await write(pilot, screen, text)


def hint(screen):
    return str(screen.query_one("#hint").content)


def total(screen):
    return str(screen.query_one("#total").content)


def said(screen):
    return str(screen.query_one("#said").content)


def pane(screen):
    return " ".join(str(screen.query_one("#judged", TextPane)._text.content).split())


def definition(screen, name, index=0):
    return screen.draft.definitions[name][index]


async def test_from_nothing_to_a_study_that_a_runner_trains(paths, tmp_path):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app)
        assert "digits-mlp" in screen_text(app)
        assert "labtui init" in screen.twin
        await pilot.press("enter")
        await until(pilot, lambda: screen.draft is not None)
        assert (await judged(pilot, screen)).problems == ()
        await go_to(pilot, screen, "space", ("optimizer", 0))
        await pilot.press("s")
        for key, text in (("budget.trials", "2"), ("budget.max_train_steps", "20")):
            await field(pilot, screen, key, text)
            await pilot.press("enter")
        await field(pilot, screen, "budget.eval_every", "10")
        await pilot.press("enter")
        await judged(pilot, screen)
        assert "2 arms × 2 trials = 4 · time unknown" in total(screen)
        assert screen.draft.name == "digits-mlp-optimizer"
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        assert "Train 4 trials of digits-mlp-optimizer?" in screen_text(app)
        assert "workload: digits-mlp" in screen_text(app)
        assert not paths.db.exists()
        await pilot.press("o" if screen.judged.refused else "enter")
        await until(pilot, lambda: isinstance(app.screen, StudyScreen), WAIT)
        shown = app.screen
        await until(pilot, lambda: shown.view and shown.view.study.state == "completed", WAIT)
    file = tmp_path / "digits-mlp-optimizer.yaml"
    with Lab(paths) as lab:
        study = lab.study("digits-mlp-optimizer")
        assert study.ended == 4
        assert study.command.startswith("labtui run digits-mlp-optimizer.yaml")
        assert plan_study(load_study(file), lab).total == 4
    wait_until(lambda: not processes(paths))


async def test_roles_are_set_by_their_keys_and_arms_are_counted_at_once(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await judged(pilot, screen)
        await go_to(pilot, screen, "space", ("dropout", 0))
        before = definition(screen, "dropout")
        await pilot.press("f")
        assert definition(screen, "dropout") == {"role": "fixed", "value": 0.0}
        await pilot.press("n")
        assert definition(screen, "dropout") == before
        await pilot.press("s")
        assert len(definition(screen, "dropout")["values"]) == 3
        await judged(pilot, screen)
        assert "3 arms × 20 trials = 60" in total(screen)
        await pilot.press("enter")
        await write(pilot, screen, "0, 0.1, 0.2, 0.4")
        assert "4 values to compare · 4 arms × 20 = 80 trials" in hint(screen)
        await pilot.press("enter")
        assert definition(screen, "dropout")["values"] == [0, 0.1, 0.2, 0.4]
        await pilot.press("u", "u")
        assert definition(screen, "dropout") == before
        await judged(pilot, screen)
        assert "1 arm × 20 trials = 20" in total(screen)


async def test_an_optimizer_to_compare_gives_each_arm_its_own_ranges(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await values(pilot, screen, "weight_decay", "1e-7 … 1e-3 log")
        await pilot.press("enter")
        await go_to(pilot, screen, "space", ("optimizer", 0))
        await pilot.press("s")
        rates = screen.draft.definitions["learning_rate"]
        assert [one["when"] for one in rates] == [{"optimizer": "nesterov"}, {"optimizer": "adam"}]
        assert definition(screen, "beta1")["when"] == {"optimizer": "adam"}
        assert definition(screen, "weight_decay")["range"] == [1e-7, 1e-3]
        assert "proposed anew" in said(screen)
        assert (await judged(pilot, screen)).is_good


WRONG = {
    "0 … 1 log": "found [0, 1]; expected low > 0 on a log scale",
    "1 … 0.1 log": "found [1, 0.1]; expected low < high",
    "1e-5 …": "expected low … high with a scale",
    "1e-5 … 1 lg": "did you mean log?",
    "many": "learning_rate: found 'many'; expected a number",
}


async def test_a_wrong_range_says_why_as_it_is_typed_and_is_not_taken(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        before = screen.draft
        await values(pilot, screen, "learning_rate", "1 … 10 log")
        assert "✓ 1 decade on a log scale" in hint(screen)
        for text, told in WRONG.items():
            await write(pilot, screen, text)
            assert told in hint(screen)
        await pilot.press("enter")
        assert screen.query_one("#edit").has_class("-open")
        await pilot.press("ctrl+u", "1")
        assert "found one value" in hint(screen)
        await pilot.press("escape")
        assert screen.draft is before
        assert screen.focused.id == "space"


async def test_alerts_come_live_and_refuse_the_run_until_overruled(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await judged(pilot, screen)
        assert "nothing speaks against" in pane(screen)
        await go_to(pilot, screen, "space", ("batch_size", 0))
        await pilot.press("n")
        await judged(pilot, screen)
        assert "batch-size-tuned" in pane(screen)
        await go_to(pilot, screen, "space", ("learning_rate", 0))
        await pilot.press("f")
        for name in ("optimizer", "schedule", "depth", "activation"):
            await go_to(pilot, screen, "space", (name, 0))
            await pilot.press("s")
        await judged(pilot, screen)
        assert "many-scientific" in pane(screen)
        found = await judged(pilot, screen)
        assert found.refused
        assert "▲ optimizer-fixed" in pane(screen)
        assert "`labtui run` refuses this design" in pane(screen)
        assert "refused: " in total(screen)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        assert "o overrule" in screen_text(app)
        await pilot.press("enter")
        assert isinstance(app.screen, FileScreen)
        await pilot.press("escape")
    assert not paths.db.exists()


async def test_the_file_is_shown_before_it_is_written_and_never_over_another(paths, tmp_path):
    file = tmp_path / "mine.yaml"
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="diabetes-mlp")
        await field(pilot, screen, "study", "mine")
        await pilot.press("enter")
        shown = (await judged(pilot, screen)).text
        file.write_text("something else")
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        assert "study: mine" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "is there already" in said(screen))
        assert file.read_text() == "something else"
        file.unlink()
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "written" in said(screen))
        assert file.read_text() == shown
        assert screen.twin == "labtui run mine.yaml"
        assert load_study(file) == screen.judged.study
        await pilot.press("q")
        assert not isinstance(app.screen, (NewScreen, AskScreen))


async def test_leaving_asks_where_there_is_something_to_lose(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await go_to(pilot, screen, "space", ("dropout", 0))
        await pilot.press("f")
        for key in ("q", "escape"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press("escape")
            assert app.screen is screen
        await pilot.press("u", "q")
        assert not isinstance(app.screen, (NewScreen, AskScreen))


async def test_what_is_wrong_stands_at_its_field(paths):
    add_bare_study(paths, "taken", "A question")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await field(pilot, screen, "budget.trials", "0")
        assert "found 0; expected at least 1" in hint(screen)
        await write(pilot, screen, "10k")
        assert "1 arm × 10000 = 10000 trials" in hint(screen)
        await pilot.press("escape")
        await field(pilot, screen, "study", "taken")
        await pilot.press("enter")
        await judged(pilot, screen)
        assert "✗ found 'taken'; expected a name that this lab does not have" in screen_text(app)
        await pilot.press("R")
        assert "not a study yet: study: found 'taken'" in said(screen)
        await pilot.press("u")
        await go_to(pilot, screen, "space", ("momentum", 0))
        await pilot.press("w")
        await write(pilot, screen, "optimizer=adm")
        assert "optimizer is never adm here; it has nesterov" in hint(screen)
        await write(pilot, screen, "optimiser=adam")
        assert "did you mean optimizer?" in hint(screen)
        await write(pilot, screen, "optimizer=nesterov")
        await pilot.press("enter")
        assert definition(screen, "momentum")["when"] == {"optimizer": "nesterov"}
        await pilot.press("d")
        assert not (await judged(pilot, screen)).is_good
        assert "hyperparameters.momentum[1]: found a definition that holds together" in pane(screen)


async def test_a_lines_tab_goes_on_to_the_next_field(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        await field(pilot, screen, "goal", "Is it good?")
        await pilot.press("tab")
        await until(pilot, lambda: screen.query_one("#line").value == "digits-mlp-search")
        await pilot.press("escape", "tab", "tab", "shift+tab")
        assert screen.focused.id == "space"
        assert screen.draft.document["goal"] == "Is it good?"


async def test_a_follow_up_is_changed_before_it_is_trained(paths):
    labs.make_lab(paths.db.parent)
    begun = of_study(paths, "digits-optimizer", "replica")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        app.push_screen(NextScreen(app.reader, "digits-optimizer"))
        await until(pilot, lambda: getattr(app.screen, "found", None))
        assert app.screen.query_one("#choices", Table).go_to(("replica", ""))
        await pilot.press("d")
        screen = await begun_on(pilot, app)
        found = await judged(pilot, screen)
        with Lab(paths) as lab:
            made = calls(lab, lab.study("digits-optimizer"), None, "replica").of("replica").made
        assert (found.text, found.study) == (made.text, made.study)
        seed = next(text for path, text in begun.draft.comments.items() if path == ("seed",))
        assert f"# {seed}" in found.text
        await field(pilot, screen, "seed", "7")
        await pilot.press("enter")
        assert f"# {seed}" not in (await judged(pilot, screen)).text
        assert screen.judged.study.seed == 7
        assert screen.twin == "labtui next digits-optimizer --kind replica"


def add_orphan(paths):
    """Write a study whose trainer is not installed."""
    spec = {**labs.SPEC, "study": "orphan", "workload": "lost", "trainer": {"name": "gone"}}
    new = replace(labs._study("orphan", 2), workload="lost", trainer="gone", spec=spec)
    with Writer(paths) as writer:
        add_study(writer, new, [])


STARTS = (
    ({"workload": "lost"}, "knows no 'gone'"),
    ({"workload": "nothing"}, "no workload 'nothing'"),
    ({"parent": "nothing"}, "no study 'nothing'"),
    ({"parent": "digits-optimizer", "kind": "longr"}, "found 'longr'; expected one of"),
)


async def test_what_cannot_be_begun_says_why_and_what_to_do(paths):
    labs.make_lab(paths.db.parent, points=1)
    add_orphan(paths)
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        for start, told in STARTS:
            screen = await begin(pilot, app, **start)
            assert "This study cannot be begun" in screen_text(app)
            assert told in " ".join(screen_text(app).split())
            assert "q goes back" in screen_text(app)
            await pilot.press("q")
            assert app.screen is not screen
        screen = await begin(pilot, app)
        await go_to(pilot, screen, "choices", ("lost", "gone"))
        await pilot.press("enter")
        assert "lost has no trainer" in screen_text(app)
        assert "trainer 'gone' is not installed here" in screen_text(app)
        await pilot.press("escape")
        assert screen.focused.id == "choices"


async def test_a_persons_own_script_is_designed_and_gets_more_names(paths, tmp_path):
    (tmp_path / "train.py").write_text("def train(trial):\n    pass\n")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app)
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("enter")
        await until(pilot, lambda: screen.draft is not None)
        await judged(pilot, screen)
        assert definition(screen, "learning_rate")["role"] == "nuisance"
        await pilot.press("a")
        await write(pilot, screen, "width=64")
        await pilot.press("enter")
        await go_to(pilot, screen, "space", ("width", 0))
        await pilot.press("s")
        assert definition(screen, "width")["values"] == [32, 64, 128]
        assert (await judged(pilot, screen)).is_good
        assert "trainer: {python:" in screen.judged.text
    assert "expected python:, script: or command:" in is_own_line("train.py")
    assert "expected name=value" in is_own_line("script:train.py lr")


def test_what_is_proposed_is_what_labtui_init_writes(paths):
    from labtui.tui.drafts.judged import judge
    from labtui.verdicts.scaffolding import Asked, find_source, scaffold

    source = find_source(paths, "digits-mlp")
    begun = of_workload(paths, "digits-mlp")
    row = next(one for one in begun.draft.rows() if one.name == "optimizer")
    draft = begun.suggest(drafting.set_role(begun.draft, row, "scientific"))
    made = scaffold(
        source,
        Asked(draft.name, "", {"optimizer": ["nesterov", "adam"]}, 20, 1000, 40),
    )
    assert judge(paths, draft).study == made.study


@given(
    st.one_of(
        st.tuples(st.floats(1e-9, 1e3), st.floats(1e3, 1e9, exclude_min=True), st.booleans()).map(
            lambda t: {
                "role": "nuisance",
                **({"scale": "log"} if t[2] else {}),
                "range": [t[0], t[1]],
            }
        ),
        st.lists(st.integers(-9, 9), min_size=2, max_size=5, unique=True).map(
            lambda values: {"role": "scientific", "values": values}
        ),
        st.one_of(
            st.integers(), st.booleans(), st.none(), st.from_regex("[a-z]{1,9}", fullmatch=True)
        ).map(lambda value: {"role": "fixed", "value": value}),
    )
)
def test_a_line_says_what_the_definition_says(definition):
    assert read_domain(domain_line(definition), definition, None) == definition


def test_numbers_may_have_units():
    assert [read_number(text) for text in ("10k", "2M", "5%", "1_000", "1e-3")] == [
        10_000,
        2_000_000,
        0.05,
        1000,
        0.001,
    ]


@pytest.mark.skipif(os.access("/proc/sys", os.W_OK), reason="needs a folder that nobody can write")
async def test_a_lab_that_cannot_be_written_says_so_and_lets_the_study_be_designed():
    app = LabApp(LabPaths(Path("/proc/sys/lab.db")))
    async with app.run_test(size=SMALL) as pilot:
        screen = await begin(pilot, app, workload="digits-mlp")
        assert "Nothing can be trained into this lab" in screen_text(app)
        await pilot.press("escape")
        assert (await judged(pilot, screen)).is_good
        assert screen.focused.id == "space"
