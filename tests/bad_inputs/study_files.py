"""1 to 20: study files that are missing, odd, hostile or mistyped."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from labtui.study.errors import StudyError
from labtui.study.spec import parse_study
from tests.bad_inputs.row import BadInput, Seen, as_seen, call
from tests.bad_inputs.typed import (
    BASE,
    as_nobody,
    in_lab,
    made_by,
    planned,
    reachable,
    refused,
    replaced,
    space,
    written,
)
from tests.support.labs import make_lab

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


REFUSED_WITHIN = 0.1
"""Seconds that the contract allows for a bomb; it takes 0.02."""

TRAINS = space("u: {role: nuisance, range: [0, 1]}")


def bombed(folder: Path) -> Seen:
    """Read the bomb; the least of five times, in seconds of this process, is that of the bomb."""
    times = []
    for _ in range(5):
        began = time.process_time()
        with contextlib.suppress(StudyError):
            parse_study(BOMB)
        times.append(time.process_time() - began)
    assert min(times) < REFUSED_WITHIN, times
    written(folder, BOMB)
    return call(folder, "run", "study.yaml")


def unreadable(folder: Path) -> Seen:
    """Read a file of mode 0000 as a user who is not root."""
    written(folder, BASE).chmod(0)
    folder.chmod(0o755)
    return as_nobody(folder, "run", "study.yaml")


def edited(*options: str, edit: tuple[str, str]) -> Callable[[Path], Seen]:
    """Have a study in the lab, edit its file, and run it."""

    def do(folder: Path) -> Seen:
        (folder / "train.py").write_text("def train(trial): pass\n")
        written(folder, TRAINS)
        in_lab(folder)
        old, new = edit
        assert old in TRAINS
        written(folder, TRAINS.replace(old, new))
        return call(folder, "run", "study.yaml", *options)

    return do


ODD_FILES = [
    made_by(
        1,
        "a file that is not there",
        lambda path: None,
        "study.yaml: no such file; `labtui init` writes a study",
    ),
    made_by(
        1,
        "`stdy.yaml`, beside `study.yaml`",
        lambda path: path.write_text(BASE),
        "stdy.yaml: no such file — did you mean 'study.yaml'?",
        "run",
        "stdy.yaml",
    ),
    made_by(2, "a directory", Path.mkdir, "study.yaml: is a directory; name the file in it"),
    refused(
        3,
        "an empty file",
        "",
        ("study.yaml:1:1: found an empty study; expected keys such as 'study' (see `labtui init`)"),
    ),
    refused(
        3,
        "only comments",
        "# nothing\n\n# here\n",
        ("study.yaml:1:1: found an empty study; expected keys such as 'study' (see `labtui init`)"),
    ),
    refused(
        4,
        "indented with a tab",
        "study: s\nbudget:\n\ttrials: 3\n",
        ("study.yaml:3:1: budget: found a tab; expected spaces (YAML does not indent with tabs)"),
    ),
    refused(
        5,
        "`seed:` twice",
        BASE + "seed: 1\nseed: 2\n",
        (
            "study.yaml:10:1: seed: found a second 'seed' (the first is on line 9); expected "
            "every key once"
        ),
    ),
    refused(
        5,
        "`lr:` twice",
        space("lr: {role: fixed, value: 1}\n  lr: {role: fixed, value: 2}"),
        (
            "study.yaml:9:3: hyperparameters.lr: found a second 'lr' (the first is on line 8); "
            "expected every key once"
        ),
    ),
    refused(
        6,
        "`trails:`",
        replaced("trials:", "trails:"),
        (
            "study.yaml:6:10: budget.trails: found the unknown key 'trails'; expected one of "
            "trials, repetitions, max_train_steps, eval_every, hours, timeout, stack — did you "
            "mean 'trials'?"
        ),
    ),
    refused(
        7,
        "`!!python/object/apply:os.system`",
        "study: !!python/object/apply:os.system ['touch canary']\n",
        (
            "study.yaml:1:8: study: found the tag "
            "'tag:yaml.org,2002:python/object/apply:os.system'; expected no tag: YAML tags are "
            "not allowed"
        ),
    ),
    refused(
        7,
        "`!include`",
        "study: !include canary\n",
        (
            "study.yaml:1:8: study: found the tag '!include'; expected no tag: YAML tags are "
            "not allowed"
        ),
    ),
    BadInput(
        8,
        "nine levels of nine aliases each (billion laughs), refused in less than 0.1 s",
        bombed,
        (
            "study.yaml:5:8: e[0]: found more than 10000 values (aliases written out); "
            "expected fewer"
        ),
        2,
        "none",
    ),
    made_by(
        9,
        "2 GB",
        lambda path: sparse(path, 2_000_000_000),
        (
            "study.yaml: found 2000000000 bytes; expected a study file of at most 1000000 "
            "bytes (1 MB)"
        ),
    ),
    refused(
        10,
        "UTF-16",
        BASE.encode("utf-16"),
        (
            "study.yaml: found UTF-16 at byte 0; expected UTF-8: iconv -f utf-16 -t utf-8 "
            "study.yaml > study-utf8.yaml"
        ),
    ),
    planned(
        10,
        "UTF-8 with a byte order mark",
        b"\xef\xbb\xbf" + BASE.encode(),
        "study      s",
        "study ",
    ),
    refused(
        10,
        "Latin-1",
        b"study: caf\xe9\n",
        (
            "study.yaml: found the byte 0xe9 at byte 10, which is not UTF-8; expected UTF-8: "
            "iconv -f latin1 -t utf-8 study.yaml > study-utf8.yaml"
        ),
    ),
    refused(
        11,
        "a NUL byte",
        b"study: a\0b\n",
        "study.yaml: found a NUL character at byte 8; expected text",
    ),
    refused(
        12,
        "two documents",
        BASE + "---\nstudy: t\n",
        "study.yaml:9:1: found a second document ('---'); expected one study a file",
    ),
    refused(
        13,
        "a list at the top",
        "- study\n- budget\n",
        (
            'study.yaml:1:1: found ["study", "budget"]; expected a mapping: keys such as '
            "'study', each with a value"
        ),
    ),
    refused(
        14,
        "`integer: no`, which is a word in YAML 1.2",
        space("a: {role: nuisance, range: [1, 2], integer: no}"),
        (
            "study.yaml:8:47: hyperparameters.a.integer: found 'no'; expected true or false — "
            "did you mean 'false'?"
        ),
    ),
    refused(
        14,
        "`one_minus: on`",
        space("a: {role: nuisance, range: [0.1, 0.5], one_minus: on}"),
        (
            "study.yaml:8:53: hyperparameters.a.one_minus: found 'on'; expected true or false "
            "— did you mean 'true'?"
        ),
    ),
    planned(
        14,
        "`1e-3`, a number here",
        replaced("1e-4", "1e-3"),
        "lr              nuisance  optimizer, by its name  log 0.001 … 0.1  always",
        "lr ",
    ),
    refused(
        14,
        "`trials: 1_000`",
        replaced("trials: 4", "trials: 1_000"),
        (
            "study.yaml:6:18: budget.trials: found 1_000, which is a word here; expected a "
            "decimal number without '_' or ':', or quotes around a word"
        ),
    ),
    refused(
        14,
        "`0o17`",
        space("a: {role: fixed, value: 0o17}"),
        (
            "study.yaml:8:27: hyperparameters.a.value: found 0o17, which is an octal number; "
            "expected a decimal number without '_' or ':', or quotes around a word"
        ),
    ),
    refused(
        14,
        "`12:30`",
        space("a: {role: fixed, value: 12:30}"),
        (
            "study.yaml:8:27: hyperparameters.a.value: found 12:30, which is a word here; "
            "expected a decimal number without '_' or ':', or quotes around a word"
        ),
    ),
    refused(
        15,
        "`trials: 0`",
        replaced("trials: 4", "trials: 0"),
        "study.yaml:6:18: budget.trials: found 0; expected at least 1",
    ),
    refused(
        15,
        "`trials: -1`",
        replaced("trials: 4", "trials: -1"),
        "study.yaml:6:18: budget.trials: found -1; expected at least 1",
    ),
    refused(
        15,
        "`trials: 1.5`",
        replaced("trials: 4", "trials: 1.5"),
        "study.yaml:6:18: budget.trials: found 1.5; expected a whole number",
    ),
    refused(
        15,
        '`trials: "ten"`',
        replaced("trials: 4", 'trials: "ten"'),
        "study.yaml:6:18: budget.trials: found 'ten'; expected a whole number",
    ),
    refused(
        15,
        "`trials: 1e9`",
        replaced("trials: 4", "trials: 1e9"),
        (
            "study.yaml:6:18: budget.trials: found 1000000000 trials in all; expected at most "
            "100000, or `--yes` to confirm"
        ),
    ),
    BadInput(
        15,
        "`trials: 1e9`, agreed to with `plan --yes`",
        lambda folder: large(folder),
        "trials     1000000000: 1 arm of 1000000000",
        0,
        "none",
    ),
    BadInput(
        16,
        "the space edited, run again (`--new` or undo the change)",
        edited(edit=("range: [0, 1]", "range: [0, 2]")),
        (
            "labtui: study 's' is in the lab already and was asked for differently:\n"
            "  hyperparameters.u.range: [0, 1] → [0, 2]\n"
            "add --new to run this one under another name, or undo the change"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        16,
        "the space edited, `--extend`",
        edited("--extend", edit=("range: [0, 1]", "range: [0, 2]")),
        (
            "labtui: study 's' is in the lab already and was asked for differently:\n"
            "  hyperparameters.u.range: [0, 1] → [0, 2]\n"
            "add --new to run this one under another name, or undo the change"
        ),
        2,
        "unchanged",
    ),
    BadInput(
        16,
        "more trials, run again without `--extend`",
        edited(edit=("trials: 4", "trials: 5")),
        (
            "labtui: study 's' is in the lab already with another budget:\n"
            "  budget.trials: 4 → 5\n"
            "add --extend to train the further trials, or --new to start afresh"
        ),
        2,
        "unchanged",
    ),
]


def sparse(path: Path, size: int) -> None:
    """Make a file of a size that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(size)


