"""The documentation says what the program does: fields, commands, tables, documents, examples."""

import contextlib
import json
import re
import runpy
import sqlite3

import pytest
from typer.main import get_command

from labtui.cli.app import app
from labtui.cli.exit_codes import ExitCode
from labtui.engine.plugins import load_plugins
from labtui.store.lab import Lab
from labtui.store.records import INTERRUPTED, STATES
from labtui.study.spec import json_schema, load_study, parse_study
from labtui.trainer import Objective, Trial
from labtui.trainer.plugin import Plugin
from labtui.verdicts.check import check_study
from labtui.verdicts.documents import (
    check_document,
    list_document,
    study_document,
    trial_document,
)
from tests.docs.pages import PAGES, ROOT, blocks, names, rows, section, text
from tests.support.labs import make_lab

SCHEMA = json_schema()
PARTS = {
    "Study": SCHEMA,
    "Objective": SCHEMA["$defs"]["Objective"],
    "Budget": SCHEMA["$defs"]["Budget"],
    "Hyperparameter": SCHEMA["$defs"]["Hyperparameter"],
}
LAB_PAGE, STUDY_PAGE = text("docs/lab-file.md"), text("docs/study-file.md")
COMMANDS = get_command(app).commands


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(make_lab(tmp_path_factory.mktemp("lab"), name="digits-optimizers")) as opened:
        yield opened


@pytest.fixture
def connection(lab):
    with contextlib.closing(sqlite3.connect(lab.paths.db)) as opened:
        yield opened


# -- the study file -----------------------------------------------------------------------------


def default_of(name, schema):
    """What the page should give as the default of a field."""
    described = schema["properties"][name]
    if name in schema.get("required", ()):
        return "required"
    if "default" not in described:
        return "`{}`"
    value = described["default"]
    return f"`{value}`" if value and isinstance(value, str) else f"`{json.dumps(value)}`"


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_the_study_file_is_documented_with_its_default(part):
    schema = PARTS[part]
    documented = {name.strip("`"): default for name, default, _ in rows(section(STUDY_PAGE, part))}
    expected = {name: default_of(name, schema) for name in schema["properties"]}
    if part == "Budget":
        expected["trials"] = "required"  # but for one design, which no schema can say
    assert documented == expected


def test_every_form_of_a_trainer_is_documented():
    forms = [form.get("properties", {}) for form in SCHEMA["$defs"]["TrainerSpec"]["anyOf"]]
    fields = {name for form in forms for name in form}
    assert set(names(section(STUDY_PAGE, "Trainer"))) == fields


def test_every_choice_of_a_field_is_documented():
    for schema in PARTS.values():
        for name, described in schema["properties"].items():
            for choice in described.get("enum", ()):
                assert f"`{choice}`" in STUDY_PAGE, f"{name}: {choice}"


def test_no_field_is_without_effect():
    assert "no effect yet" not in STUDY_PAGE
    rooms = [ROOT / "labtui" / room for room in ("engine", "store", "trainer")]
    code = "\n".join(path.read_text("utf-8") for room in rooms for path in room.rglob("*.py"))
    fields = [name for part in ("Study", "Budget") for name in PARTS[part]["properties"]]
    unread = {name for name in fields if not re.search(rf"[\"'.]{name}\b", code)}
    assert unread <= {
        "configurations",
        "design",
        "trials",
        "repetitions",
        "max_train_steps",
        "notes",
    }  # the plan's


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_study_in_the_documentation_is_one(page):
    for block in blocks(page.read_text("utf-8"), "yaml"):
        assert parse_study(block).goal


def test_the_study_of_the_readme_is_the_sample_shortened():
    shown = parse_study(blocks(text("README.md"), "yaml")[0])
    sample = load_study(ROOT / "sample_studies" / "digits_optimizers.yaml")
    assert (shown.study, shown.goal, shown.budget) == (sample.study, sample.goal, sample.budget)
    for name, definitions in shown.hyperparameters.items():
        assert definitions == sample.hyperparameters[name]


# -- commands -----------------------------------------------------------------------------------


def test_the_page_of_commands_is_up_to_date():
    written = runpy.run_path(str(ROOT / "docs" / "build.py"))["render"]()
    assert text("docs/commands.md") == written, "run `make docs`"


def leaves(commands, prefix=""):
    """Give every command by its words, those of groups as well."""
    for name, command in commands.items():
        yield f"{prefix}{name}", command
        yield from leaves(getattr(command, "commands", {}), f"{prefix}{name} ")


@pytest.mark.parametrize(("name", "command"), list(leaves(COMMANDS)))
def test_every_command_and_option_has_help_and_is_documented(name, command):
    part = section(text("docs/commands.md"), f"labtui {name}")
    assert (command.help or "").strip()
    for parameter in command.params:
        assert (getattr(parameter, "help", None) or "").strip(), parameter.name
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in part


