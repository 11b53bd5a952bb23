"""`labtui show`: a study with its tables, or a trial with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labtui.cli.common import (
    GoalOption,
    JsonOption,
    LabOption,
    MetricOption,
    Misuse,
    Reference,
    SelectOption,
    open_lab,
)
from labtui.cli.output import print_fields, print_json, print_table, write, write_sentence
from labtui.cli.show_trials import (
    ColumnsOption,
    FilterOption,
    ReverseOption,
    SortOption,
    TableAsked,
    TrialsOption,
    print_trials,
    show_trials,
)
from labtui.cli.standing import print_notes, standing

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.objective import Asked

ARM_HEADERS = (
    "arm",
    "trials",
    "completed",
    "infeasible",
    "failed",
    "best",
    "gap",
    "step",
    "trial",
    "median",
)
PLOT = 14
"""Lines of the isolation plot: enough for its axis, notes and the order of a few arms."""


def show(
    name: Reference,
    lab: LabOption = None,
    metric: MetricOption = None,
    select: SelectOption = None,
    goal: GoalOption = None,
    log: Annotated[
        int | None,
        typer.Option("--log", metavar="N", help="Of a trial: the last N lines that it printed."),
    ] = None,
    keep: FilterOption = None,
    trials: TrialsOption = None,
    sort: SortOption = None,
    reverse: ReverseOption = False,
    columns: ColumnsOption = None,
    json: JsonOption = False,
) -> None:
    """Show a study or a trial.

    A study: goal, roles, arms, trials; with --filter, --trials, --sort, --reverse or --columns the
    table of its trials alone. A trial: why it ended, values, its parameters beside the baseline's
    and the best one's, what reproduces it, traceback, checkpoints.
    """
    if log is not None and log < 1:
        raise Misuse(f"found --log {log}; expected how many lines, 1 or more")
    table = TableAsked(keep or "", trials, sort or "", reverse, columns)
    from labtui.store.records import StudyRecord
    from labtui.verdicts.objective import Asked

    asked = Asked(metric, select, goal)
    with open_lab(lab) as opened:
        found = opened.find(name)
        if isinstance(found, StudyRecord):
            if log is not None:
                raise Misuse(f"--log is for a trial, and {name} is a study: name {name}/0, say")
            if table:
                show_trials(opened, found, asked, table, json=json)
            else:
                _show_study(opened, found, asked, json=json)
        elif table:
            raise Misuse(f"{table.named} is for a study, and {name} is a trial: name {found.study}")
        else:
            _show_trial(opened, found, asked, log, json=json)


def _show_study(lab: Lab, study: StudyRecord, asked: Asked, *, json: bool) -> None:
    from labtui.verdicts.documents import study_document
    from labtui.verdicts.objective import compare, ranking_text, reselect

    chosen, trials = reselect(lab, study, asked)
    change = compare(study, lab.trials(study.name), chosen, trials) if asked else None
    if json:
        parent = _beside_parent(lab, study)
        print_json(study_document(lab, chosen, trials, change, parent))
    else:
        _print_study(lab, chosen, trials, ranking_text(change) if change else "")


def _show_trial(lab: Lab, trial: TrialRecord, asked: Asked, log: int | None, *, json: bool) -> None:
    from labtui.verdicts.documents import trial_document
    from labtui.verdicts.objective import reselect_trial

    study, chosen = reselect_trial(lab, trial, asked)
    if json:
        from labtui.verdicts.trial_facts import facts_document

        print_json({**trial_document(lab, chosen), **facts_document(lab, study, chosen, log)})
    else:
        print_trial(lab, chosen, study)
        _print_output(lab, chosen, log)


def _print_study(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], ranking: str = ""
) -> None:
    from labtui.verdicts.answer import answer_of
    from labtui.verdicts.arm_names import named

    write_sentence(answer_of(lab, study, trials).sentence)
    write()
    trials, _ = named(lab, study, trials)
    _print_summary(study, trials, ranking, standing(lab, study.name, study.name))
    _print_beside_parent(lab, study)
    print_roles(lab, study)
    print_arms(study, trials)
    _print_sample_error(lab, study, trials)
    _print_isolation(lab, study, trials)
    write()
    nuisance = {d["name"] for d in lab.hyperparameters(study.name) if d["role"] == "nuisance"}
    print_trials(trials, nuisance)
    print_notes(lab.all_notes(study.name))


def _beside_parent(lab: Lab, study: StudyRecord) -> dict[str, Any] | None:
    """Describe what became of the findings of a parent; no toolkit is loaded without one."""
    if not study.parent:
        return None
    from labtui.verdicts.lineup import line_up, lineup_document

    return lineup_document(line_up(lab, study))


def _print_beside_parent(lab: Lab, study: StudyRecord) -> None:
    if study.parent:
        from labtui.cli.check import print_lineup
        from labtui.verdicts.lineup import line_up

        print_lineup(line_up(lab, study))


def _print_summary(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    ranking: str,
    more: Sequence[tuple[str, str]],
) -> None:
    from labtui.interop.experiment_log import command_again
    from labtui.study.kinds import REPEATED
    from labtui.verdicts.tables import progress
    from labtui.verdicts.text import duration, number

    far = progress(study, trials)
    how = "best over training" if study.selection == "best" else "final value"
    best = far.best_trial
    print_fields(
        [
            ("study", study.name),
            ("goal", study.goal),
            ("follows", f"{study.parent} ({study.kind})" if study.parent else ""),
            ("state", f"{study.state}, {study.reason}" if study.reason else study.state),
            ("workload", study.workload),
            ("objective", f"{study.direction} {study.metric} ({how})"),
            ("ranking", ranking),
            ("trials", f"{far.done} of {far.total} done, {far.infeasible} infeasible"),
            (
                "best",
                ""
                if best is None or study.kind in REPEATED
                else f"{number(far.best_value)} in {study.name}/{best}",
            ),
            ("elapsed", "" if far.elapsed is None else duration(far.elapsed)),
            ("left", "" if far.eta is None else f"about {duration(far.eta)}"),
            *more,
            ("file", study.file),
            ("commit", _commit(study)),
            ("again", command_again(study)),
        ]
    )


def print_roles(lab: Lab, study: StudyRecord) -> None:
    """Print the role of every hyperparameter and the values it can take."""
    from labtui.verdicts.text import condition_text, domain_text

    rows = [
        (item["name"], item["role"], domain_text(item), condition_text(item) or "always")
        for item in lab.hyperparameters(study.name)
    ]
    if rows:
        write()
        print_table(("hyperparameter", "role", "values", "when"), rows)


def print_arms(study: StudyRecord, trials: Sequence[TrialRecord]) -> None:
    """Print the table of arms; of reruns, which are compared by their means, those."""
    from labtui.study.kinds import REPEATED
    from labtui.verdicts.tables import arms
    from labtui.verdicts.text import number, share_text

    if study.kind in REPEATED:
        _print_means(trials)
        return
    rows = [
        (
            row.arm or "all",
            str(row.trials),
            str(row.completed),
            share_text(row.infeasible, row.ended),
            share_text(row.failed, row.ended),
            number(row.best_value),
            number(row.gap),
            number(row.best_step),
            number(row.best_trial),
            number(row.median_value),
        )
        for row in arms(study, trials)
    ]
    write()
    print_table(ARM_HEADERS, rows, right=" ".join(ARM_HEADERS[1:]))


def _print_means(trials: Sequence[TrialRecord]) -> None:
    from labtui.verdicts.arm_names import MEAN_HEADERS, mean_rows
    from labtui.verdicts.text import number, share_text

    rows = [
        (
            row.arm or "all",
            str(row.trials),
            str(row.ended),
            share_text(row.infeasible, row.ended),
            number(row.mean),
            number(row.deviation),
        )
        for row in mean_rows(trials)
    ]
    write()
    print_table(MEAN_HEADERS, rows, right=" ".join(MEAN_HEADERS[1:]))


def _print_sample_error(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> None:
    """Print, beside the gaps of arms, what the validation sample alone leaves open (P30)."""
    from labtui.analysis.sample import sample_error
    from labtui.verdicts.loading import Declared, declared_metrics

    examples = declared_metrics(lab, study).get(study.metric, Declared()).examples
    error = sample_error(study.metric, study.best_value, examples)
    if error is not None and len({trial.arm for trial in trials}) > 1:
        write_sentence(f"standard error of {examples} validation examples: {error:.2g}")


def _print_isolation(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> None:
    """Draw the best of each arm after tuning the rest (P24), where there are several to compare."""
    from labtui.study.kinds import COMPLETE

    compared = {trial.arm for trial in trials if trial.value is not None}
    if len(compared) < 2 or study.kind in COMPLETE:
        return
    from labtui.cli.plot import draw
    from labtui.verdicts.gallery import figures_of

    write()
    draw([one.spec for one in figures_of(lab, study, trials, "isolation", None)[:1]], height=PLOT)


def print_trial(lab: Lab, trial: TrialRecord, study: StudyRecord | None = None) -> None:
    """Print all that is known of a trial.

    Args:
        lab: Where it is.
        trial: The trial.
        study: Its study, where it has another objective than the lab says.
    """
    from labtui.verdicts.arm_names import arm_names
    from labtui.verdicts.documents import last_value
    from labtui.verdicts.reproduction import reproduction
    from labtui.verdicts.text import clean, duration, number, params_text

    study = study or lab.study(trial.study)
    arms = arm_names(lab, study, lab.trials(study.name))
    log = lab.paths.trial_log(trial.id)
    again = reproduction(lab.paths, study, trial)
    print_fields(
        [
            ("trial", f"{trial.name} (id {trial.id})"),
            ("state", trial.state),
            ("reason", trial.reason),
            *(("", sentence) for sentence in _blowup(lab, study, trial)),
            ("arm", arms.get(trial.arm, trial.arm)),
            ("parameters", params_text(trial.params)),
            ("objective", f"{study.direction} {study.metric}"),
            ("best", _at(number(trial.best_value), trial.best_step)),
            ("last", _at(number(last_value(trial)), trial.last_step)),
            ("steps", f"{trial.step} of {number(trial.max_steps)}"),
            ("time", f"{duration(trial.seconds)} in {trial.attempt} attempt(s)"),
            ("seed", number(trial.seed)),
            ("point", number(trial.point)),
            ("device", trial.device),
            ("versions", ", ".join(f"{k} {v}" for k, v in trial.versions.items())),
            ("code", ", ".join(f"{path} ({sha[:12]})" for path, sha in trial.code.items())),
            ("source", trial.source),
            *standing(lab, trial.study, trial.name),
            ("log", str(log) if log.exists() else ""),
            ("rerun", again.command),
            ("again", again.study),
        ]
    )
    for text in lab.warnings(trial.id):
        write(f"warning  {clean(text)}")
    _print_beside(lab, study, trial)
    _print_checkpoints(lab, trial)
    if trial.detail:
        write(f"\n{clean(trial.detail, multiline=True)}")
    notes = [one for one in lab.all_notes(trial.study) if one.subject == trial.name]
    print_notes(notes, of_trial=True)


def _blowup(lab: Lab, study: StudyRecord, trial: TrialRecord) -> Sequence[str]:
    """Say where an infeasible trial diverged; numpy is loaded for these alone."""
    if trial.state != "infeasible":
        return ()
    from labtui.verdicts.figures_trial import trial_figures

    blowup = trial_figures(lab, study, trial).blowup
    return () if blowup is None else blowup.words


def _print_beside(lab: Lab, study: StudyRecord, trial: TrialRecord) -> None:
    """Print its parameters beside the baseline's and the best one's, where there are any."""
    from labtui.verdicts.beside import DIFFERS, beside, value_cell
    from labtui.verdicts.text import clean

    found = beside(lab, study, trial)
    if found.others:
        rows = [
            (
                clean(row.name),
                value_cell(row.value),
                *(
                    f"{DIFFERS if differs else ' '} {value_cell(value)}"
                    for value, differs in zip(row.others, row.differs, strict=True)
                ),
                row.role,
            )
            for row in found.rows
        ]
        heads = (f"  {one.label} {one.name}".rstrip() for one in found.others)
        write()
        print_table(("hyperparameter", "this trial", *heads, "role"), rows)
    for remark in found.remarks:
        write(remark)


def _print_output(lab: Lab, trial: TrialRecord, log: int | None) -> None:
    """Print the last lines of what a trial printed."""
    if log is None:
        return
    from labtui.verdicts.printed import Tail, why_silent

    tail = Tail(lab.paths.trial_log(trial.id))
    tail.read()
    write()
    if not tail.lines:
        write_sentence(why_silent(trial.state, trial.source))
        return
    for line in tail.lines[-log:]:
        write(line)


def _print_checkpoints(lab: Lab, trial: TrialRecord) -> None:
    from labtui.verdicts.text import number

    folder = lab.paths.checkpoint_folder(trial.id)
    rows = [
        (
            str(checkpoint.step),
            number(checkpoint.value),
            "best" if checkpoint.best else "",
            str(checkpoint.size),
            str(folder / checkpoint.folder),
        )
        for checkpoint in lab.checkpoints(trial.id)
    ]
    if rows:
        write()
        print_table(("checkpoint", "value", "kept as", "bytes", "folder"), rows, right="checkpoint")


def _at(value: str, step: int | None) -> str:
    return value if step is None else f"{value} at step {step}"


def _commit(study: StudyRecord) -> str:
    commit = str(study.provenance.get("git_commit") or "")
    changed = " and uncommitted changes" if study.provenance.get("git_diff") else ""
    return f"{commit[:12]}{changed}" if commit else ""
