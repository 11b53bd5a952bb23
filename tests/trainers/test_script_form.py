"""`trainer: {script: train.py}`: a whole script, run as Python runs it, anew for each trial."""

import contextlib
import gc
import hashlib
import logging
import os
import pickle
import signal
import sys
import warnings
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.trainer import Diverged, Trial
from labtui.trainer.current import set_current
from labtui.trainer.sources import sources
from labtui_python import script
from labtui_python import train as trainer
from tests.docs.pages import blocks, section, text
from tests.engine.conftest import paths as paths
from tests.support.engine import (
    CLOCKS,
    points,
    run,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.samples import write_page

THREE_LINES = "import labtui\ntrial = labtui.current_trial({'size': 2})\ntrial.log(1, {'x': 1})\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study's folder, in a process that forgets what its scripts imported."""
    monkeypatch.setattr(script, "_compiled", {})
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    gc.unfreeze()
    for name in set(sys.modules) - before:
        del sys.modules[name]


def train(text, *argv, params=None, max_steps=3):
    """Write a script and train with it, as the worker does; gives the trial."""
    Path("train.py").write_text(text)
    options = {"script": "train.py", "argv": list(argv)}
    trial = Trial(params or {}, max_steps=max_steps, options=options)
    set_current(trial)
    try:
        trainer.train(trial)
    finally:
        set_current(None)
    trial.finish()
    return trial


def rows(trial):
    return [row for row in trial.sink.rows if row[0] not in CLOCKS]


def again(**params):
    """Train once more with the script that lies there."""
    return train(Path("train.py").read_text(), params=params)


def test_runs_as_python_runs_a_script(folder):
    (folder / "beside.py").write_text("VALUE = 7\n")
    trial = train(
        "import sys, labtui, beside\n"
        "assert __name__ == '__main__' and sys.modules['__main__'].__dict__ is globals()\n"
        "assert sys.argv == ['train.py', '--epochs', '3']\n"
        "assert __file__ == sys.path[0] + '/train.py'\n"
        "trial = labtui.current_trial({'size': 2})\n"
        "if __name__ == '__main__':\n"
        "    for step in trial.steps():\n"
        "        trial.log(step, {'x': beside.VALUE * trial.params['size']})\n",
        "--epochs",
        "3",
    )
    assert rows(trial) == [("x", step, 14.0) for step in (1, 2, 3)]


def test_each_trial_has_a_namespace_of_its_own_and_modules_stay(folder):
    (folder / "beside.py").write_text("TIMES = []\n")
    text = THREE_LINES + "import beside\nassert 'mine' not in globals()\nmine = 1\n"
    train(text + "beside.TIMES.append(1)\n")
    again()
    assert sys.modules["beside"].TIMES == [1, 1]


def test_what_the_study_says_wins_over_the_scripts_own_values(folder):
    text = THREE_LINES + "trial.log(2, {'size': trial.params['size']})\n"
    assert rows(train(text))[-1] == ("size", 2, 2.0)
    assert rows(again(size=5))[-1] == ("size", 2, 5.0)


def test_the_hash_is_of_the_bytes_that_run(folder):
    train(THREE_LINES)
    digest = hashlib.sha256(THREE_LINES.encode()).hexdigest()
    trial = train("raise RuntimeError('what was edited belongs to the next worker')\n")
    assert rows(trial) == [("x", 1, 1.0)]
    assert sources(str(folder)) == {"train.py": digest}


LEAKS = """
import labtui, logging, os, signal, sys, warnings
labtui.current_trial()
sys.path.insert(0, "elsewhere")
os.chdir("/")
os.environ["LEFT_BEHIND"] = "1"
os.environ["HOME"] = "elsewhere"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 60)
warnings.simplefilter("ignore")
sys.stdout = sys.stderr
sys.excepthook = print
logging.basicConfig(level="DEBUG", stream=sys.stderr)
logging.disable()
logging.getLogger(__name__).addHandler(logging.NullHandler())
raise ENDING
"""


def seen():
    root = logging.getLogger()
    return {
        "modules": sys.modules["__main__"],
        "argv": list(sys.argv),
        "path": list(sys.path),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "streams": [sys.stdout, sys.stderr, sys.excepthook],
        "signal": [
            signal.getsignal(signal.SIGTERM),
            signal.getitimer(signal.ITIMER_REAL)[0] > 90,
        ],  # of pytest
        "warnings": list(warnings.filters),
        "logging": [list(root.handlers), root.level, root.manager.disable],
        "logger": list(logging.getLogger("__main__").handlers),
    }


@pytest.mark.parametrize("ending", ["SystemExit", "KeyError", "labtui.trainer.Diverged(3)"])
def test_what_a_script_does_to_its_process_ends_with_it(folder, ending):
    before = seen()
    with contextlib.suppress(KeyError, Diverged):
        train(LEAKS.replace("ENDING", ending))
        assert ending == "SystemExit"
    assert seen() == before


@pytest.mark.parametrize("code", ["", "0", "None"])
def test_leaving_well_is_a_regular_end(folder, code):
    trial = train(THREE_LINES + f"import sys\nsys.exit({code})\n")
    assert rows(trial) == [("x", 1, 1.0)]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("2", "train.py ended itself with exit code 2; its log has what it printed"),
        ("'no data in ~/digits'", "train.py ended itself: no data in ~/digits"),
        ("True", "train.py ended itself with exit code True"),
    ],
)
def test_leaving_with_a_message_or_a_code_fails(folder, code, said):
    with pytest.raises(script.ScriptError) as caught:
        train(THREE_LINES + f"import sys\nsys.exit({code})\n")
    assert str(caught.value).startswith(said)