def test_the_readme_names_every_command_and_no_other():
    listed = blocks(section(text("README.md"), "Commands"), "")[0]
    named = set(re.findall(r"\b[a-z]+\b", " ".join(line[:27] for line in listed.splitlines())))
    assert set(COMMANDS) <= named
    assert set(re.findall(r"^labtui ([a-z]+)", listed, re.M)) <= set(COMMANDS)


def test_every_make_target_in_the_documentation_exists():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    for page in PAGES:
        code = re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text("utf-8"), re.M)
        assert {name for found in code for name in found if name} <= targets, page.name


def test_every_make_target_explains_itself():
    makefile = text("Makefile")
    phony = re.search(r"^\.PHONY: (.*?)\n\n", makefile, re.M | re.S)[1].replace("\\\n", "").split()
    assert set(re.findall(r"^([a-z-]+):[^#\n]*## ", makefile, re.M)) == set(phony)


# -- the lab file -------------------------------------------------------------------------------


def test_every_table_view_and_column_is_documented(connection):
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    for (table,) in connection.execute(query).fetchall():
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        assert set(names(section(LAB_PAGE, table))) == columns, table


@pytest.mark.parametrize("name", ["README.md", "docs/lab-file.md"])
def test_every_query_of_the_documentation_finds_something(name, connection):
    queries = blocks(text(name), "sql")
    assert queries
    for query in queries:
        assert connection.execute(query).fetchall(), query


def test_every_state_is_documented():
    assert names(section(LAB_PAGE, "States and reasons")) == [*STATES, INTERRUPTED]


def test_every_exit_code_is_documented():
    codes = [int(row[0]) for row in rows(section(LAB_PAGE, "Exit codes"))]
    assert codes == [code.value for code in ExitCode]


def json_tables():
    """Keys of the tables on JSON: list, study, trial, what one trial alone has, check."""
    parts = re.split(r"^\| key \|.*\n", section(LAB_PAGE, "JSON documents"), flags=re.M)[1:]
    return [set(names("| a |\n|---|\n" + part.split("\n\n")[0])) for part in parts]


def test_every_key_of_the_documents_is_documented(lab):
    summary, study, trial, alone, checked = json_tables()
    listed = list_document(lab)["studies"][0]
    assert set(listed) == summary
    found = lab.study("digits-optimizers")
    shown = study_document(lab, found)
    assert set(shown) == summary | study
    assert set(shown["trials"][0]) == trial
    assert set(trial_document(lab, lab.trials(found.name)[0])) == trial | alone
    check = check_study(lab, found, lab.trials(found.name))
    assert set(check_document(found, check, None)) == checked
    described = section(LAB_PAGE, "JSON documents")
    for arm in shown["arms"]:
        assert all(f'"{key}"' in described for key in arm)
    for plugin in load_plugins().values():
        assert all(f'"{key}"' in described for key in vars(plugin))


# -- examples and the rest ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "docs/trainers.md"])
def test_the_script_of_the_documentation_trains(name):
    world = {}
    exec(blocks(text(name), "python")[0], world)
    trial = Trial({"learning_rate": 0.1}, max_steps=30, objective=Objective("validation/loss"))
    world["train"](trial)
    trial.flush()
    curve = [value for metric, _, value in trial.sink.rows if metric == "validation/loss"]
    assert len(curve) == 30
    assert curve[-1] < 0.5 * curve[0]


def test_the_plugin_of_the_documentation_is_one():
    world = {}
    exec(blocks(text("docs/trainers.md"), "python")[1], world)
    assert isinstance(world["plugin"], Plugin)


def test_every_part_of_a_trial_is_documented():
    trial = Trial({}, max_steps=1)
    public = {name for name in dir(trial) if not name.startswith("_")}
    said = set(
        re.findall(r"trial\.(\w+)", section(text("docs/trainers.md"), "What a trial offers"))
    )
    for_the_worker = {
        "abandon",
        "close",
        "finish",
        "flush",
        "request_stop",
        "resume_path",
        "sink",
        "step",
    }
    assert said == public - for_the_worker


def test_the_readme_lists_every_procedure_once():
    numbers = [row[0] for row in rows(section(text("README.md"), "What it does"))]
    assert numbers == [f"P{number:02}" for number in range(1, 49)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page):
    found = page.read_text("utf-8")
    for target, anchor in re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", found):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", path.read_text("utf-8"), re.M)
            anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor[1:] in anchors, anchor


def test_the_guide_for_contributors_stays_short():
    assert len(text("CONTRIBUTING.md").splitlines()) <= 200
