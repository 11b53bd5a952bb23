"""`labtui plan`: what a study's design lets it conclude, and what it takes, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths, open_lab
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import (
    print_fields,
    print_json,
    print_table,
    say,
    use_ascii,
    write,
    write_sentence,
)

if TYPE_CHECKING:
    from labtui.analysis.findings import Finding
    from labtui.verdicts.design import Plan

FAIL_ON = ("alert", "warning")
FILE_ENDINGS = (".yaml", ".yml", ".json")
MOST_ARMS = 20
"""Most arms that are listed; of more, the first."""


def plan(
    target: Annotated[
        str, typer.Argument(metavar="STUDY.yaml|NAME", help="A study file, or a study in the lab.")
    ],
    lab: LabOption = None,
    defaults: Annotated[
        bool,
        typer.Option(
            "--workload-defaults", help="List what the study leaves at the trainer's defaults."
        ),
    ] = False,
    fail_on: Annotated[
        str | None, typer.Option(metavar="alert|warning", help="Exit with 3 when there is one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to a very large budget.")] = False,
    json: JsonOption = False,
) -> int:
    """Judge a study's design before it runs.

    Arms, trials, roles, points per dimension, the time and disk it takes as far as the lab knows,
    and what it may fail to tell. A lab is not needed.
    """
    if fail_on is not None and fail_on not in FAIL_ON:
        raise Misuse(f"found --fail-on {fail_on!r}; expected {' or '.join(FAIL_ON)}")
    from labtui.study.checks import remarks

    found = _plan(target, lab, yes=yes)
    for remark in remarks(found.study):
        say(remark)
    if json:
        from labtui.verdicts.design import plan_document

        print_json(plan_document(found))
    else:
        _print(found, defaults=defaults)
    failed = fail_on is not None and any(
        one.severity in FAIL_ON[: FAIL_ON.index(fail_on) + 1] for one in found.verdict.findings
    )
    return ExitCode.ALERT if failed else ExitCode.DONE


def _plan(target: str, lab: Path | None, *, yes: bool) -> Plan:
    from labtui.study.spec import Study, load_study
    from labtui.verdicts.design import plan_study

    file = Path(target)
    if not (target.lower().endswith(FILE_ENDINGS) or file.is_file()):
        with open_lab(lab) as opened:
            record = opened.study(target)
            return plan_study(Study.from_json(record.spec), opened, record)
    study = load_study(file, yes=yes)
    if not lab_paths(lab).db.is_file():
        return plan_study(study)
    with open_lab(lab) as opened:
        return plan_study(study, opened)


def _print(plan: Plan, *, defaults: bool) -> None:
    from dataclasses import replace

    from labtui.verdicts.summary import counts_text

    study = plan.study
    how = "best over training" if study.objective.select == "best" else "final value"
    budget = study.budget
    objective = study.objective
    print_fields(
        [
            ("study", study.study),
            ("goal", study.goal),
            ("workload", study.workload),
            ("objective", f"{objective.goal} {objective.metric} ({how})"),
            ("trials", _trials(plan)),
            ("nuisance", _balance(plan)),
            ("starved", _starved(plan)),
            ("steps", f"{budget.max_train_steps} a trial, evaluated every {budget.eval_every}"),
            ("time", _time(plan)),
            ("disk", _disk(plan)),
            ("baseline", _baseline(plan)),
            ("found", counts_text(replace(plan.verdict, findings=_printed(plan.verdict.findings)))),
        ]
    )
    _print_arms(plan)
    _print_roles(plan, defaults=defaults)
    _print_findings(plan.verdict.findings)
    for one in plan.verdict.not_judged:
        write_sentence(f"cannot judge {one.code}: {one.reason}")


def _trials(plan: Plan) -> str:
    arms = len(plan.design.arms)
    if plan.study.design == "joint":
        return f"{plan.total}, scientific values drawn with the rest"
    if plan.study.design == "configurations":
        return f"{plan.total}, one a configuration"
    return f"{plan.total}: {arms} arm{'s' * (arms != 1)} of {plan.design.trials}"


def _balance(plan: Plan) -> str:
    from labtui.verdicts.text import number

    if plan.study.design == "configurations":
        return "none: the configurations are listed"
    most = plan.dimensions
    if not most:
        return "no dimensions"
    each = number(plan.design.trials / most)
    return f"{most} dimension{'s' * (most != 1)} an arm, {each} trials a dimension"


def _starved(plan: Plan) -> str:
    """Say which of the three desiderata the budget starves (P09)."""
    if plan.study.design == "configurations" or not plan.dimensions:
        return ", ".join(plan.starved)
    return ", ".join(plan.starved) or "none of values, search space and density of points"


def _baseline(plan: Plan) -> str:
    if plan.baseline is None:
        return ""
    from_it = len(plan.design.inherited)
    where = plan.baseline.trial or "set by hand"
    return f"{plan.baseline.id} ({where}); {from_it} hyperparameters have its values"


def _time(plan: Plan) -> str:
    from labtui.verdicts.text import duration, seconds

    cost = plan.cost
    if cost.step_time is None:
        return "unknown: the lab has no trials of this workload"
    return (
        f"about {duration(cost.seconds)} on one slot ({seconds(cost.step_time)} a step, from "
        f"{cost.timed})"
    )


def _disk(plan: Plan) -> str:
    from labtui.verdicts.text import memory

    if plan.cost.bytes is None:
        return ""
    most = memory(plan.cost.bytes) if plan.cost.bytes >= 1e6 else "1 MB"
    return f"at most {most} of checkpoints (from {plan.cost.weighed})"


def _print_arms(plan: Plan) -> None:
    arms = plan.design.arms
    if len(arms) < 2 or plan.study.design != "separate":
        return
    write()
    rows = [(arm.label, str(plan.design.trials), str(arm.dimensions)) for arm in arms[:MOST_ARMS]]
    print_table(("arm", "trials", "dimensions"), rows, right="trials dimensions")
    if len(arms) > MOST_ARMS:
        write(f"… and {len(arms) - MOST_ARMS} more arms")


def _print_roles(plan: Plan, *, defaults: bool) -> None:
    from labtui.verdicts.design import definitions
    from labtui.verdicts.text import condition_text, domain_text, value_text

    rows = [
        (
            item["name"],
            item["role"],
            f"{item['kind']}, by its name" if item["guessed"] else item["kind"],
            domain_text(item),
            condition_text(item) or ("of the baseline" if item.get("inherited") else "always"),
        )
        for item in definitions(plan.design)
    ]
    if defaults:
        rows += [
            (name, "fixed", plan.design.meanings[name].kind, value_text(value), "by default")
            for name, value in plan.design.unnamed.items()
        ]
    if rows:
        write()
        print_table(("hyperparameter", "role", "kind", "values", "when"), rows)


def _is_value(one: Finding) -> bool:
    """Tell whether a finding is the caveat of one fixed value: all of them are told as one."""
    return one.code == "caveat" and "value" in one.evidence


def _printed(found: Sequence[Finding]) -> list[Finding]:
    """Give the findings that are printed by themselves: one for all fixed values."""
    first = [one for one in found if _is_value(one)][:1]
    return [one for one in found if not _is_value(one)] + first


def _print_findings(found: Sequence[Finding]) -> None:
    from labtui.verdicts.summary import GLYPHS, subject_text

    caveats = [one for one in found if _is_value(one)]
    for one in found:
        if one in caveats:
            continue
        write()
        glyph, arrow = ("A" if use_ascii() else GLYPHS["alert"]), "->" if use_ascii() else "→"
        glyph = glyph if one.severity == "alert" else GLYPHS[one.severity]
        about = subject_text(one.subject)
        write_sentence(f"{glyph} {one.code}{f'  {about}' if about else ''}  [{one.procedure}]")
        write_sentence(one.message, indent="    ")
        write_sentence(f"{arrow} {one.advice}", indent="    ")
    if caveats:
        _print_caveats(caveats)


def _print_caveats(caveats: Sequence[Finding]) -> None:
    """Print the caveats of fixed values together: each is a line of the roles above."""
    from labtui.verdicts.summary import subject_text
    from labtui.verdicts.text import value_text

    told = [f"{subject_text(o.subject)}={value_text(o.evidence['value'])}" for o in caveats]
    write()
    write_sentence(f"i caveat  [{caveats[0].procedure}]")
    write_sentence(f"the conclusion holds for {', '.join(told)}.", indent="    ")
    for advice in dict.fromkeys(one.advice for one in caveats):
        write_sentence(f"{'->' if use_ascii() else '→'} {advice}", indent="    ")