def test_a_script_that_never_asks_for_its_trial_fails(folder):
    with pytest.raises(script.ScriptError, match=r"train.py ended without asking for its trial; "):
        train("print('trained for nobody')\n")


def test_missing_script_names_the_nearest(folder):
    (folder / "train.py").write_text(THREE_LINES)
    trial = Trial({}, max_steps=1, options={"script": "tain.py", "argv": []})
    with pytest.raises(FileNotFoundError, match=r"no file 'tain.py' in .*did you mean 'train.py'"):
        trainer.train(trial)


def test_classes_of_the_script_can_be_pickled_while_it_runs(folder):
    trial = train(
        THREE_LINES + "import pickle\nclass Point:\n    x = 4\n"
        "trial.log(2, {'x': pickle.loads(pickle.dumps(Point())).x})\n"
    )
    assert rows(trial)[-1] == ("x", 2, 4.0)
    with pytest.raises(AttributeError):
        pickle.loads(b"\x80\x04c__main__\nPoint\n.")


def test_a_traceback_shows_the_lines_that_ran(folder):
    with pytest.raises(ZeroDivisionError) as caught:
        train(THREE_LINES + "1 / 0  # the guilty line\n")
    Path("train.py").write_text("# edited\n" * 4)
    assert "# the guilty line" in str(caught.getrepr())


def test_memory_of_the_last_trial_is_free_when_the_next_begins(folder):
    text = (
        "import labtui, weakref, beside\n"
        "labtui.current_trial()\n"
        "assert not [made for made in beside.MADE if made() is not None]\n"
        "class Model:\n    pass\n"
        "model = Model()\nmodel.itself = model\n"
        "beside.MADE.append(weakref.ref(model))\n"
    )
    (folder / "beside.py").write_text("MADE = []\n")
    train(text)
    again()
    again()
    assert len(sys.modules["beside"].MADE) == 3


# -- in a study ---------------------------------------------------------------------------------

SCRIPT = """
import os, sys, labtui
import beside

trial = labtui.current_trial({"u": 0.5, "extra": 1}, max_steps=10)
x = trial.restore(lambda path: float(open(path).read())) or 1.0
os.chdir("/")
assert sys.argv[1:] == ["--offset", "0.5"]
if trial.params["u"] > 0.9:
    sys.exit("too large")
for step in trial.steps():
    x = 0.9 * x + trial.params["u"] / step
    trial.log(step, {"train/loss": x})
    if trial.should_evaluate(step):
        trial.log(step, {"validation/loss": x, "validation/error_rate": x + beside.OFFSET})
        trial.checkpoint(step, repr(x).encode())
    beside.wait()
"""
STUDY = """
study: s
goal: Does a whole script train?
workload: s
trainer: {script: [train.py, --offset, 0.5]}
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: TRIALS, max_train_steps: STEPS, eval_every: 10}
hyperparameters:
  u: {role: nuisance, range: [0, 1]}
"""


def write(folder, *, trials=12, steps=30, wait="pass"):
    text = STUDY.replace("TRIALS", str(trials)).replace("STEPS", str(steps))
    file = write_study(folder, text, SCRIPT)
    (folder / "beside.py").write_text(f"import time\nOFFSET = 0.0\ndef wait():\n    {wait}\n")
    return file


def test_a_study_trains_with_a_script(paths, tmp_path):
    file = write(tmp_path)
    trials = run(paths, file)
    large = [trial for trial in trials if trial.params["u"] > 0.9]
    assert large
    assert {(t.state, t.reason) for t in large} == {
        ("failed", "ScriptError: train.py ended itself: too large")
    }
    assert {t.state for t in trials if t not in large} == {"completed"}
    digests = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("train.py", "beside.py")
    }
    assert all(trial.code == digests for trial in trials)


def test_a_stopped_script_goes_on_from_its_checkpoint(paths, tmp_path):
    run(paths, write(tmp_path / "whole", trials=1))
    slow = write(tmp_path / "slow", trials=1, wait="time.sleep(0.02)")
    slow.write_text(slow.read_text().replace("study: s", "study: slow"))
    submit(paths, slow)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trials("slow")[0].step > 0)
    client.stop(paths, "slow")
    (trial,) = wait_for_state(paths, "slow", "stopped")
    assert trial.reason.startswith("stopped at step")
    client.resume(paths, "slow")
    wait_for_state(paths, "slow", "completed")
    assert points(paths, "slow") == points(paths, "s")


def test_the_function_of_the_page_trains(paths, tmp_path):
    trials = run(paths, write_page(tmp_path, "A function"))
    assert [(t.state, t.detail) for t in trials] == [("completed", "")] * 12
    values = [trial.value for trial in trials]
    assert min(values) < 0.2
    assert len(set(values)) > 3


def test_the_page_says_which_lines_are_the_three():
    code = blocks(section(text("docs/your-script.md"), "Three lines in a script"), "python")[0]
    marked = [line for line in code.splitlines() if line.endswith(("# 1", "# 2", "# 3"))]
    assert [line.count("trial.") + line.count("current_trial") for line in marked] == [1, 2, 1]
