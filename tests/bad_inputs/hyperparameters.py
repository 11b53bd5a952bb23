"""21 to 39: ranges, choices, conditions, names and values that cannot be; small machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from labtui.engine import devices
from tests.bad_inputs.row import BadInput, Seen, as_seen, call
from tests.bad_inputs.typed import planned, refused, replaced, space, trained, written

RANGE = "lr: {role: nuisance, range: %s}"
LIST = "a: {role: nuisance, values: %s}"
GRID = "design: configurations\n"


def ranged(number: int, bounds: str, message: str) -> BadInput:
    """A range that is refused."""
    return refused(number, f"`range: {bounds}`", space(RANGE % bounds), message)


RANGES = [
    ranged(
        21,
        "[1, 0.1]",
        "study.yaml:8:31: hyperparameters.lr.range: found [1, 0.1]; expected low < high",
    ),
    ranged(
        21,
        "[1, 1.0]",
        "study.yaml:8:31: hyperparameters.lr.range: found [1, 1.0]; expected low < high",
    ),
    ranged(
        22,
        "[0, 1], scale: log",
        (
            "study.yaml:8:31: hyperparameters.lr.range: found [0, 1]; expected low > 0 on a "
            "log scale"
        ),
    ),
    ranged(
        22,
        "[-1, 1], scale: log",
        (
            "study.yaml:8:31: hyperparameters.lr.range: found [-1, 1]; expected low > 0 on a "
            "log scale"
        ),
    ),
    ranged(
        22,
        "[0.5, 1], scale: log, one_minus: true",
        (
            "study.yaml:8:31: hyperparameters.lr.range: found [0.5, 1]; expected high < 1 on "
            "the log scale of 1 - x"
        ),
    ),
    ranged(
        23,
        "[.nan, 1]",
        "study.yaml:8:32: hyperparameters.lr.range[0]: found NaN; expected a finite number",
    ),
    ranged(
        23,
        "[1, .inf]",
        ("study.yaml:8:35: hyperparameters.lr.range[1]: found Infinity; expected a finite number"),
    ),
    ranged(
        23,
        "[1, 1e400]",
        ("study.yaml:8:35: hyperparameters.lr.range[1]: found Infinity; expected a finite number"),
    ),
    ranged(
        23,
        "[1, inf]",
        "study.yaml:8:35: hyperparameters.lr.range[1]: found 'inf'; expected a number",
    ),
    ranged(
        24,
        "[0, 1], step: 0",
        (
            "study.yaml:8:45: hyperparameters.lr.step: found 0; expected a step above 0 and at "
            "most 1"
        ),
    ),
    ranged(
        24,
        "[0, 1], step: -0.1",
        (
            "study.yaml:8:45: hyperparameters.lr.step: found -0.1; expected a step above 0 and "
            "at most 1"
        ),
    ),
    ranged(
        24,
        "[0, 1], step: 2",
        (
            "study.yaml:8:45: hyperparameters.lr.step: found 2; expected a step above 0 and at "
            "most 1"
        ),
    ),
    ranged(
        25,
        "[1.5, 4], integer: true",
        (
            "study.yaml:8:31: hyperparameters.lr.range: found [1.5, 4]; expected whole "
            "numbers, or no 'integer: true'"
        ),
    ),
    refused(
        26,
        "`values: []`",
        space(LIST % "[]"),
        "study.yaml:8:31: hyperparameters.a.values: found []; expected at least one value",
    ),
    refused(
        27,
        "`values: [x, y, x]`",
        space(LIST % "[x, y, x]"),
        "study.yaml:8:38: hyperparameters.a.values[2]: found 'x'; expected every value once",
    ),
    refused(
        27,
        "`values: [1, 1.0]`",
        space(LIST % "[1, 1.0]"),
        "study.yaml:8:35: hyperparameters.a.values[1]: found 1.0; expected every value once",
    ),
    refused(
        27,
        "`values: [1, '1']`",
        space(LIST % "[1, '1']"),
        "study.yaml:8:35: hyperparameters.a.values[1]: found '1'; expected every value once",
    ),
    refused(
        27,
        "lists and mappings as values",
        space(LIST % "[[64, 64], {b: 1}]"),
        (
            "study.yaml:8:32: hyperparameters.a.values[0]: found [64, 64]; expected text, a "
            "number, true or false (write a list in quotes: '[64, 64]')\n"
            'study.yaml:8:42: hyperparameters.a.values[1]: found {"b": 1}; expected text, a '
            "number, true or false (write a list in quotes: '[64, 64]')"
        ),
    ),
    planned(
        27,
        "the same in quotes, as text",
        space(LIST % "['[64, 64]', '{b: 1}']"),
        "a               nuisance  unknown  [64, 64], {b: 1}  always",
        "a ",
    ),
    refused(
        28,
        "a grid of 1000 x 1000 x 1000 x 1000",
        space(
            "{a: &d {role: scientific, range: [1, 1000], integer: true}, b: *d, c: *d, d: *d}",
            trials="",
            extra=GRID,
        ),
        (
            "study.yaml:8:3: hyperparameters: found 1000000000000 combinations of scientific "
            "values; expected at most 10000: list fewer values, or draw them with 'design: "
            "joint'"
        ),
    ),
    refused(
        29,
        "a grid over a continuous range",
        space("a: {role: scientific, range: [0, 1]}", trials="", extra=GRID),
        (
            "study.yaml:8:32: hyperparameters.a.range: found [0, 1]; expected 'values', 'step' "
            "or 'integer' in 'design: configurations'"
        ),
    ),
]

NAMES = [
    refused(
        30,
        "`when: {optimiser: adam}`, which is called `optimizer`",
        space(
            "{optimizer: {role: scientific, values: [sgd, adam]}, "
            "b: {role: nuisance, range: [0, 1], when: {optimiser: adam}}}"
        ),
        (
            "study.yaml:8:98: hyperparameters.b.when.optimiser: found an unknown parent; "
            "expected a hyperparameter of this study — did you mean 'optimizer'?"
        ),
    ),
    refused(
        30,
        "`when: {optimizer: adma}`",
        space(
            "{optimizer: {role: scientific, values: [sgd, adam]}, "
            "b: {role: nuisance, range: [0, 1], when: {optimizer: adma}}}"
        ),
        (
            "study.yaml:8:109: hyperparameters.b.when.optimizer: found adma; expected a value "
            "of 'optimizer' — did you mean 'adam'?"
        ),
    ),
    refused(
        30,
        "three conditions in a circle",
        space(
            "{a: {role: nuisance, values: [1, 2], when: {b: 1}}, "
            "b: {role: nuisance, values: [1, 2], when: {c: 1}}, "
            "c: {role: nuisance, values: [1, 2], when: {a: 1}}}"
        ),
        (
            "study.yaml:8:7: hyperparameters.a: found the circle a → b → c → a; expected "
            "conditions without a circle"
        ),
    ),
    refused(
        30,
        "a condition on itself",
        space("a: {role: nuisance, values: [1, 2], when: {a: 1}}"),
        (
            "study.yaml:8:6: hyperparameters.a: found the circle a → a; expected conditions "
            "without a circle"
        ),
    ),
    refused(
        31,
        "called `seed`",
        space("seed: {role: fixed, value: 1}"),
        (
            "study.yaml:8:3: hyperparameters.seed: found the reserved name 'seed'; expected "
            "another name"
        ),
    ),
    refused(
        31,
        "called `trial`",
        space("trial: {role: fixed, value: 1}"),
        (
            "study.yaml:8:3: hyperparameters.trial: found the reserved name 'trial'; expected "
            "another name"
        ),
    ),
    refused(
        31,
        "`a.b` beside `a`",
        space("{a: {role: fixed, value: 1}, a.b: {role: fixed, value: 1}}"),
        (
            "study.yaml:8:32: hyperparameters.a.b: found 'a.b' beside 'a'; expected names that "
            "are not also the group of another"
        ),
    ),
    refused(
        31,
        "`a: {b: {role: …}}`",
        space("a: {b: {role: fixed, value: 1}}"),
        (
            "study.yaml:8:6: hyperparameters.a.role: found nothing; expected 'role' "
            "(scientific (compared), nuisance (tuned away) or fixed (P06))\n"
            "study.yaml:8:7: hyperparameters.a.b: found the unknown key 'b'; expected one of "
            "role, values, value, range, scale, one_minus, integer, step, when"
        ),
    ),
]

CHOICES = [
    refused(
        34,
        "`sampler: tpe`",
        replaced("hyperparameters:", "sampler: tpe\nhyperparameters:"),
        "study.yaml:7:10: sampler: found 'tpe'; expected 'halton' or 'bayesian'",
    ),
    refused(
        34,
        "`design: random`",
        replaced("hyperparameters:", "design: random\nhyperparameters:"),
        (
            "study.yaml:7:9: design: found 'random'; expected 'separate', 'joint' or "
            "'configurations'"
        ),
    ),
    refused(
        34,
        "`scheduler: asha`",
        replaced("hyperparameters:", "scheduler: asha\nhyperparameters:"),
        (
            "study.yaml:7:1: scheduler: found the unknown key 'scheduler'; expected no such "
            "thing: every trial trains 'budget.max_train_steps' steps, so that their results "
            "compare (P11)"
        ),
    ),
    refused(
        34,
        "`goal: minimise`",
        replaced("goal: minimize", "goal: minimise"),
        (
            "study.yaml:5:33: objective.goal: found 'minimise'; expected 'minimize' or "
            "'maximize' — did you mean 'minimize'?"
        ),
    ),
    refused(
        34,
        "`goal: down`",
        replaced("goal: minimize", "goal: down"),
        "study.yaml:5:33: objective.goal: found 'down'; expected 'minimize' or 'maximize'",
    ),
    refused(
        34,
        "`trainer: nunpy`",
        replaced("trainer: {python: train.py:train}", "trainer: nunpy"),
        (
            "labtui: trainer: this labtui knows no 'nunpy'; it has command, mlx, numpy, "
            "python, torch — did you mean 'numpy'?"
        ),
    ),
    refused(
        36,
        "`pruning: {min_steps: 0, rungs: -1}`: there is none, by design (P11)",
        replaced("hyperparameters:", "pruning: {min_steps: 0, rungs: -1}\nhyperparameters:"),
        (
            "study.yaml:7:1: pruning: found the unknown key 'pruning'; expected no such thing: "
            "every trial trains 'budget.max_train_steps' steps, so that their results compare "
            "(P11)"
        ),
    ),
    refused(
        37,
        "`seed: -1`",
        replaced("hyperparameters:", "seed: -1\nhyperparameters:"),
        "study.yaml:7:7: seed: found -1; expected at least 0",
    ),
    refused(
        37,
        "`seed: 2^64`",
        replaced("hyperparameters:", f"seed: {2**64}\nhyperparameters:"),
        ("study.yaml:7:7: seed: found 18446744073709551616; expected below 18446744073709551616"),
    ),
    refused(
        37,
        "`seed: abc`",
        replaced("hyperparameters:", "seed: abc\nhyperparameters:"),
        "study.yaml:7:7: seed: found 'abc'; expected a whole number",
    ),
]

VALUES = {
    "substitution": "$(rm -rf ~)",
    "semicolon": "; ls",
    "dash": "-rf",
    "newline": "a\nb",
    "big": 2**70,
}
TELL = """
import json, os, sys
with open(os.environ["LABTUI_PARAMS"]) as file:
    long = json.load(file).get("long", "")
