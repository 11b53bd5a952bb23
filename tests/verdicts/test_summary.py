"""How findings are brought together and written."""

from labtui.analysis.findings import cannot_judge, finding, gather
from labtui.verdicts.summary import Unjudged, counts_text, entries, reasons, subject_text


def about(trial, *, best=False, severity="warning", arm="optimizer=adam"):
    evidence = {"best_of_arm": True} if best else {}
    subject = {"trial": trial, "arm": arm}
    return finding(
        "overfitting", severity, f"{trial} rises", "regularize", subject=subject, evidence=evidence
    )


EDGE = finding(
    "search-boundary",
    "alert",
    "the best lie at the high end",
    "widen",
    subject={"hyperparameter": "learning_rate", "condition": "optimizer=adam", "side": "high"},
)


def test_findings_about_trials_are_one_entry_with_the_best_of_arms_first():
    verdict = gather([about("s/1"), about("s/2", best=True, severity="alert"), about("s/3"), EDGE])
    edge, over = entries(verdict, trials=40)
    assert (edge.code, over.code) == ("search-boundary", "overfitting")
    assert over.severity == "alert"
    assert over.first.subject["trial"] == "s/2"
    assert over.headline == "3 of 40 trials; in the best of optimizer=adam"


def test_arms_with_long_names_are_counted():
    long = "learning_rate=0.0544278776441507, weight_decay=6.179017778419278e-05, optimizer=adam"
    best = [about(f"s/{i}", best=True, arm=f"{long}, depth={i}") for i in range(3)]
    (entry,) = entries(gather(best), trials=9)
    assert entry.headline == "3 of 9 trials; in the best of 3 arms"
    (entry,) = entries(gather([best[0], about("s/9", arm=f"{long}, depth=0")]), trials=9)
    assert entry.headline == "2 of 9 trials; in the best of s/0"


def test_what_selection_hides_is_said_to_be_hidden():
    (entry,) = entries(gather([about("s/1"), about("s/3")]), trials=40)
    assert entry.headline == "2 of 40 trials; in none that is the best of its arm"


def test_findings_about_other_things_stay_apart():
    other = finding(
        "search-boundary", "warning", "low", "widen", subject={"hyperparameter": "momentum"}
    )
    found = entries(gather([other, EDGE]), trials=40)
    assert [entry.severity for entry in found] == ["alert", "warning"]
    assert found[0].headline == "learning_rate (optimizer=adam), high"


def test_subjects_are_cleaned():
    assert subject_text({"trial": "s/1\x1b[31m", "metric": "loss"}) == "s/1␛[31m, loss"
    assert subject_text({}) == ""


def test_counts_and_reasons():
    verdict = gather(
        [
            EDGE,
            about("s/1"),
            about("s/2"),
            *[cannot_judge("overfitting", "short", trial=t) for t in "ab"],
        ]
    )
    assert counts_text(verdict) == "1 alert, 1 warning"
    assert reasons(verdict.not_judged) == [Unjudged("overfitting", "short", "", 2)]
    assert counts_text(gather([])) == "nothing found"
    assert verdict.worst == "alert"


def test_reasons_that_differ_in_their_numbers_are_told_once():
    unknown = [cannot_judge("diverged", f"{n} of 8 losses", trial=f"s/{n}") for n in range(3)]
    other = cannot_judge("insensitive", "4 % over 40 trials", hyperparameter="depth")
    assert reasons([other, *unknown]) == [
        Unjudged("insensitive", "4 % over 40 trials", "depth", 1),
        Unjudged("diverged", "0 of 8 losses", "", 3),
    ]
