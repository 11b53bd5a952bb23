"""The fields of a study that are not hyperparameters, each with the line that edits it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labtui.study.errors import display
from labtui.study.scaffold import flow
from labtui.tui.drafts.lines import LineError, read_whole

OWN_FORMS = ("python", "script", "command")
"""Short forms of a trainer that is a person's own; see `labtui.study.model.TrainerSpec`."""


@dataclass(frozen=True)
class Field:
    """A field of a study.

    Attributes:
        path: Where it is in the file.
        label: What the screen calls it.
        read: Reads a line; raises `LineError`.
        write: Writes the line of a value.
        about: What it is, in words.
        default: What it is where the file leaves it out.
    """

    path: tuple[str, ...]
    label: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    about: str
    default: Any = None

    @property
    def key(self) -> str:
        """Its path as problems write it."""
        return ".".join(self.path)


def _text(line: str) -> str:
    if not line.strip():
        raise LineError("found nothing; expected at least one character")
    return line.strip()


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _read_objective(line: str) -> dict[str, str]:
    direction, _, rest = line.strip().partition(" ")
    metric, _, select = rest.strip().partition(" ")
    if direction not in ("minimize", "maximize") or not metric:
        raise LineError(f"found {display(line.strip())}; expected as minimize validation/loss")
    found = {"metric": metric, "goal": direction}
    if select.strip() in ("", "best"):
        return found
    if select.strip() != "final":
        raise LineError(f"found {display(select.strip())}; expected best, final or nothing behind")
    return {**found, "select": "final"}


def _write_objective(value: Any) -> str:
    found = value if isinstance(value, Mapping) else {}
    words = [found.get("goal", ""), found.get("metric", "")]
    return " ".join([*map(str, words), *(["final"] if found.get("select") == "final" else [])])


def _read_trainer(line: str) -> Any:
    import shlex

    from labtui.study.errors import StudyError
    from labtui.study.yamltree import read_tree

    text = _text(line)
    if text.startswith("{"):
        try:
            return read_tree(f"trainer: {text}", "trainer").root.plain()["trainer"]
        except StudyError as error:
            raise LineError(str(error.problems[0].found)) from None
    form, colon, target = text.partition(":")
    if not colon or form not in OWN_FORMS:
        return text
    try:
        return {form: shlex.split(target) if form == "command" else target}
    except ValueError as error:
        raise LineError(f"found {display(target)}: {error}") from None


def _write_trainer(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        ((form, target),) = value.items()
        if isinstance(target, str):
            return f"{form}:{target}"
    return value if isinstance(value, str) else flow(value)


def _whole(value: Any) -> str:
    return (
        f"{value:,}".replace(",", "_")
        if isinstance(value, int) and value >= 10_000
        else _plain(value)
    )


FIELDS = (
    Field(("goal",), "goal", _text, _plain, "the question that the study answers (P05)"),
    Field(("study",), "study", _text, _plain, "its name; the file is named after it"),
    Field(("workload",), "workload", _text, _plain, "what is tuned; it has a baseline"),
    Field(("trainer",), "trainer", _read_trainer, _write_trainer, "what trains"),
    Field(
        ("objective",),
        "objective",
        _read_objective,
        _write_objective,
        "which way is better, of which metric; then best or final",
    ),
    Field(("budget", "trials"), "trials", read_whole, _whole, "trials of every arm (P09)"),
    Field(
        ("budget", "max_train_steps"),
        "steps",
        read_whole,
        _whole,
        "updates of every trial, never tuned (P11); 10k is 10,000",
    ),
    Field(
        ("budget", "eval_every"), "evaluate", read_whole, _whole, "steps between two evaluations"
    ),
    Field(("seed",), "seed", read_whole, _plain, "seed of the search and of its trials", 1),
    Field(
        ("design",),
        "design",
        _text,
        _plain,
        "separate: every arm gets its trials; joint: values are drawn with the rest (P08)",
        "separate",
    ),
)
"""In the order of the screen."""