def large(folder: Path) -> Seen:
    """Plan a study of a billion trials."""
    written(folder, replaced("trials: 4", "trials: 1e9"))
    seen = call(folder, "plan", "study.yaml", "--yes", out=True)
    lines = [line for line in seen.message.splitlines() if line.startswith("trials ")]
    return Seen("\n".join(lines), seen.code, seen.lab)


def named(what: str, name: str, message: str) -> BadInput:
    """A study of an odd name: how it is planned, listed, and what its exports are called."""

    def do(folder: Path) -> Seen:
        content = space("a: {role: fixed, value: 1}").replace(
            "study: s", f"study: {json.dumps(name)}"
        )
        written(folder, content)
        planned = call(folder, "plan", "study.yaml", out=True)
        make_lab(folder, name=name, points=1, evaluations=2)
        listed = call(folder, "list", out=True)
        exported = call(folder, "export", "--", name)
        names = sorted({str(p.parent.relative_to(folder)) for p in folder.rglob("*.csv")})
        lines = [
            planned.message.splitlines()[0],
            " ".join(listed.message.splitlines()[1].split()[:3]),
            *names,
        ]
        worst = max(planned.code, listed.code, exported.code)
        return Seen(as_seen("\n".join(lines), folder), worst, exported.lab)

    return BadInput(17, what, do, message, 0, "unchanged")


