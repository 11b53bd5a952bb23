"""The page on programs says what is so: its examples run."""

from __future__ import annotations

import json

from labtui.study.spec import parse_study
from labtui_command.arguments import Placeholders
from labtui_command.reports import read_report
from tests.docs.pages import blocks, names, section, text
from tests.support.commands import attempt, python
from tests.trainers.test_command_arguments import told

PAGE = text("docs/commands-as-trainers.md")


def test_the_ten_lines_of_shell_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.sh").write_text(blocks(PAGE, "sh")[0])
    program = (
        '#!/bin/sh\necho "$@" >&2\nfor n in 1 2; do echo epoch=$n loss=0.$n val_error=0.$n; done\n'
    )
    (tmp_path / "my_program").write_text(program)
    for file in tmp_path.iterdir():
        file.chmod(0o755)
    study = parse_study(blocks(PAGE, "yaml")[0])
    found = attempt(
        study.trainer.options["argv"], {"learning_rate": 0.5}, steps_per_epoch=study.steps_per_epoch
    )
    assert found.points == [
        ("train/loss", 50, 0.1),
        ("validation/error_rate", 50, 0.1),
        ("train/loss", 100, 0.2),
        ("validation/error_rate", 100, 0.2),
    ]


def test_every_report_of_the_page_is_one():
    lines = blocks(PAGE, "json")[0].splitlines()
    assert all(read_report(line) is not None for line in lines)
    assert read_report(lines[2]).metrics == {"validation/loss": 0.4}


def test_every_placeholder_and_variable_is_on_the_page():
    told_of = set(names(section(PAGE, "What the program is told")))
    own = Placeholders.__init__.__code__.co_consts
    expected = {name for consts in own if isinstance(consts, tuple) for name in consts}
    assert {f"{{{name}}}" for name in expected} <= told_of
    _, variables, _ = told([], {"learning_rate": 0.1})
    for name in variables.keys() - {"LABTUI_TRIAL"}:  # the SDK's
        assert f"`{name}`" in PAGE


def test_the_python_of_the_page_trains():
    found = attempt(python(blocks(PAGE, "python")[0]), max_steps=20)
    assert [step for name, step, _ in found.points if name == "validation/loss"] == [1, 10, 20]


def test_the_reports_of_the_page_name_real_options():
    options = [dict(parse_study(block).trainer.options) for block in blocks(PAGE, "yaml")]
    assert [json.dumps(found.get("report")) for found in options] == [
        "null",
        '{"csv": "{checkpoint_dir}/log.csv"}',
        "null",
    ]
