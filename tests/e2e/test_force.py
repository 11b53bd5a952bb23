"""`labtui run` does not begin what its design cannot answer, unless a person insists."""

from __future__ import annotations

import pytest

from labtui.store.lab import Lab
from tests.e2e.test_run import labtui, paths
from tests.support.engine import arms, fixed, study_text, write_study

__all__ = ["paths"]

UNFAIR = {"optimizer": arms("sgd", "adam"), "learning_rate": fixed(0.1)}


@pytest.mark.usefixtures("paths")
def test_a_tuned_length_is_refused_even_by_force(tmp_path):
    text = study_text(trials=2, n_updates={"role": "nuisance", "values": [10, 20]}, **UNFAIR)
    write_study(tmp_path, text)
    found = labtui("run", "study.yaml", cwd=tmp_path)
    assert found.returncode == 3
    assert "steps-tuned [P11]: n_updates" in found.stderr
    assert "optimizer-fixed [P06]: learning_rate stays at 0.1" in found.stderr
    found = labtui("run", "study.yaml", "--force", cwd=tmp_path)
    assert found.returncode == 3
    assert "optimizer-fixed" not in found.stderr
    assert "give it another name" in found.stderr
    assert not (tmp_path / "lab.db").exists()


def test_force_begins_it_and_resuming_needs_none(paths, tmp_path):
    write_study(tmp_path, study_text(trials=1, **UNFAIR))
    assert labtui("run", "study.yaml", cwd=tmp_path).returncode == 3
    assert labtui("run", "study.yaml", "--force", "--one", cwd=tmp_path).returncode == 0
    found = labtui("run", "study.yaml", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    with Lab(paths) as lab:
        assert [trial.state for trial in lab.trials("s")] == ["completed"] * 2
