"""Ten thousand numbers through each format and back, bit for bit (R17)."""

from __future__ import annotations

import csv
import json
import math
import random
import sqlite3
import struct
from contextlib import closing

import openpyxl
import pytest

from labtui.cli.app import main
from labtui.interop.markdown_export import DIGITS
from labtui.store.changes import NewHyperparameter, NewStudy, NewTrial, add_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

EXPONENTS = range(2047)
"""Of 64-bit numbers that are finite; 0 is that of the subnormal ones."""
WIDTH = 100
ODD = [math.nan, math.inf, -math.inf, -0.0, 0.0]
MAPPING = """\
study: floats
workload: w
objective: {metric: x, goal: minimize}
trial: trial
step: step
values: {x: value}
"""


def every_kind() -> list[float]:
    """Give five numbers of each exponent, with either sign: the first, the last, three between.

    And one of each size below them, of the subnormal ones.
    """
    chosen = random.Random(17)
    found = [-0.0, *(math.ldexp(1.0, exponent) for exponent in range(-1074, -1022))]
    for exponent in EXPONENTS:
        for fraction in (0, 2**52 - 1, *(chosen.getrandbits(52) for _ in range(3))):
            bits = chosen.getrandbits(1) << 63 | exponent << 52 | fraction
            found.append(struct.unpack("<d", struct.pack("<Q", bits))[0])
    return found + found[: -len(found) % WIDTH]


FINITE = every_kind()
TRIALS = len(FINITE) // WIDTH
NAMES = [f"p{number}" for number in range(WIDTH)]
PARAMS = [FINITE[n * WIDTH : (n + 1) * WIDTH] for n in range(TRIALS)]
POINTS = [[*row, ODD[n % len(ODD)]] for n, row in enumerate(PARAMS)]
"""What each trial logged: all of its parameters, and last what is no number, or zero."""


def exactly(values) -> list[str]:
    """Give numbers so that equal ones are the same bits, whatever NaN it is."""
    return ["nan" if value is None or math.isnan(value) else value.hex() for value in values]


