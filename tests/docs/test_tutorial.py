"""docs/tutorial.md: its commands run in order, and print and conclude what it says."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.docs.pages import blocks, text

PAGE = text("docs/tutorial.md")
NUMBER = re.compile(r"(?<![\w/#])[-−]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w/])")
RELATIVE, EXAMPLES = 0.3, 2 / 360
"""How far a number may be off elsewhere: a seed's path is the same, an image or two may not be."""
CUT, BEGIN = "…", "$ "


@dataclass
class Command:
    """A command of the page, what the page shows of its output, and what it printed."""

    line: str
    shown: list[str]
    printed: str = ""


def commands():
    """Read the commands of the console blocks, in their order."""
    found = []
    for block in blocks(PAGE, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(BEGIN):
                found.append(Command(line.removeprefix(BEGIN), []))
            else:
                found[-1].shown.append(line)
    return found


def labtui(line, folder):
    """Run a command as it stands, in a process of its own."""
    program, *arguments = shlex.split(line)
    assert program == "labtui"
    ours = ("LABTUI_LAB", "COLUMNS", "COVERAGE_")  # as people have it: unmeasured, at full speed
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "labtui", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def follow(folder):
    """Follow the page in an empty folder, and give its commands with what they printed."""
    (study,) = blocks(PAGE, "yaml")
    (name,) = re.findall(r"Save as `(.+?)`", PAGE)
    (folder / name).write_text(study, "utf-8")
    told = commands()
    for command in told:
        found = labtui(command.line, folder)
        assert found.returncode == 0, f"{command.line}\n{found.stderr}"
        command.printed = f"{found.stdout}\n{found.stderr}"
    return told


def printed(told, line):
    """Give what a command of the page printed."""
    (found,) = [command for command in told if command.line == line]
    return found.printed


# -- what is shown ------------------------------------------------------------------------------


def fragments(shown):
    """Cut what is shown where the page cuts or wraps it."""
    pieces = [piece.strip() for line in shown for piece in line.split(CUT)]
    return [re.sub(r"\s+", " ", piece) for piece in pieces if re.search(r"\w", piece)]


def agree(shown, printed):
    """Whether two numbers are as near as another machine's arithmetic may leave them."""
    ours, theirs = (float(x.replace(",", "").replace("−", "-")) for x in (shown, printed))
    whole = "." not in shown and "e" not in shown
    return abs(ours - theirs) <= max(RELATIVE * abs(ours), 1.0 if whole else EXAMPLES)


def is_printed(fragment, output):
    """Whether a fragment stands in an output, but for its numbers within what is allowed."""
    words = [re.escape(word) for word in NUMBER.split(fragment)]
    pattern = f"({NUMBER.pattern})".join(words)
    numbers = NUMBER.findall(fragment)
    return any(all(map(agree, numbers, match.groups())) for match in re.finditer(pattern, output))


def check_outputs(told):
    missing = []
    for command in told:
        output = re.sub(r"\s+", " ", command.printed)
        pieces = fragments(command.shown)
        missing += [(command.line, piece) for piece in pieces if not is_printed(piece, output)]
    assert missing == []


@pytest.mark.parametrize(
    ("fragment", "output", "found"),
    [
        ("best of 10 trials is 0.05", "the best of 11 trials is 0.0556, so", True),
        ("best of 10 trials is 0.05", "the best of 10 trials is 0.0667", False),
        ("verdict: adopt", "verdict: reject", False),
        ("baseline 2 stays", "baseline 4 stays", False),
        ("loss 0.2411 ± 0.02598", "loss 0.25 ± 0.03", True),
    ],
)
def test_an_output_is_compared_by_its_words_and_roughly_by_its_numbers(fragment, output, found):
    assert is_printed(fragment, output) is found


# -- what is claimed ----------------------------------------------------------------------------


def check_first_baseline(lab):
    first = lab.launches()[0]
    assert (first.verdict, first.trial, first.baseline) == ("adopt", "first-look/0", None)
    fresh = [trial.best_value for trial in lab.trials("first-look-launch")]
    assert len(fresh) == 5
    assert sum(fresh) / 5 - lab.study("first-look").best_value > EXAMPLES


def check_cut_ranges(told):
    first = printed(told, "labtui check optimizers")
    second = printed(told, "labtui check optimizers-widen")
    edge = r"^▲ search-boundary  learning_rate \(optimizer=(\w+)\), high"
    assert sorted(re.findall(edge, first, re.M)) == ["adam", "nesterov"]
    assert len(re.findall(r"^  answered: search-boundary", second, re.M)) == 2
    assert not re.findall("^▲ search-boundary", second, re.M)


def check_arms(lab, told):
    def best(study):
        trials = lab.trials(study)
        arms = {trial.params["optimizer"] for trial in trials}
        return {a: min(t.best_value for t in trials if t.params["optimizer"] == a) for a in arms}

    first, second = best("optimizers"), best("optimizers-widen")
    assert max(first, key=first.get) == min(second, key=second.get) == "adam"
    rerun = printed(told, "labtui rerun optimizers-widen --arms")
    assert rerun.startswith("No order of adam and nesterov is supported")
    assert len(lab.trials("optimizers-widen-arms")) == 27


def check_launches(lab, told):
    _, second, third = lab.launches()
    undecided = printed(told, "labtui launch optimizers-widen")
    assert undecided.startswith("undecided: optimizers-widen/23 ")
    assert "test/" not in undecided  # hidden until it is adopted (P32)
    assert (second.verdict, second.trial, second.baseline) == ("adopt", "optimizers-widen/23", 1)
    assert (third.verdict, third.trial, third.baseline) == ("reject", "optimizers-widen/3", 2)
    assert lab.baseline("digits-mlp").id == second.adopted == 2


def check_counts(lab, folder):
    (said,) = re.findall(r"It trains (\d+) times", PAGE)
    assert sum(len(lab.trials(study.name)) for study in lab.studies()) == int(said)
    assert (folder / "log.xlsx").stat().st_size > 10_000


@pytest.mark.timeout(600)  # 22 processes and 178 trials, beside whatever else the machine does
def test_the_story_is_true(tmp_path):
    told = follow(tmp_path)  # once: one test, which no distribution over processes repeats
    with Lab(LabPaths(tmp_path / "lab.db")) as lab:
        check_first_baseline(lab)
        check_cut_ranges(told)
        check_arms(lab, told)
        check_launches(lab, told)
        check_counts(lab, tmp_path)
    check_outputs(told)
