"""`labtui init` asks on a terminal, one question at a time, and only there."""

from __future__ import annotations

import pytest

from labtui.study.spec import load_study
from tests.e2e.terminal import Terminal
from tests.support.engine import wait_until


def answer(terminal, question, keys):
    wait_until(lambda: question in terminal.output)
    terminal.output = b""
    terminal.press(keys + b"\r")


def test_every_answer_can_be_typed_or_taken(tmp_path):
    terminal = Terminal("init", cwd=tmp_path)
    answer(terminal, b"workload", b"digits-mpl")
    wait_until(lambda: b"did you mean 'digits-mlp'" in terminal.output)
    answer(terminal, b"workload", b"digits-mlp")
    answer(terminal, b"what is compared", b"optimizer=sgd,adam")
    answer(terminal, b"trials of an arm", b"none")
    wait_until(lambda: b"expected a whole number" in terminal.output)
    answer(terminal, b"trials of an arm", b"9")
    answer(terminal, b"updates of a trial [1000]", b"")
    answer(terminal, b"steps between two evaluations [40]", b"50")
    answer(terminal, b"goal", b"Is Adam better?")
    answer(terminal, b"name of the study", b"")
    answer(terminal, b"file [digits-mlp-optimizer.yaml]", b"")
    assert terminal.wait() == 0
    study = load_study(tmp_path / "digits-mlp-optimizer.yaml")
    assert study.goal == "Is Adam better?"
    assert study.hyperparameters["optimizer"][0].values == ["sgd", "adam"]
    assert (study.budget.trials, study.budget.eval_every) == (9, 50)


@pytest.mark.parametrize("leave", [Terminal.interrupt, lambda terminal: terminal.press(b"\x04")])
def test_a_person_can_leave_at_any_question(tmp_path, leave):
    terminal = Terminal("init", "digits-mlp", cwd=tmp_path)
    wait_until(lambda: b"what is compared" in terminal.output)
    leave(terminal)
    assert terminal.wait() == 130
    assert list(tmp_path.iterdir()) == []


def test_what_flags_say_is_not_asked(tmp_path):
    terminal = Terminal("init", "digits-mlp", "--defaults", cwd=tmp_path)
    assert terminal.wait() == 0
    assert b"wrote digits-mlp-search.yaml" in terminal.output
