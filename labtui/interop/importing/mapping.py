"""The mapping file: what the fields of a JSON-lines or CSV file mean, as a small study file.

Fields are named by their path, ``hparams.init_lr``; the names of JSON objects inside each other
are joined by dots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from labtui.interop.importing.types import ImportFailed
from labtui.study.checks import STEPS, study_issues
from labtui.study.errors import Problem, StudyError
from labtui.study.fields import AnyScalar, OneOrMany, Whole, one_or_many, refuse
from labtui.study.mapping import problems_of
from labtui.study.model import Design, Hyperparameter, Objective, Part, Study
from labtui.study.reading import decode, read_file
from labtui.study.yamltree import Location, Tree, read_tree

FORMS: dict[str, Callable[..., float]] = {
    "ratio": lambda a, b: a / b,
    "product": lambda a, b: a * b,
    "difference": lambda a, b: a - b,
    "sum": lambda a, b: a + b,
    "complement": lambda a: 1 - a,
    "power10": lambda a: 10**a,
}
"""How a value may follow from others: ``{ratio: [lr_peak_epoch, epochs]}``."""

LENGTHS = STEPS | {"epochs", "max_epochs", "num_epochs", "num_train_epochs"}
"""Names of the length of training: a study of ours may not vary it (P11), another one did."""

UNARY = frozenset({"complement", "power10"})


def _path(value: Any) -> Any:
    """Take the number of a place in a list, ``1``, as a path."""
    return str(value) if type(value) is int else value


FieldPath: TypeAlias = Annotated[str, BeforeValidator(_path)]
"""Path of a field, such as ``hparams.init_lr``; in a list of lists the number of its place."""


def _derived(value: Any) -> Any:
    """Check a derivation: one form, with as many fields or numbers as it takes."""
    if isinstance(value, str) and value:
        return value
    forms = ", ".join(FORMS)
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in FORMS:
        raise refuse(f"a field's path, or one of {forms} with its fields: {{ratio: [a, b]}}")
    ((form, operands),) = value.items()
    if form in UNARY and not isinstance(operands, list):
        operands = [operands]
    wanted = 1 if form in UNARY else 2
    sound = isinstance(operands, list) and len(operands) == wanted
    if not sound or any(isinstance(o, (dict, list, bool)) or o is None for o in operands):
        raise refuse(f"{wanted} of fields and numbers", (form,))
    return {form: operands}


Derived = Annotated[str | dict[str, list[str | int | float]], BeforeValidator(_derived)]


class MappedHyperparameter(Hyperparameter):
    """A hyperparameter as in a study file, and the field it is read from."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    origin: Derived | None = Field(
        None, alias="from", description="field it is read from; by default the one of its name"
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_role(cls, value: Any) -> Any:
        """Take what has no role as fixed if it has a value, else as nuisance."""
        if isinstance(value, dict) and "role" not in value:
            return {"role": "fixed" if "value" in value else "nuisance", **value}
        return value

    def definition(self) -> dict[str, Any]:
        """Give the definition as a study has it."""
        return {
            name: value for name, value in self.model_dump(mode="json").items() if name != "origin"
        }


class StepField(Part):
    """Where the step of a point is."""

    origin: FieldPath = Field(alias="from", min_length=1, description="field of the step")
    plus: Whole = Field(0, description="what is added: 1 where the first epoch is called 0")
    times: Whole = Field(1, ge=1, description="steps of one unit, before `plus` is added")


def _step(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) or type(value) is int else value


Step = Annotated[StepField, BeforeValidator(_step)]


class CurveFields(Part):
    """The points of a trial: a list of them, or lists side by side."""

    path: FieldPath | None = Field(
        None, min_length=1, description="field of the list; without it the lists are the line's own"
    )
    step: Step | None = Field(
        None, description="field of the step in each point; without it they are counted from 1"
    )
    metrics: dict[str, FieldPath] = Field(min_length=1, description="metric: its field")
    nulls: Literal["nan", "missing"] = Field(
        "nan", description="what null means: not a number, or not logged"
    )


class InfeasibleField(Part):
    """What says that a trial could not be trained."""

    field: FieldPath = Field(min_length=1, description="field that says so")
    equals: Annotated[list[AnyScalar], one_or_many, OneOrMany] = Field(
        [True], description="its value, or several, in such trials"
    )
    reason: str = Field("declared so", description="why it could not be trained")


class MetricNote(Part):
    """What is known of a metric."""

    goal: Literal["minimize", "maximize"] | None = Field(None, description="which way is better")
    chance: float | None = Field(None, description="its value without having learned anything")
    examples: Whole | None = Field(None, ge=1, description="validation examples behind a value")


OneOrManyInfeasible = Annotated[list[InfeasibleField], one_or_many, OneOrMany]
OneOrManyHyperparameters = Annotated[
    list[MappedHyperparameter], one_or_many, Field(min_length=1), OneOrMany
]