def of_lab(values) -> list[str]:
    """The same of what SQLite keeps as a real number: its zeros have no sign."""
    return exactly(value if value is None else value + 0.0 for value in values)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Export a lab with these numbers, as hyperparameters and as points, in every format."""
    folder = tmp_path_factory.mktemp("floats")
    make(folder)
    for kind, target in (("csv", "csv"), ("xlsx", "x.xlsx"), ("markdown", "x.md"),
                         ("sqlite", "x.sqlite")):  # fmt: skip
        words = ["export", "floats", "--format", kind, "--to", str(folder / target)]
        assert main([*words, "--lab", str(folder / "lab.db")]) == 0
    return folder


def make(folder) -> None:
    study = NewStudy(
        name="floats",
        workload="w",
        trainer="numpy",
        goal="g",
        metric="x",
        direction="minimize",
        selection="final",
        seed=1,
        sequence="halton-1",
        total=TRIALS,
        spec={},
        folder="/nowhere",
        interpreter="python",
        hyperparameters=[
            NewHyperparameter(name, "fixed", None, {"role": "fixed", "value": 1.0})
            for name in NAMES  # to be judged, 100 dimensions would take minutes
        ],
    )
    trials = [
        NewTrial(n, n, "", dict(zip(NAMES, row, strict=True)), {}, 1, WIDTH, state="queued")
        for n, row in enumerate(PARAMS)
    ]
    with Writer(LabPaths(folder / "lab.db")) as writer:
        add_study(writer, study, trials)
        for n, row in enumerate(POINTS):
            writer.watch(n + 1, "x", minimize=True)
            writer.add_points(n + 1, [("x", step, value) for step, value in enumerate(row)])
        writer.execute("UPDATE trials SET state = 'completed'")
        writer.commit()


def test_they_are_what_the_contract_asks_for():
    values = [value for row in POINTS for value in row]
    assert len(values) >= 10_000
    found = {math.frexp(value)[1] for value in values if math.isfinite(value) and value}
    assert found >= set(range(-1073, 1025))
    assert any(0 < abs(value) < 2.0**-1022 for value in values)


def test_the_lab_has_them(folder):
    with Lab(LabPaths(folder / "lab.db")) as lab:
        points: dict[int, list[float]] = {}
        for number, _, _, value in lab.points("floats"):
            points.setdefault(number, []).append(value)
        params = [list(trial.params.values()) for trial in lab.trials("floats")]
    assert [exactly(row) for row in params] == [exactly(row) for row in PARAMS]
    assert [exactly(points[n]) for n in range(TRIALS)] == [of_lab(row) for row in POINTS]


def test_csv(folder):
    with (folder / "csv" / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    params = [[float(row[f"param.{name}"]) for name in NAMES] for row in rows]
    assert [exactly(row) for row in params] == [exactly(row) for row in PARAMS]
    last = [float(row["last_value"]) for row in rows]
    assert exactly(last) == of_lab(row[-1] for row in POINTS)
    assert [row["last_value"] for row in rows[:5]] == ["nan", "inf", "-inf", "0.0", "0.0"]
    with (folder / "csv" / "metrics.csv").open(newline="") as stream:
        values = [float(row["value"]) for row in csv.DictReader(stream)]
    assert exactly(values) == of_lab(value for row in POINTS for value in row)


def test_xlsx(folder):
    book = openpyxl.load_workbook(folder / "x.xlsx", read_only=True)
    header, *rows = book["floats"].iter_rows(values_only=True)
    book.close()
    places = [header.index(f"param.{name}") for name in NAMES]
    params = [[float(row[place]) for place in places] for row in rows]
    assert [exactly(row) for row in params] == [exactly(row) for row in PARAMS]
    last = [row[header.index("last_value")] for row in rows]
    assert last[:3] == ["nan", "inf", "-inf"]
    assert exactly(map(float, last)) == of_lab(row[-1] for row in POINTS)


def test_sqlite(folder):
    with closing(sqlite3.connect(folder / "x.sqlite")) as database:
        columns = ", ".join(f"param_{name}" for name in NAMES)
        params = database.execute(f"SELECT {columns} FROM trials ORDER BY point").fetchall()
        last = database.execute("SELECT last_value FROM trials ORDER BY point").fetchall()
        values = database.execute("SELECT value FROM metrics ORDER BY rowid").fetchall()
    assert [exactly(row) for row in params] == [of_lab(row) for row in PARAMS]
    assert exactly(one for (one,) in last) == of_lab(row[-1] for row in POINTS)
    assert exactly(one for (one,) in values) == of_lab(value for row in POINTS for value in row)


def test_json(folder, capsys):
    assert main(["show", "floats", "--json", "--lab", str(folder / "lab.db")]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    document = json.loads(capsys.readouterr().out, parse_constant=refuse)
    trials = sorted(document["trials"], key=lambda trial: trial["number"])
    params = [[trial["params"][name] for name in NAMES] for trial in trials]
    assert [exactly(row) for row in params] == [exactly(row) for row in PARAMS]
    last = [trial["last_value"] for trial in trials]
    assert last[:3] == ["NaN", "Infinity", "-Infinity"]
    assert exactly(map(float, last)) == of_lab(row[-1] for row in POINTS)


def test_markdown_has_five_digits_of_them(folder):
    lines = (folder / "x.md").read_text("utf-8").splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("| trial"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[head:]]
    header, rows = cells[0], [row for row in cells[2:] if row[0].startswith("floats/")]
    assert len(rows) == 10
    for row in rows:
        n = int(row[0].partition("/")[2])
        shown = [row[header.index(name)] for name in NAMES]
        assert shown == [f"{value:.{DIGITS}g}" for value in PARAMS[n]]


def test_an_export_comes_back_as_it_was(folder):
    (folder / "m.yaml").write_text(MAPPING)
    words = ["import", str(folder / "csv" / "metrics.csv"), "--mapping", str(folder / "m.yaml")]
    assert main([*words, "--lab", str(folder / "back.db")]) == 0
    with Lab(LabPaths(folder / "back.db")) as lab:
        source = {trial.number: trial.source for trial in lab.trials("floats")}
        found: dict[str, list[float]] = {}
        for number, _, _, value in lab.points("floats"):
            found.setdefault(source[number], []).append(value)
    assert [exactly(found[f"floats/{n}"]) for n in range(TRIALS)] == [of_lab(row) for row in POINTS]
