"""What there is to say about a draft, and what becomes of it: a file, a study that is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.tui.drafts.check import check
from labtui.tui.drafts.file import file_text

if TYPE_CHECKING:
    from labtui.analysis.findings import Finding
    from labtui.store.paths import LabPaths
    from labtui.study.errors import Problem
    from labtui.study.spec import Study
    from labtui.tui.drafts.drafting import Draft
    from labtui.tui.drafts.start import Begun
    from labtui.verdicts.design import Plan


@dataclass(frozen=True)
class Judged:
    """What there is to say of a draft.

    Attributes:
        draft: The draft that was judged.
        study: The study; None where something is wrong.
        text: Its file; empty where something is wrong.
        problems: What is wrong, by field.
        trouble: What is wrong with it as a whole, such as a missing trainer.
        plan: What its design lets it conclude, and what it takes.
        refused: The alerts for which `labtui run` refuses it.
    """

    draft: Draft
    study: Study | None = None
    text: str = ""
    problems: tuple[Problem, ...] = ()
    trouble: str = ""
    plan: Plan | None = None
    refused: tuple[Finding, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it can be saved."""
        return self.study is not None and not self.problems and not self.trouble


# -- judging ------------------------------------------------------------------------------------


def judge(paths: LabPaths, draft: Draft) -> Judged:
    """Check a draft, and judge its design as `labtui plan` does.

    Raises:
        LabError: There is a lab that cannot be read.
    """
    study, problems = check(draft.document)
    if study is None or problems:
        return Judged(draft, problems=tuple(problems))
    judged = Judged(draft, study, file_text(draft, study))
    if not paths.db.is_file():
        return _designed(judged, study, None)
    with Lab(paths) as lab:
        return _designed(judged, study, lab)


def _designed(judged: Judged, study: Study, lab: Lab | None) -> Judged:
    from labtui.verdicts.design import plan_study, refusals

    names = [one.name for one in lab.studies()] if lab is not None else []
    if study.study in names and not judged.draft.extends:
        one = _taken_problem(study.study)
        judged = replace(judged, problems=(one,))
    try:
        plan = plan_study(study, lab)
        alerts = any(one.severity == "alert" for one in plan.verdict.findings)
        refused = refusals(study, lab, anew=not judged.draft.extends) if alerts else []
    except TrainerError as error:
        return replace(judged, trouble=str(error))
    return replace(judged, plan=plan, refused=tuple(refused))


def _taken_problem(name: str) -> Problem:
    from labtui.study.errors import Problem, display

    return Problem("", None, None, "study", display(name), "a name that this lab does not have")


# -- saving and training ------------------------------------------------------------------------


def file_of(name: str) -> Path:
    """Give the file of a study, in the folder that labtui was started in."""
    from labtui.study.spec import slug

    return Path.cwd() / f"{slug(name)}.yaml"


def save(judged: Judged) -> Path:
    """Write the file of a draft, never over another; one that says the same is left as it is.

    Raises:
        FileExistsError: There is another file of that name.
    """
    from labtui.study.spec import parse_study

    file = file_of(judged.draft.name)
    if parse_study(judged.text, str(file)) != judged.study:
        raise AssertionError("the file does not say what was judged")  # pragma: no cover
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(judged.text)
    except FileExistsError:
        if file.read_text("utf-8") != judged.text:
            raise FileExistsError(f"{file} is there already and says something else") from None
    return file


def train(paths: LabPaths, begun: Begun, judged: Judged, *, force: bool) -> str:
    """Save a study and hand it to the runner, as ``labtui run`` does; gives its name.

    A study that gets more trials has a file already: that one is left as it is.

    Raises:
        TrainerError, RequestRefused, LabError, StudyError, FileExistsError: It says why.
    """
    from labtui.engine import client
    from labtui.engine.derived import submit_derived

    assert judged.study is not None
    extend = judged.draft.extends
    file = file_of(judged.draft.name) if extend else save(judged)
    options = ["--extend"] * extend + ["--force"] * force
    command = ["labtui", "run", file.name, *options]
    mode = "extend" if extend else None
    if begun.parent is not None:
        return submit_derived(
            paths, begun.parent, judged.study, judged.text, command=command, mode=mode
        ).study
    return client.submit(
        paths, judged.study, file=file, folder=begun.folder, command=command, mode=mode
    ).study
