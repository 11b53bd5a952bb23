"""The study file: from YAML to a checked `Study`, its JSON Schema, and what an edit changed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labtui.study.checks import study_issues
from labtui.study.errors import StudyError, display
from labtui.study.fields import Scalar, scalar_text
from labtui.study.model import (
    Budget,
    Hyperparameter,
    Objective,
    Study,
    TrainerSpec,
)
from labtui.study.plan import arms
from labtui.study.reading import decode, read_file

__all__ = [
    "Budget",
    "Hyperparameter",
    "Objective",
    "Scalar",
    "Study",
    "TrainerSpec",
    "difference",
    "extends",
    "json_schema",
    "load_study",
    "parse_study",
    "scalar_text",
    "slug",
]

_DEVICE_NAMES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_SLUG_LENGTH = 60


def load_study(path: Path, *, yes: bool = False) -> Study:
    """Read, validate and check a study file.

    Args:
        path: The file.
        yes: The person confirmed an unusual size.

    Raises:
        StudyError: Anything is wrong; it names everything that is, with line and column.
    """
    return parse_study(read_file(path, "`labtui init` writes a study"), str(path), yes=yes)


def parse_study(text: str | bytes, name: str = "study.yaml", *, yes: bool = False) -> Study:
    """Validate and check the text of a study file; `name` is what messages call it.

    Raises:
        StudyError: Anything is wrong; it names everything that is, with line and column.
    """
    from labtui.study.mapping import problems_of
    from labtui.study.yamltree import read_tree

    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    tree = read_tree(decode(data, name), name)
    problems = list(tree.problems)
    try:
        study = Study.model_validate(tree.root.plain())
    except ValidationError as error:
        problems += problems_of(error, tree)
        raise StudyError(problems) from None
    for issue in study_issues(study, yes=yes):
        problems.append(
            tree.problem(
                issue.location, issue.expected, issue.found, issue.nearest, at_key=issue.at_key
            )
        )
    if problems:
        raise StudyError(problems)
    return _counted(study)


def _counted(study: Study) -> Study:
    """Write the number of configurations into the budget of a study that lists them."""
    if study.design != "configurations":
        return study
    budget = study.budget.model_copy(update={"trials": len(arms(study))})
    return study.model_copy(update={"budget": budget})


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study file, for editors."""
    schema = Study.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def slug(name: str) -> str:
    """Return a file name for any name: plain ASCII, at most 60 characters, different for others.

    A name that is already plain stays as it is; any other ends in a hash of the name.
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9._-]+", "-", ascii_only.lower()).strip("-._")
    if plain == name and len(name) <= _SLUG_LENGTH and not _DEVICE_NAMES.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = plain[: _SLUG_LENGTH - 15].rstrip("-._")
    return f"study-{stem}-{digest}" if stem else f"study-{digest}"


def difference(old: Study, new: Study) -> list[str]:
    """Return one line for everything that differs, such as `budget.trials: 20 → 40`."""
    return list(_changes("", old.to_json(), new.to_json()))


def _changes(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            here = f"{path}.{key}" if path else key
            if key not in new:
                yield f"{here}: removed (was {display(_brief(old[key]))})"
            elif key not in old:
                yield f"{here}: added ({display(_brief(new[key]))})"
            else:
                yield from _changes(here, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and _alike(old, new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(path if len(old) == 1 else f"{path}[{index}]", before, after)
    else:
        yield f"{path}: {display(_brief(old))} → {display(_brief(new))}"


def _alike(old: list[Any], new: list[Any]) -> bool:
    return len(old) == len(new) and all(isinstance(item, dict) for item in [*old, *new])


def _brief(value: Any) -> Any:
    """Leave out what a definition does not say."""
    if isinstance(value, dict):
        return {k: _brief(v) for k, v in value.items() if v not in (None, False, {}, "linear")}
    if isinstance(value, list):
        return _brief(value[0]) if len(value) == 1 and isinstance(value[0], dict) else value
    return value


def extends(old: Study, new: Study) -> bool:
    """Tell whether the trials of `old` are the first trials of `new`, and nothing else changed.

    More trials, repetitions and hours, another wording of the goal and notes are extensions.
    """
    if new.budget.trials < old.budget.trials or new.budget.repetitions < old.budget.repetitions:
        return False
    return _core(old) == _core(new)


def _core(study: Study) -> dict[str, Any]:
    free: dict[str, Any] = {"goal": "", "notes": ""}
    budget = study.budget.model_copy(update={"trials": 0, "repetitions": 1, "hours": None})
    return study.model_copy(update={**free, "budget": budget}).to_json()
