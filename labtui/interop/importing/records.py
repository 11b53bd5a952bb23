"""From a record, a JSON object or a row of a table, to trials, as a mapping says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from labtui.interop.importing.judging import diverged_at, ending
from labtui.interop.importing.mapping import FORMS, FileMapping, MappedHyperparameter, StepField
from labtui.interop.importing.types import BadTrial, TrialRead, fingerprint
from labtui.interop.importing.values import (
    MOST_STEPS,
    Curves,
    Missing,
    Record,
    find,
    nearest,
    number,
    paths,
    rows_of,
    shown,
    whole,
)
from labtui.store.summaries import Columns
from labtui.study.fields import Scalar, same, scalar_text
from labtui.study.space import Dimension, holding, topological
from labtui.study.spec import Study


class RecordReader:
    """Reads records as one mapping says."""

    def __init__(self, mapping: FileMapping) -> None:
        """Work out what does not depend on the record."""
        self.mapping = mapping
        space = {
            name: [one.model_dump(exclude={"origin"}) for one in listed]
            for name, listed in mapping.hyperparameters.items()
        }
        study = Study.model_validate(
            {
                "study": mapping.study,
                "goal": mapping.goal or mapping.study,
                "workload": mapping.workload,
                "trainer": "imported",
                "objective": mapping.objective.model_dump(),
                "budget": {"trials": 1, "max_train_steps": 1, "eval_every": 1},
                "hyperparameters": space,
            }
        )
        self._order = topological(study)
        self._text = mapping.model_dump_json().encode()
        self.told_apart = mapping.seed is not None or mapping.repetition is not None
        self.step = mapping.curve.step if mapping.curve else mapping.step

    def mark(self, *parts: bytes) -> str:
        """Hash what a trial is read from, the mapping included."""
        return fingerprint(self._text, *parts)

    # -- whose it is ----------------------------------------------------------------------

    def name(self, record: Record, fallback: str) -> str:
        """Give the name of the trial that a record belongs to."""
        path = self.mapping.trial
        if path is None:
            return fallback
        if isinstance(path, list):
            return "/".join(self._named(record, one, fallback) for one in path)
        return self._named(record, path, fallback)

    def _named(self, record: Record, path: str, fallback: str) -> str:
        value = self._field(record, path, "trial", fallback)
        if value is None or isinstance(value, (list, dict)) or value == "":
            raise BadTrial(fallback, f"{path}: found {shown(value)}; expected a trial's name")
        return value if isinstance(value, str) else scalar_text(value)

    def marks(self, record: Record) -> tuple[str, ...]:
        """Give what tells reruns of one name apart, as text; empty where a row leaves it out."""
        found = []
        for path in (self.mapping.repetition, self.mapping.seed):
            try:
                value = None if path is None else find(record, path)
            except Missing:
                value = None
            found.append("" if value is None else str(value))
        return tuple(found)

    def repetition(self, record: Record, where: str) -> int:
        """Give the number of the repetition that a record belongs to."""
        if self.mapping.repetition is None:
            return 0
        return self._whole(record, self.mapping.repetition, where)

    # -- one record, one trial or its reruns -----------------------------------------------

    def reruns(self, record: Record, where: str) -> int | None:
        """Give how many runs a record holds: the length of the lists of `values`; None without."""
        lengths = {}
        for path in self.mapping.values.values():
            value = self._field(record, path, "values", where, optional=True)
            if isinstance(value, list):
                lengths[path] = len(value)
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{path} has {n}" for path, n in lengths.items())
            raise BadTrial(where, f"lists of reruns differ in length: {told}")
        return next(iter(lengths.values()), None)

    def read(self, record: Record, where: str, *, point: int, rerun: int | None) -> TrialRead:
        """Read the trial of a record, or one of its reruns.

        Raises:
            BadTrial: A field is missing, or holds what it cannot.
        """
        curves = Curves()
        self._read_curve(record, where, curves)
        planned = self._planned(record, where)
        step = curves.last or planned or 1
        for metric, path in self.mapping.values.items():
            value = self._field(record, path, "values", where, optional=True)
            if isinstance(value, list):
                value = value[rerun or 0]
                curves.add(metric, step, self._number(value, path, where))
            elif value is not None and value != "":
                curves.add(metric, step, self._number(value, path, where))
        return self.trial(record, curves, where, point=point, planned=planned, rerun=rerun)

    def _read_curve(self, record: Record, where: str, curves: Curves) -> None:
        wanted = self.mapping.curve
        if wanted is None:
            return
        path = wanted.path or "the curve"
        value: Any = record
        if wanted.path is not None:
            value = self._field(record, wanted.path, "curve.path", where)
        origins = [] if wanted.step is None else [wanted.step.origin]
        items = rows_of(value, path, where, [*origins, *wanted.metrics.values()])
        seen: set[str] = set()
        for index, item in enumerate(items):
            here = f"{path}[{index}]"
            step = index + 1
            if wanted.step is not None:
                step = self.step_of(item, wanted.step, here, where)
            curves.last = max(curves.last, step)
            for metric, field in wanted.metrics.items():
                try:
                    value = find(item, field)
                except Missing:
                    continue
                seen.add(metric)
                if value is None and wanted.nulls == "missing":
                    continue
                if type(value) is not float:  # as nearly all are
                    value = self._number(value, f"{here}.{field}", where)
                curves.add(metric, step, value)
        for metric in set(wanted.metrics) - seen if items else ():
            if metric == self.mapping.objective.metric:
                field = wanted.metrics[metric]
                near = nearest(field, paths(items[0]))
                raise BadTrial(where, f"{path}: found no field {field!r}{near}")
        for metric, found in list(curves.columns.items()):
            if metric != self.mapping.objective.metric and all(map(math.isnan, found.values())):
                del curves.columns[metric]  # nothing but null: it was never logged

    def step_of(self, item: Record, wanted: StepField, here: str, where: str) -> int:
        """Read the step of a point."""
        try:
            value = find(item, wanted.origin)
        except Missing:
            near = nearest(wanted.origin, paths(item))
            raise BadTrial(where, f"{here}: found no field {wanted.origin!r}{near}") from None
        step = whole(value)
        if step is None:
            raise BadTrial(
                where, f"{here}.{wanted.origin}: found {shown(value)}; expected a whole number"
            )
        step = step * wanted.times + wanted.plus
        if not 0 <= step <= MOST_STEPS:
            raise BadTrial(where, f"{here}.{wanted.origin}: found {step}; expected 0 or more")
        return step

    def row_values(self, record: Record, where: str) -> Iterator[tuple[str, float]]:
        """Give the metrics of a row that is a point; what is empty was not logged there."""
        for metric, path in self.mapping.values.items():
            value = self._field(record, path, "values", where)
            if value is not None and value != "":
                yield metric, self._number(value, path, where)

    def trial(
        self,
        record: Record,
        curves: Curves,
        where: str,
        *,
        point: int,
        planned: int | None = None,
        rerun: int | None = None,
    ) -> TrialRead:
        """Put a trial together from its record and its points."""
        mapping = self.mapping
        planned = self._planned(record, where) if planned is None else planned
        columns = curves.sorted()
        state, reason = self._ending(record, columns)
        notes: list[str] = []
        if rerun is not None:
            listed = [p for p in mapping.values.values() if isinstance(find(record, p), list)]
            notes.append(
                f"lists in {', '.join(listed)} are taken for reruns (for a curve: 'curve')"
            )
        params = self.params(record, where, notes)
        seconds = None
        if mapping.seconds is not None:
            seconds = self._field(record, mapping.seconds, "seconds", where, optional=True)
            if isinstance(seconds, list):
                seconds = seconds[rerun] if rerun is not None and rerun < len(seconds) else None
        found = 0.0 if seconds in (None, "") else self._number(seconds, mapping.seconds, where)
        return TrialRead(
            params=params,
            columns=columns,
            state=state,
            reason=reason,
            step=curves.last,
            max_steps=planned or None,
            point=point,
            seed=None if mapping.seed is None else self._whole(record, mapping.seed, where),
            seconds=found if math.isfinite(found) else 0.0,
            notes=tuple(notes),
        )

    def _ending(self, record: Record, columns: Columns) -> tuple[str, str]:
        metric = self.mapping.objective.metric
        for rule in self.mapping.infeasible:
            try:
                value = find(record, rule.field)
            except Missing:
                continue
            if any(_agrees(value, wanted) for wanted in rule.equals):
                step = diverged_at(columns, metric) if metric in columns else None
                told = step is not None and rule.reason == "diverged"
                return "infeasible", f"diverged at step {step}" if told else rule.reason
        return ending(columns, metric)

    def _planned(self, record: Record, where: str) -> int | None:
        planned = self.mapping.planned
        times = self.step.times if self.step else 1
        if planned is None:
            return None
        if isinstance(planned, int):
            return planned * times
        return self._whole(record, planned, where) * times

    # -- the configuration ------------------------------------------------------------------

    def params(self, record: Record, where: str, notes: list[str]) -> dict[str, Scalar]:
        """Read a trial's configuration: parents before what exists only for some of their values.

        Args:
            record: The record.
            where: What messages call it.
            notes: Gets what the person should know.
        """
        found: dict[str, Scalar] = {}
        for name in self._order:
            definitions = self.mapping.hyperparameters[name]
            for index in holding(definitions, found)[:1]:
                value = self._param(record, name, definitions[index], where)
                if value is not None:
                    found[name] = _fitted(name, value, definitions[index], where, notes)
        return {name: found[name] for name in self.mapping.hyperparameters if name in found}

    def _param(
        self, record: Record, name: str, definition: MappedHyperparameter, where: str
    ) -> Any:
        origin = name if definition.origin is None else definition.origin
        if isinstance(origin, dict):
            ((form, operands),) = origin.items()
            return self._derive(record, form, operands, where)
        if definition.role == "fixed" and definition.origin is None:
            return definition.value
        return self._field(record, origin, f"hyperparameters.{name}", where)

    def _derive(
        self, record: Record, form: str, operands: Sequence[str | int | float], where: str
    ) -> float:
        values = []
        for operand in operands:
            if isinstance(operand, str):
                value = self._field(record, operand, form, where)
                values.append(self._number(value, operand, where))
            else:
                values.append(float(operand))
        try:
            return FORMS[form](*values)
        except (ZeroDivisionError, OverflowError) as error:
            raise BadTrial(where, f"{form} of {operands}: {error}") from error

    # -- fields ---------------------------------------------------------------------------

    def _field(
        self, record: Record, path: str, use: str, where: str, *, optional: bool = False
    ) -> Any:
        try:
            return find(record, path)
        except Missing:
            if optional:
                return None
            near = nearest(path, paths(record))
            raise BadTrial(where, f"found no field {path!r} ({use}){near}") from None

    def _number(self, value: Any, path: str | None, where: str) -> float:
        try:
            return number(value)
        except ValueError:
            raise BadTrial(where, f"{path}: found {shown(value)}; expected a number") from None

    def _whole(self, record: Record, path: str, where: str) -> int:
        value = self._field(record, path, "a whole number", where)
        found = whole(value)
        if found is None or not 0 <= found <= MOST_STEPS:
            raise BadTrial(where, f"{path}: found {shown(value)}; expected a whole number")
        return found


def _agrees(value: Any, wanted: Scalar) -> bool:
    """Say whether a field has a value, also where a table wrote it as text."""
    if isinstance(value, (list, dict)):
        return False
    if same(value, wanted):
        return True
    texts = {scalar_text(value).strip().lower(), scalar_text(wanted).strip().lower()}
    numbers = {"0": "false", "1": "true"} if isinstance(wanted, bool) else {}
    return len({numbers.get(text, text) for text in texts}) == 1


def _fitted(
    name: str, value: Any, definition: MappedHyperparameter, where: str, notes: list[str]
) -> Scalar:
    """Give a value as its definition has it; what lies outside is kept, and noted."""
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    if definition.range is not None:
        try:
            found = number(value)
        except ValueError:
            raise BadTrial(
                where, f"{name}: found {shown(value)}; expected a number of its range"
            ) from None
        if not math.isfinite(found):
            raise BadTrial(where, f"{name}: found {shown(value)}; expected a finite number")
        low, high = map(float, definition.range)  # as `found`: exact ends may lie beside it
        if not low <= found <= high:
            notes.append(f"{name} outside its range [{low:g}, {high:g}]")
        count = whole(value) if definition.integer else None
        return found if count is None else count
    choices = Dimension(definition).choices or []
    for choice in choices:
        if _agrees(value, choice) or _equal_numbers(value, choice):
            return choice
    notes.append(f"{name} is none of its values")
    kept: Scalar = value
    return kept


def _equal_numbers(value: Any, choice: Scalar) -> bool:
    if isinstance(choice, (bool, str)) or choice is None:
        return False
    try:
        return math.isclose(number(value), choice, rel_tol=1e-9)
    except ValueError:
        return False
