"""How trials end, and that the study goes on whatever one of them does."""

from __future__ import annotations

import pytest

from labtui.store.lab import Lab
from tests.support.engine import arms, fixed, run, study_text, submit, wait_for_state, write_study


def test_every_way_a_trial_can_end_in_one_study(paths, tmp_path):
    modes = ["fine", "nan", "raise", "silent", "exit", "hard-exit", "memory", "kill"]
    file = write_study(tmp_path, study_text(trials=1, mode=arms(*modes)))
    trials = {trial.params["mode"]: trial for trial in run(paths, file)}
    found = {mode: (trial.state, trial.reason) for mode, trial in trials.items()}
    assert found == {
        "fine": ("completed", ""),
        "nan": ("infeasible", "diverged at step 10"),
        "raise": ("failed", "RuntimeError: the data are broken"),
        "silent": (
            "failed",
            "metric 'validation/error_rate' was never reported; saw train/loss, step_time",
        ),
        "exit": ("failed", "SystemExit: leaving"),
        "hard-exit": ("failed", "the trainer ended its process with exit code 3"),
        "memory": ("infeasible", "out of memory: cannot allocate 99 GiB"),
        "kill": (
            "failed",
            "its worker was killed by SIGKILL, by hand or for want of memory, 3 times after step 0",
        ),
    }
    assert "train.py" in trials["raise"].detail
    assert 'raise RuntimeError("the data are broken")' in trials["raise"].detail
    assert trials["kill"].attempt >= 3  # more when it waited behind another that killed its worker
    with Lab(paths) as lab:
        curve = lab.curves([trials["nan"].id], "train/loss")[0]
        assert curve.steps == tuple(range(1, 11))
        assert curve.values[-1] != curve.values[-1]


def test_a_diverged_trial_leaves_its_worker_to_the_next(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=3, mode=fixed("nan")))
    script = file.with_name("train.py")
    script.write_text(script.read_text() + "\nprint('worker', os.getpid())\n")
    trials = run(paths, file, slots=1)
    assert [trial.state for trial in trials] == ["infeasible"] * 3
    logs = "".join(
        paths.trial_log(t.id).read_text() for t in trials if paths.trial_log(t.id).exists()
    )
    assert logs.count("worker") == 1  # imported once


def test_a_timeout_is_infeasible_and_the_study_goes_on(paths, tmp_path):
    text = study_text(trials=1, more=", timeout: 1", mode=arms("fine", "hang"))
    found = {t.params["mode"]: (t.state, t.reason) for t in run(paths, write_study(tmp_path, text))}
    assert found == {"fine": ("completed", ""), "hang": ("infeasible", "timed out after 1 s")}


def test_what_a_trial_prints_is_kept_and_silence_leaves_no_file(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, mode=arms("fine", "raise")))
    script = file.with_name("train.py")
    script.write_text(
        script.read_text().replace(
            'if mode == "raise":', 'if mode == "raise":\n        print("oops")'
        )
    )
    trials = run(paths, file)
    kept = {trial.params["mode"]: paths.trial_log(trial.id).exists() for trial in trials}
    assert kept == {"fine": False, "raise": True}
    assert (
        "oops"
        in next(paths.trial_log(t.id) for t in trials if t.params["mode"] == "raise").read_text()
    )


def test_a_missing_trainer_script_or_interpreter_is_refused_before_anything_is_written(
    paths, tmp_path
):
    from labtui.engine.plugins import TrainerError

    file = write_study(tmp_path, study_text())
    file.with_name("train.py").unlink()
    with pytest.raises(TrainerError, match=r"train\.py: no such file"):
        submit(paths, file)
    file = write_study(tmp_path, study_text() + "interpreter: nowhere/bin/python\n")
    with pytest.raises(TrainerError, match="interpreter"):
        submit(paths, file)
    file = write_study(tmp_path, study_text().replace("{python: train.py:train}", "nunpy"))
    with pytest.raises(TrainerError, match="did you mean 'numpy'"):
        submit(paths, file)
    file = write_study(tmp_path, study_text() + "device: cuda:9\n")
    with pytest.raises(Exception, match=r"found 'cuda:9'; this machine has cpu"):
        submit(paths, file)
    assert not paths.db.exists()


def test_trials_are_paired_run_point_by_point_and_reproducible(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=3, mode=arms("fine", "stray")))
    trials = run(paths, file)
    assert [(t.point, t.params["mode"]) for t in trials] == [
        (point, mode) for point in range(3) for mode in ("fine", "stray")
    ]
    for one, other in zip(trials[::2], trials[1::2], strict=True):
        assert (one.seed, one.unit, one.best_value) == (other.seed, other.unit, other.best_value)


def test_reproduction_data_hold_code_and_no_secret(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-verysecret-123456")
    monkeypatch.setenv("OMP_PLACES", "cores")
    file = write_study(tmp_path, study_text(trials=1))
    name = submit(paths, file, command=["labtui", "run", "--token", "sk-verysecret-123456"])
    (trial,) = wait_for_state(paths, name, "completed")
    with Lab(paths) as lab:
        study = lab.study(name)
    assert study.command == "labtui run --token '[hidden]'"
    assert study.source == file.read_text()
    assert study.provenance["python"]
    assert study.provenance["labtui"]
    assert list(trial.code) == ["train.py"]
    assert trial.versions["python"]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"verysecret" not in path.read_bytes()