lines = [repr(argument) for argument in sys.argv[1:]] + [f"long: {len(long)} times {set(long)}"]
print(json.dumps({"warning": "\\n".join(lines)}))
print(json.dumps({"step": 10, "loss": 0.5}))
"""


def command_study(folder: Path, program: list[str], values: dict[str, object]) -> None:
    """Write a study of one trial of a program, all of its hyperparameters fixed."""
    lines = [f"  {k}: {{role: fixed, value: {json.dumps(v)}}}\n" for k, v in values.items()]
    content = replaced("{python: train.py:train}", json.dumps({"command": program}))
    head = content.partition("  lr:")[0].replace("trials: 4", "trials: 1")
    written(folder, head + "".join(lines))


def told(folder: Path) -> Seen:
    """Train with a real program: the arguments that it got, and what it read from the file."""
    (folder / "tell.py").write_text(TELL)
    program = [sys.executable, "tell.py", *(f"{{{name}}}" for name in VALUES)]
    command_study(folder, program, {**VALUES, "long": "x" * 300_000})
    return run_quietly(folder)


def too_long(folder: Path) -> Seen:
    """Have a program get an argument of 300 kB."""
    command_study(folder, ["echo", "{long}"], {"long": "x" * 300_000})
    return run_quietly(folder)


def remarked(folder: Path) -> Seen:
    """Plan a study with a whole number of 71 bits; the others are of 64 and say nothing."""
    values = f"values: [{2**63 - 1}, {-(2**63)}]"
    written(folder, space(f"a: {{role: fixed, value: {2**70}}}\n  b: {{role: nuisance, {values}}}"))
    return call(folder, "plan", "study.yaml")


def run_quietly(folder: Path) -> Seen:
    """Run in a process, looking at whether there is a lab only: what is in it is long."""
    command = [sys.executable, "-m", "labtui", "run", "study.yaml", "--lab", "lab.db"]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("s: ")]
    lab = "made" if (folder / "lab.db").is_file() else "none"
    return Seen(as_seen("\n".join(lines), folder), ended.returncode, lab)


def with_gpus(count: int, content: str) -> Callable[[Path], Seen]:
    """Run a study on a machine whose driver's tool lists so many GPUs."""

    def do(folder: Path) -> Seen:
        (folder / "train.py").write_text("def train(trial): pass\n")
        (folder / "bin").mkdir()
        tool = folder / "bin" / "nvidia-smi"
        tool.write_text("#!/bin/sh\n" + "".join(f"echo {n}\n" for n in range(count)))
        tool.chmod(0o755)
        written(folder, content)
        devices.devices.cache_clear()
        try:
            return call(
                folder,
                "run",
                "study.yaml",
                environment={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
            )
        finally:
            devices.devices.cache_clear()

    return do


ON_MACHINES = [
    BadInput(
        32,
        "`$(rm -rf ~)`, `; ls`, `-rf`, a newline, `2^70`, 300 kB by file: as programs see them",
        told,
        (
            "hyperparameters.big: 1180591620717411303424 has more than 64 bits: it is kept "
            "exactly, as text where SQLite holds it; programs of 64 bits may round it\n"
            "s/0: '$(rm -rf ~)' '; ls' '-rf' 'a\\nb' '1180591620717411303424' long: 300000 "
            "times {'x'}"
        ),
        0,
        "made",
    ),
    BadInput(
        32,
        "a value of 300 kB as an argument",
        too_long,
        (
            "1 of 1 trials failed; the first, s/0: command: the argument "
            "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx': found 300,000 bytes; an argument can "
            "hold 100,000: let the program read the value from the JSON file {params_file} "
            "(LABTUI_PARAMS); `labtui show s/0` has its traceback"
        ),
        1,
        "made",
    ),
    planned(
        33,
        "`value: 2^70`",
        space(f"a: {{role: fixed, value: {2**70}}}"),
        "a               fixed  unknown  1180591620717411303424  always",
        "a ",
    ),
    BadInput(
        33,
        "the same: what is said about it",
        remarked,
        (
            "hyperparameters.a: 1180591620717411303424 has more than 64 bits: it is kept exactly, "
            "as text where SQLite holds it; programs of 64 bits may round it"
        ),
        0,
        "none",
    ),
    BadInput(
        35,
        "the objective `loss` is never reported, but `los` and `acc` are",
        trained('def train(trial):\n    trial.log(5, {"los": 1.0, "acc": 0.5})\n'),
        (
            "1 of 1 trials failed; the first, s/0: metric 'loss' was never reported; saw los, "
            "acc; did you mean 'los'?; `labtui show s/0` says more"
        ),
        1,
        "made",
    ),
    BadInput(
        38,
        "`device: cuda:9`, without a GPU",
        with_gpus(0, replaced("hyperparameters:", "device: cuda:9\nhyperparameters:")),
        "labtui: device: found 'cuda:9'; this machine has cpu",
        2,
        "none",
    ),
    BadInput(
        38,
        "`device: cuda:9`, with two",
        with_gpus(2, replaced("hyperparameters:", "device: cuda:9\nhyperparameters:")),
        "labtui: device: found 'cuda:9'; this machine has cuda:0, cuda:1, cpu",
        2,
        "none",
    ),
    BadInput(
        38,
        "`device: mps` on Linux",
        with_gpus(0, replaced("hyperparameters:", "device: mps\nhyperparameters:")),
        "labtui: device: found 'mps'; this machine has cpu",
        2,
        "none",
    ),
    BadInput(
        38,
        "`gpus_per_trial: 3`, with one",
        with_gpus(
            1, replaced("hyperparameters:", "device: cuda\ngpus_per_trial: 3\nhyperparameters:")
        ),
        "labtui: gpus_per_trial: found 3; it could have 1: cuda:0",
        2,
        "none",
    ),
    BadInput(
        39,
        "a trial that needs more memory than there is",
        trained("def train(trial):\n    bytearray(10**15)\n"),
        (
            "1 of 1 trials infeasible, none completed; the first, s/0: out of memory; `labtui "
            "show s/0` says more"
        ),
        1,
        "made",
    ),
]

ROWS = [*RANGES, *NAMES, *CHOICES, *ON_MACHINES]