NAMES = [
    named(
        "a study called `../../etc/x`",
        "../../etc/x",
        ("study      ../../etc/x\n../../etc/x completed 2/2\nstudy-etc-x-56da1a2e.export"),
    ),
    named(
        "a study called `C:\\x`",
        "C:\\x",
        ("study      C:\\x\nC:\\x completed 2/2\nstudy-c-x-520186e2.export"),
    ),
    named(
        "a study called `CON`",
        "CON",
        ("study      CON\nCON completed 2/2\nstudy-con-a3dbc4b6.export"),
    ),
    named(
        "a name of 300 characters",
        "n" * 300,
        (
            "study      "
            "…\n"
            "… "
            "completed 2/2\n"
            "study-nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-230b0774.export"
        ),
    ),
    refused(
        17,
        "an empty name",
        replaced("study: s", "study: ''"),
        "study.yaml:1:8: study: found ''; expected at least one character",
    ),
    named("a study called `.`", ".", ("study      .\n. completed 2/2\nstudy-cdb4ee2a.export")),
    named("a study called 🧪", "🧪", ("study      🧪\n🧪 completed 2/2\nstudy-0db66ddb.export")),
    named(
        "`\\e]0;t\\a` in quotes, which would set a terminal's title",
        "\x1b]0;t\x07",
        ("study      ␛]0;t␇\n␛]0;t␇ completed 2/2\nstudy-0-t-eb54f9a4.export"),
    ),
    refused(
        17,
        "the same, raw in the file",
        replaced("study: s", "study: \x1b]0;t"),
        "study.yaml:1:8: found the control character ␛; expected printable text",
    ),
]

SPECIAL = [
    made_by(
        18,
        "a symbolic link to itself",
        lambda path: path.symlink_to(path),
        "study.yaml: a loop of symbolic links; name the file itself",
    ),
    BadInput(
        19,
        "a file of mode 0000",
        reachable(unreadable),
        "study.yaml: no permission to read it; its owner gives it with `chmod +r`",
        2,
        "none",
    ),
    made_by(
        20,
        "a FIFO nobody writes to",
        os.mkfifo,
        "study.yaml: not a regular file; nothing is read from a pipe or a device",
    ),
    made_by(
        20,
        "a link to `/dev/zero`",
        lambda path: path.symlink_to("/dev/zero"),
        "study.yaml: not a regular file; nothing is read from a pipe or a device",
    ),
    made_by(
        20,
        "`/dev/zero` itself",
        lambda path: None,
        "/dev/zero: not a regular file; nothing is read from a pipe or a device",
        "run",
        "/dev/zero",
    ),
]

ROWS = [*ODD_FILES, *NAMES, *SPECIAL]