class FileMapping(Part):
    """The whole mapping file."""

    study: str = Field(min_length=1, max_length=1000, description="name of the study")
    goal: str = Field("", description="the question that the study answered, in words")
    workload: str = Field(min_length=1, max_length=1000, description="name of what was tuned")
    objective: Objective = Field(description="the number that the study compares")
    design: Design = Field("separate", description="how scientific values were tried (P08)")
    hyperparameters: dict[str, OneOrManyHyperparameters] = Field(
        default_factory=dict, description="definitions by name, as in a study file, with `from`"
    )
    trial: FieldPath | list[FieldPath] | None = Field(
        None, description="field that names a trial, or several that do together"
    )
    step: Step | None = Field(None, description="one row a point: field of the step")
    curve: CurveFields | None = Field(None, description="JSON: the list that holds the points")
    values: dict[str, FieldPath] = Field(
        default_factory=dict, description="metric: field of its value; a list has one a rerun"
    )
    planned: str | Whole | None = Field(
        None, description="steps that were planned: a field, or a number"
    )
    infeasible: OneOrManyInfeasible = Field(
        default_factory=list, description="what says that a trial could not be trained"
    )
    seed: FieldPath | None = Field(None, description="field of the trial's seed")
    repetition: FieldPath | None = Field(
        None, description="field of the repetition's number, from 0"
    )
    seconds: FieldPath | None = Field(None, description="field of the training time, in seconds")
    metrics: dict[str, MetricNote] = Field(
        default_factory=dict, description="goal, chance and examples of metrics"
    )

    @model_validator(mode="after")
    def _has_points(self) -> Self:
        """See that the objective comes from somewhere, and from one place."""
        if self.curve is not None and self.step is not None:
            raise refuse("'curve' (a row a trial) or 'step' (a row a point), not both", ("step",))
        if self.step is not None and self.trial is None:
            raise refuse("'trial': the field that says which trial a row belongs to", ("trial",))
        known = [*(self.curve.metrics if self.curve else ()), *self.values]
        if not known:
            raise refuse("'curve' or 'values': where the metrics are", ("values",), "neither")
        if self.objective.metric not in known:
            raise refuse(
                f"a metric of 'curve' or 'values': {', '.join(known)}", ("objective", "metric")
            )
        return self

    def definitions(self) -> dict[str, list[dict[str, Any]]]:
        """Give the search space as a study has it."""
        return {
            name: [one.definition() for one in listed]
            for name, listed in self.hyperparameters.items()
        }


PARTS: Mapping[str, type[Part]] = {
    "objective": Objective,
    "hyperparameters": MappedHyperparameter,
    "curve": CurveFields,
    "step": StepField,
    "infeasible": InfeasibleField,
    "metrics": MetricNote,
}


def _part(location: Location) -> type[Part]:
    """Give the part of the file that holds a key at `location`."""
    if not location:
        return FileMapping
    if location[0] == "curve" and len(location) > 1:
        return StepField
    return PARTS.get(str(location[0]), FileMapping)


EXAMPLES = {
    "objective": "{metric: validation/loss, goal: minimize}",
    "hyperparameters": "{scale: log, range: [1e-5, 1e-1]} or {values: [1, 2]}",
    "curve": "{path: curve, step: epoch, metrics: {validation/loss: val_loss}}",
    "infeasible": "{field: status, equals: crashed, reason: crashed}",
    "metrics": "{validation/loss: {goal: minimize}}",
    "values": "{validation/loss: val_loss}",
}
"""How the parts are written."""


Completion: TypeAlias = Callable[[Any], tuple[str, ...]]
"""Completes a mapping as it was written from the file it is for; says what it did."""


def load_mapping(
    path: Path | None, source: Path, example: str, complete: Completion = lambda _: ()
) -> tuple[FileMapping, tuple[str, ...]]:
    """Read a mapping file; give it, and what was completed.

    Args:
        path: The file; None where nobody named one.
        source: What it is for.
        example: A mapping to start from, shown where there is none.
        complete: Completes what it leaves out.

    Raises:
        ImportFailed: There is none.
        StudyError: It is wrong; everything that is, is named with line and column.
    """
    if path is None:
        raise ImportFailed(
            f"{source}: needs --mapping FILE, which says what its fields mean; for this file:\n\n"
            f"{example}"
        )
    notes: list[str] = []
    found = parse_mapping(read_file(path), str(path), lambda tree: notes.extend(complete(tree)))
    return found, tuple(notes)


def parse_mapping(
    text: str | bytes,
    name: str = "mapping.yaml",
    complete: Callable[[Any], object] = lambda _: None,
) -> FileMapping:
    """Validate the text of a mapping file; `name` is what messages call it.

    Args:
        text: The file.
        name: What messages call it.
        complete: Completes what was written, before it is validated.

    Raises:
        StudyError: It is wrong; everything that is, is named with line and column.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    tree = read_tree(decode(data, name), name)
    problems = list(tree.problems)
    try:
        written = tree.root.plain()
        complete(written)
        found = FileMapping.model_validate(written)
    except ValidationError as error:
        wrong = [_with_example(one) for one in problems_of(error, tree, _part)]
        raise StudyError([*problems, *wrong]) from None
    problems += _space_problems(found, tree)
    if problems:
        raise StudyError(problems)
    return found


def _with_example(problem: Problem) -> Problem:
    """Show how a part is written where something else stands in its place."""
    part, dot, _ = problem.path.partition(".")
    example = EXAMPLES.get(part.partition("[")[0])
    if example is None or problem.nearest:
        return problem
    if problem.expected.startswith("a mapping such as "):
        return replace(problem, expected=f"a mapping such as {example}")
    if dot and problem.found.startswith("the unknown key"):
        return replace(problem, expected=f"{problem.expected}, as in {example}")
    return problem


def _space_problems(found: FileMapping, tree: Tree) -> list[Any]:
    """Check the search space as that of any study; a length that was tuned is a fact by now."""
    study = Study.model_validate(
        {
            "study": found.study,
            "goal": found.goal or found.study,
            "workload": found.workload,
            "trainer": "imported",
            "objective": found.objective.model_dump(),
            "budget": {"trials": 1, "max_train_steps": 1, "eval_every": 1},
            "design": found.design,
            "hyperparameters": found.definitions(),
        }
    )
    return [
        tree.problem(i.location, i.expected, i.found, i.nearest, at_key=i.at_key)
        for i in study_issues(study, yes=True)
        if not (i.at_key and i.location[-1] in LENGTHS)
    ]
