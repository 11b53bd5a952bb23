"""One trial before the others, a program when a study ends, and studies that fail at once."""

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.support.engine import (
    fixed,
    processes,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)


def states(paths: LabPaths, name: str = "s") -> list[str]:
    with Lab(paths) as lab:
        return [trial.state for trial in lab.trials(name)]


def test_one_trial_is_trained_and_the_others_wait(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=4))
    submit(paths, file, one=True)
    wait_for_state(paths, "s", "stopped")
    assert states(paths) == ["completed", "queued", "queued", "queued"]
    with Lab(paths) as lab:
        assert lab.study("s").reason == "one trial trained, as asked"
    submit(paths, file, one=True)
    wait_until(lambda: states(paths).count("completed") == 2)
    wait_for_state(paths, "s", "stopped")
    submit(paths, file)
    wait_for_state(paths, "s", "completed")
    assert states(paths) == ["completed"] * 4


def test_the_only_trial_completes_its_study(paths, tmp_path):
    submit(paths, write_study(tmp_path, study_text(trials=1)), one=True)
    wait_for_state(paths, "s", "completed")


HOOK = """
on_end: [sh, -c, 'echo "$1 $LABTUI_STUDY $LABTUI_STATE $LABTUI_LAB" >> ended', sh, "{state}"]
"""


def test_a_program_runs_when_a_study_ends(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=2) + HOOK))
    wait_until((tmp_path / "ended").exists)
    wait_until(lambda: not processes(paths))
    assert (tmp_path / "ended").read_text() == f"completed s completed {paths.db}\n"


def test_a_program_that_fails_is_told_and_fails_nothing(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=1) + "on_end: [sh, -c, 'exit 3']\n"))
    missing = study_text("t", trials=1) + "on_end: [no-such-program]\n"
    run(paths, write_study(tmp_path, missing))

    def told() -> list[str]:
        with Lab(paths) as lab:
            return [e.data["text"] for e in lab.events() if e.kind == "warning"]

    wait_until(lambda: len(told()) == 2)
    assert told() == [
        "on_end: ended with code 3; lab.files/logs/hooks.log",
        "on_end: no-such-program: No such file or directory",
    ]


def test_a_study_whose_trials_fail_at_once_spares_the_others(paths, tmp_path):
    text = study_text(trials=12, mode=fixed("missing"))
    file = write_study(tmp_path, text)
    (tmp_path / "train.py").write_text("import no_such_module\ndef train(trial): pass\n")
    submit(paths, file)
    wait_for_state(paths, "s", "stopped")
    found = states(paths)
    assert 3 <= found.count("failed") <= 5  # two slots, one of them may be ahead
    assert found.count("queued") == 12 - found.count("failed")
    with Lab(paths) as lab:
        assert lab.study("s").reason == (
            "3 trials in a row failed at once: ModuleNotFoundError: No module named "
            "'no_such_module'"
        )
        assert "no_such_module" in lab.trials("s")[0].detail


def test_trials_that_fail_differently_or_late_do_not_stop_a_study(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=6))
    (tmp_path / "train.py").write_text(
        "def train(trial):\n    raise ValueError(f\"u is {trial.params['u']}\")\n"
    )
    run(paths, file)
    assert states(paths) == ["failed"] * 6


def test_warnings_are_kept_with_their_trial(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=1))
    (tmp_path / "train.py").write_text(
        "def train(trial):\n"
        "    trial.warn('the data are few')\n"
        "    trial.warn('the data are few')\n"
        "    trial.fall_back('abacus', 'no power')\n"
        "    trial.log(1, {'validation/error_rate': 0.5, 'validation/loss': 1.0})\n"
    )
    (trial,) = run(paths, file)
    with Lab(paths) as lab:
        assert lab.warnings(trial.id) == [
            "the data are few",
            "trains on abacus, not cpu: no power",
        ]
    assert trial.device == "abacus"
