"""A study as one HTML page: what was asked, found and not judged, with its figures and trials.

The page is a single file. It needs neither network nor scripts, and forbids both to itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from labtui import __version__
from labtui.interop.experiment_log import Exported, log_row
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.check import StudyCheck, check_study
from labtui.verdicts.html import Markup, fields, items, markup, tag
from labtui.verdicts.page_figures import figure_sections
from labtui.verdicts.page_findings import (
    explained_section,
    findings_section,
    not_judged_section,
)
from labtui.verdicts.page_tables import arms_table, roles_table, trials_table
from labtui.verdicts.summary import counts_text
from labtui.verdicts.tables import progress
from labtui.verdicts.text import domain_text, duration, number, percent

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What the page may load: nothing."""

PLAYBOOK = "https://github.com/google-research/tuning_playbook"


def study_page(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], *, ranking: str = ""
) -> str:
    """Write a study as an HTML page.

    Args:
        lab: Where its points, notes and definitions are.
        study: The study; its metric, direction and selection say what is judged.
        trials: All its trials.
        ranking: How this objective ranks trials, where it is another than the study's own.
    """
    checked = check_study(lab, study, trials)
    sections = {
        "Findings": findings_section(checked),
        "Arms": _arms(study, trials, checked),
        "Not judged": not_judged_section(checked),
        "Hyperparameters": _roles(lab, study),
        **figure_sections(lab, study, trials, checked.verdict.findings),
        "Trials": trials_table(lab, study, trials),
        "The findings explained": explained_section(checked),
    }
    shown = {name: content for name, content in sections.items() if content}
    body = [
        _head(lab, study, trials, checked, ranking),
        tag("nav", *(tag("a", name, href=f"#{_anchor(name)}") for name in shown)),
        *(
            tag("section", tag("h2", name, id=_anchor(name)), content)
            for name, content in shown.items()
        ),
        _foot(lab),
    ]
    return str(_document(study.name, Markup("".join(body))))


def _document(title: str, body: Markup) -> Markup:
    style = Markup(Path(__file__).with_name("page.css").read_text("utf-8"))
    head = [
        tag("meta", charset="utf-8"),
        # Before anything that it could forbid.
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("title", f"{title} · labtui"),
        tag("style", style),
    ]
    page = tag("html", tag("head", *head), tag("body", body), lang="en")
    return markup(Markup("<!DOCTYPE html>\n"), page)


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


# -- the experiment log (P45) ---------------------------------------------------------------


def _head(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    checked: StudyCheck,
    ranking: str,
) -> Markup:
    row = log_row(lab, Exported(study, trials))
    far = progress(study, trials)
    how = "best over training" if study.selection == "best" else "final value"
    state = f"{study.state}, {study.reason}" if study.reason else study.state
    pairs = [
        ("follows", f"{study.parent} ({study.kind})" if study.parent else ""),
        ("found", counts_text(checked.verdict)),
        ("best", _best(row)),
        ("objective", f"{study.direction} {study.metric} ({how})"),
        ("ranking", ranking),
        ("trials", _trials_words(row, far.done, far.total)),
        ("state", state),
        ("workload", study.workload),
        *((role, row[role]) for role in ("scientific", "nuisance", "fixed")),
        ("elapsed", "" if far.elapsed is None else duration(far.elapsed)),
        ("created", study.created),
        ("finished", study.finished or ""),
        ("imported", _imported(study)),
        ("file", study.file),
        ("commit", _commit(row)),
        ("again", tag("pre", row["command"]) if row["command"] else ""),
        ("launches", row["launches"]),
        ("tags", row["tags"]),
        ("notes", _notes(lab, study)),
    ]
    return tag(
        "header",
        tag("h1", study.name),
        tag("p", study.goal, class_="goal"),
        tag("p", checked.answer.sentence, class_="statement"),
        fields(pairs),
    )


def _best(row: Mapping[str, Any]) -> str:
    if row["best_trial"] is None:
        return "none: no trial has completed with a value"
    words = f"{number(row['best_value'])} in {row['best_trial']} at step {number(row['best_step'])}"
    spread = row["retrain_deviation"]
    return words if spread is None else f"{words} (± {number(spread)} when it is trained again)"


def _trials_words(row: Mapping[str, Any], done: int, total: int) -> str:
    words = f"{done} of {total} done"
    if not row["trials"]:
        return words
    return f"{words}, {row['infeasible']} infeasible ({percent(row['infeasible_share'])})"


def _commit(row: Mapping[str, Any]) -> str:
    if not row["git_commit"]:
        return "not known"
    changed = "with" if row["uncommitted_changes"] else "without"
    return f"{row['git_commit']}, {changed} uncommitted changes"


def _imported(study: StudyRecord) -> str:
    """Say which program's files a study was read from; empty for one of labtui's own."""
    found = study.provenance.get("import")
    if not isinstance(found, Mapping):
        return ""
    return " from ".join(str(found[key]) for key in ("format", "root") if found.get(key))


def _notes(lab: Lab, study: StudyRecord) -> str:
    notes = lab.all_notes(study.name)
    about = ["" if one.trial is None else f"#{one.trial}: " for one in notes]
    said = zip(about, notes, strict=True)
    return items(f"{one.created}  {trial}{one.text}" for trial, one in said) if notes else ""


# -- arms and hyperparameters ---------------------------------------------------------------


def _arms(study: StudyRecord, trials: Sequence[TrialRecord], checked: StudyCheck) -> Markup:
    said = checked.order.statement if checked.order else ""
    return markup(
        tag("p", said, class_="statement") if said else Markup(), arms_table(study, trials)
    )


def _roles(lab: Lab, study: StudyRecord) -> Markup:
    definitions = lab.hyperparameters(study.name)
    return markup(roles_table(definitions), *_caveats(definitions))


def _caveats(definitions: Sequence[Mapping[str, Any]]) -> Iterator[Markup]:
    """Fixed hyperparameters: what is concluded holds for these values (P06)."""
    fixed = [d for d in definitions if d["role"] == "fixed"]
    if fixed:
        words = ", ".join(f"{d['name']}={domain_text(d)}" for d in fixed)
        yield tag("p", "Whatever is concluded holds for these fixed values only: ", words, ".")


def _foot(lab: Lab) -> Markup:
    return tag(
        "footer",
        tag(
            "p",
            f"Written by labtui {__version__} from {lab.paths.db.name}. Procedures (P14 …) are "
            "numbered after the ",
            tag("a", "Deep Learning Tuning Playbook", href=PLAYBOOK),
            ".",
        ),
    )
