"""What is said of imported logs, against the files as they are read here, by hand."""

import csv
import json
import math
import statistics

import pytest

from labtui.cli.app import main
from tests.interop.importing import DATA, opened
from tests.support.algoperf import METRICS

ROOT = DATA / "algoperf"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exact")
    assert main(["import", str(ROOT), "--lab", str(folder / "lab.db")]) == 0
    with opened(folder) as found:
        yield found


def said(lab, capsys, command, name):
    assert main([command, name, "--json", "--lab", str(lab.paths.db)]) == 0
    return json.loads(capsys.readouterr().out)


def by_hand(folder):
    """Read a trial: best value and step, first step without a finite loss, gradient norms."""
    workload = folder.parent.name.rpartition("_")[0]
    leaf, minimize = METRICS[workload]
    best, bad, norms = None, [], []
    with (folder / "measurements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    losses = [n for n in rows[0] if n in ("train/loss", "train/ctc_loss")]
    guarding = next(n for n in rows[0] if n in ("validation/loss", "validation/ctc_loss"))
    for row in rows:
        step = int(float(row["global_step"]))
        if row["validation/num_examples"]:
            finite = {n: math.isfinite(float(row[n] or "nan")) for n in (guarding, *losses)}
            bad += [] if all(finite.values()) else [step]
            value = float(row[f"validation/{leaf}"] or "nan")
            better = best is None or (value < best[0] if minimize else value > best[0])
            if finite[guarding] and math.isfinite(value) and better:
                best = value, step
        elif not row["score"]:
            loss = row.get("loss")
            if loss is not None and not math.isfinite(float(loss or "nan")):
                bad.append(step)
            norm = float(row.get("grad_norm") or "nan")
            norms += [norm] if math.isfinite(norm) else []
    params = folder / "hparams.json"
    return {
        "best": best,
        "bad": min(bad, default=None),
        "norms": sorted(norms),
        "minimize": minimize,
        "params": json.dumps(json.loads(params.read_text()), sort_keys=True)
        if params.exists()
        else "",
        "study": folder.parents[1].name,
    }


def percentile_90(values):
    place = 0.9 * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def test_every_trial_and_every_study_is_as_the_files_say(lab, capsys):
    clipped = diverged = deviations = 0
    for study in lab.studies():
        trials = said(lab, capsys, "show", study.name)["trials"]
        files = {t["trial"]: by_hand(ROOT / t["source"]) for t in trials}
        assert {t["trial"]: (t["best_value"], t["best_step"]) for t in trials} == {
            name: one["best"] for name, one in files.items()
        }
        checked = said(lab, capsys, "check", study.name)
        found = {
            (one["code"], one["subject"].get("trial")): one["evidence"]
            for one in checked["findings"]
        }
        for name, one in files.items():
            evidence = found.get(("clip-threshold", name))
            if evidence:
                clipped += 1
                assert evidence["norms"] == len(one["norms"])
                assert evidence["percentile_90"] == pytest.approx(percentile_90(one["norms"]))
            bad = {
                e["first_nonfinite_step"]
                for (code, trial), e in found.items()
                if (code, trial) == ("diverged", name) and e["first_nonfinite_step"] is not None
            }
            diverged += bool(bad)
            assert bad == ({one["bad"]} if one["bad"] is not None else set()), name
        deviations += compare_luck(found.get(("search-luck", None), {}), trials, files)
    assert clipped > 10
    assert diverged >= 1
    assert deviations >= 2


def compare_luck(evidence, trials, files):
    """Compare how much bests of repetitions, and reruns, deviate: n - 1 degrees of freedom."""
    usable = {t["trial"] for t in trials if t["state"] == "completed"}
    kept = [one for name, one in files.items() if name in usable]
    better = min if files and next(iter(files.values()))["minimize"] else max
    studies, configurations = {}, {}
    for one in kept:
        studies.setdefault(one["study"], []).append(one["best"][0])
        configurations.setdefault(one["params"], []).append(one["best"][0])
    counted = 0
    if len(studies) > 1:
        counted += 1
        bests = [better(values) for values in studies.values()]
        assert evidence["study_deviation"] == pytest.approx(statistics.stdev(bests))
    repeated = [values for values in configurations.values() if len(values) > 1]
    if repeated:
        winner = better(repeated, key=statistics.fmean)
        assert evidence["retrain_deviation"] == pytest.approx(statistics.stdev(winner))
    return counted


def test_trials_rank_as_their_files_do(lab, capsys):
    for study in lab.studies():
        files = {}
        document = said(lab, capsys, "show", study.name)
        for trial in document["trials"]:
            if trial["state"] == "completed":
                files[trial["trial"]] = by_hand(ROOT / trial["source"])
        sign = 1 if next(iter(files.values()))["minimize"] else -1
        ranked = sorted(files, key=lambda name: sign * files[name]["best"][0])
        assert document["best_trial"] == ranked[0]
