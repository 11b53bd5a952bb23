"""`labtui report`: a study as one page that can be read, mailed and printed without labtui."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from labtui.cli.common import (
    GoalOption,
    LabOption,
    MetricOption,
    SelectOption,
    StudyName,
    open_lab,
)
from labtui.cli.output import say

STDOUT = Path("-")


def report(
    name: StudyName,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to; NAME.html by default, - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    metric: MetricOption = None,
    select: SelectOption = None,
    goal: GoalOption = None,
    lab: LabOption = None,
) -> None:
    """Write a study as one HTML page: findings, arms, figures, trials.

    The page is a single file that needs neither network nor scripts.
    """
    from labtui.interop.files import check_target, replacing
    from labtui.study.spec import slug
    from labtui.verdicts.objective import Asked, compare, ranking_text, reselect
    from labtui.verdicts.page import study_page

    with open_lab(lab) as opened:
        study = opened.study(name)
        target = to or Path(f"{slug(study.name)}.html")
        if target != STDOUT:
            check_target(target, force=force, source=opened.paths.db)
        asked = Asked(metric, select, goal)
        chosen, trials = reselect(opened, study, asked)
        ranking = ""
        if asked:
            ranking = ranking_text(compare(study, opened.trials(study.name), chosen, trials))
        page = study_page(opened, chosen, trials, ranking=ranking)
    if target == STDOUT:
        sys.stdout.write(page)
        return
    with replacing(target) as stream:
        stream.write(page)
    say(f"wrote {target} ({len(page) // 1024} kB)")
