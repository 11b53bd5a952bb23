"""A fresh process imports what a command needs, and nothing heavy before."""

import json

import pytest

HEAVY = ("textual", "numpy", "sqlite_utils", "pydantic", "plotext", "rich", "torch", "scipy")


def loaded(process, statement):
    report = f"import json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    found = process(code=f"{statement}\n{report}")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


def test_importing_the_commands_is_light(process):
    assert loaded(process, "import labtui.cli.app") == []


def test_help_is_light(process):
    assert loaded(process, "from labtui.cli.app import main; main(['--help'])") == []


READING = [["show", "--help"], ["list"], ["list", "--json"]]


@pytest.mark.parametrize("arguments", READING)
def test_reading_commands_load_no_toolkit(process, arguments):
    found = loaded(process, f"from labtui.cli.app import main; main({arguments!r})")
    assert not set(found) & {"textual", "numpy", "sqlite_utils", "plotext", "rich"}


def test_show_loads_what_its_answer_and_plot_need_and_no_more(process):
    found = loaded(process, "from labtui.cli.app import main; main(['show', 'second'])")
    assert not set(found) & {"textual", "sqlite_utils", "rich", "torch", "scipy"}
