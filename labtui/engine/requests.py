"""What others ask of a lab's writer, and how it is answered: submit, resume, stop, move, decide.

A runner applies these from its inbox; with no runner alive, a command holds the lock and applies
them itself. Each answer is a JSON object: ``{"study": name, …}`` or ``{"error": …, "exit": n}``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from labtui.engine import decisions
from labtui.engine.devices import DeviceError
from labtui.engine.finding import Refused, find_study, find_subject
from labtui.engine.jobs import resume_step, study_plan, warn_of_spoiled
from labtui.engine.plugins import TrainerError, check_devices, check_trainer
from labtui.engine.searching import search_of, unsuggested
from labtui.engine.suggest import check_sampler, lacking
from labtui.store.changes import (
    NewHyperparameter,
    NewStudy,
    NewTrial,
    add_study,
    add_trials,
    put_hyperparameters,
    requeue_trial,
    set_study,
)
from labtui.store.occupancy import last_place, put_order
from labtui.store.runners import ACTIVE, in_order
from labtui.store.writer import Writer
from labtui.study import halton
from labtui.study.inheritance import inherit, inherited_values
from labtui.study.plan import assign_columns, plan, total_trials
from labtui.study.spec import Study, difference, extends

LAST = -1
"""The place behind all others, however many there are."""


# -- submitting ---------------------------------------------------------------------------------


def submit(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Add a study to the lab, or take up the one of its name again.

    Raises:
        Refused: The study in the lab was asked for differently, and the request names no mode.
    """
    study = Study.from_json(request["study"])
    check_devices(study, check_trainer(study), request.get("environment", {}))
    check_sampler(study)
    mode = request.get("mode")
    row = writer.connection.execute(
        "SELECT id, spec FROM studies WHERE name = ?", (study.study,)
    ).fetchone()
    if row is not None and mode == "new":
        study = _renamed(writer, study)
        row = None
    if row is None:
        if study.sampler == "bayesian" and study.follows is not None:
            find_study(writer, study.follows.study)
        found = _add(writer, study, request)
        if study.sampler == "bayesian" and (text := lacking(writer.connection, found)):
            writer.event("warning", {"text": text}, study=found)
            writer.commit()
        return {"study": study.study, "id": found, "added": total_trials(study)}
    return _take_up(writer, study, row[0], Study.from_json(json.loads(row[1])), mode)


def _take_up(
    writer: Writer, study: Study, found: int, old: Study, mode: str | None
) -> dict[str, Any]:
    added = 0
    if study != old:
        check_change(study, old, mode)
        added = _extend(writer, study, found)
    resume(writer, found)
    return {"study": study.study, "id": found, "added": added}


def check_change(study: Study, old: Study, mode: str | None) -> None:
    """See that a study of a lab may be asked for as `study`.

    Raises:
        Refused: It was asked for differently, as `old`; says what changed, and what to add.
    """
    if study == old:
        return
    changes = "\n".join(f"  {line}" for line in difference(old, study))
    if not extends(old, study):
        raise Refused(
            f"study {study.study!r} is in the lab already and was asked for differently:\n"
            f"{changes}\nadd --new to run this one under another name, or undo the change"
        )
    if total_trials(study) != total_trials(old) and mode != "extend":
        raise Refused(
            f"study {study.study!r} is in the lab already with another budget:\n{changes}\n"
            "add --extend to train the further trials, or --new to start afresh"
        )


def resume(writer: Writer, study: int) -> None:
    """Queue a study again if trials of it wait; a completed one stays so."""
    waiting = writer.connection.execute(
        "SELECT count(*) FROM trials WHERE study = ? AND state IN ('queued', 'running')", (study,)
    ).fetchone()[0]
    state = writer.connection.execute(
        "SELECT state FROM studies WHERE id = ?", (study,)
    ).fetchone()[0]
    if (waiting or unsuggested(writer.connection, study)) and state not in ACTIVE:
        place = last_place(writer.connection)
        set_study(writer, study, "queued")
        writer.execute("UPDATE studies SET place = ? WHERE id = ?", (place, study))
        writer.commit()


def _renamed(writer: Writer, study: Study) -> Study:
    names = {row[0] for row in writer.connection.execute("SELECT name FROM studies")}
    number = 2
    while f"{study.study}-{number}" in names:
        number += 1
    return Study.from_json({**study.to_json(), "study": f"{study.study}-{number}"})


def _add(writer: Writer, study: Study, request: dict[str, Any]) -> int:
    columns = assign_columns(study)
    baseline, inherited = _baseline(writer, study)
    whole = inherit(study, inherited)
    new = NewStudy(
        name=study.study,
        workload=study.workload,
        trainer=study.trainer.name,
        goal=study.goal,
        metric=study.objective.metric,
        direction=study.objective.goal,
        selection=study.objective.select,
        seed=study.seed,
        sequence=halton.VERSION,
        total=total_trials(whole),
        spec=study.to_json(),
        folder=request["folder"],
        interpreter=request["interpreter"],
        hyperparameters=_definitions(whole, columns, inherited),
        source=request.get("source", ""),
        file=request.get("file", ""),
        environment=request["environment"],
        command=request.get("command", ""),
        provenance=request.get("provenance", {}),
        parent=study.follows.study if study.follows else "",
        kind=study.follows.kind if study.follows else "",
        baseline=baseline,
        inherited=inherited,
    )
    return add_study(writer, new, _trials(whole, columns, 0))


def _baseline(writer: Writer, study: Study) -> tuple[int | None, dict[str, Any]]:
    """Give the current baseline of a study's workload, and what the study takes from it."""
    row = writer.connection.execute(
        "SELECT b.id, b.configuration FROM workloads w JOIN baselines b ON b.id = w.baseline "
        "WHERE w.name = ?",
        (study.workload,),
    ).fetchone()
    if row is None:
        return None, {}
    configuration = json.loads(row[1])
    if configuration.get("trainer", {}).get("name") != study.trainer.name:
        return row[0], {}
    parent = None
    if study.follows is not None:
        parent = writer.connection.execute(
            "SELECT inherited FROM studies WHERE name = ?", (study.follows.study,)
        ).fetchone()
    known = None if parent is None else json.loads(parent[0])
    return row[0], inherited_values(study, configuration["params"], known)


def _extend(writer: Writer, study: Study, found: int) -> int:
    rows = writer.connection.execute(
        "SELECT name, sequence_column FROM hyperparameters "
        "WHERE study = ? AND sequence_column IS NOT NULL",
        (found,),
    )
    columns = assign_columns(study, dict(rows.fetchall()))
    inherited = json.loads(
        writer.connection.execute(
            "SELECT inherited FROM studies WHERE id = ?", (found,)
        ).fetchone()[0]
    )
    whole = inherit(study, inherited)
    start, before = writer.connection.execute(
        "SELECT (SELECT count(*) FROM trials WHERE study = s.id), total FROM studies s "
        "WHERE id = ?",
        (found,),
    ).fetchone()
    trials = list(_trials(whole, columns, start))
    spec, total = json.dumps(study.to_json()), total_trials(whole)
    definitions = _definitions(whole, columns, inherited)

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "UPDATE studies SET spec = ?, total = ?, goal = ?, revision = ? WHERE id = ?",
            (spec, total, study.goal, revision, found),
        )
        put_hyperparameters(connection, found, definitions)

    writer.queue(change)
    add_trials(writer, found, trials)
    writer.commit()
    return int(total - before)  # of a bayesian study none is there yet


def _definitions(
    study: Study, columns: Mapping[str, int], inherited: Mapping[str, Any]
) -> list[NewHyperparameter]:
    data = study.to_json()["hyperparameters"]
    for name in inherited:
        data[name] = [{**definition, "inherited": True} for definition in data[name]]
    return [
        NewHyperparameter(name, definition["role"], columns.get(name), definition)
        for name, definitions in data.items()
        for definition in definitions
    ]


def _trials(study: Study, columns: dict[str, int], start: int) -> Iterator[NewTrial]:
    """Yield the trials that are known beforehand: none of a bayesian study."""
    if study.sampler == "bayesian":
        return
    for trial in plan(study, columns, start):
        yield NewTrial(
            trial.number,
            trial.point,
            trial.arm,
            trial.params,
            trial.unit,
            trial.seed,
            study.budget.max_train_steps,
            repetition=trial.point if study.design == "configurations" else 0,
        )


# -- the rest -----------------------------------------------------------------------------------


def stop_idle(writer: Writer, request: dict[str, Any]) -> dict[str, Any]:
    """Stop a study, or one trial, that no runner is training."""
    study, trial = find_subject(writer, request["subject"])
    if study is not None:
        state = _state(writer, "studies", study)
        if state in ACTIVE:
            set_study(writer, study, "stopped", "stopped by a person")
    elif trial is not None:
        state = _state(writer, "trials", trial)
        if state == "queued":
            stop_queued(writer, trial)
    writer.commit()
    return {"subject": request["subject"], "was": state}


def stop_queued(writer: Writer, trial: int) -> None:
    """Queue a waiting trial's end: it will not be trained."""

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "UPDATE trials SET state = 'stopped', reason = 'stopped by a person', revision = ? "
            "WHERE id = ? AND state = 'queued'",
            (revision, trial),
        )

    writer.queue(change)


def _state(writer: Writer, table: str, row: int) -> str:
    found = writer.connection.execute(f"SELECT state FROM {table} WHERE id = ?", (row,))
    return str(found.fetchone()[0])


def recover(writer: Writer) -> list[int]:
    """Return a dead runner's trials to the queue, rewound to their newest whole checkpoints.

    Whoever holds the lock may call this: no other runner can be alive then.

    Returns:
        The ids of the trials.
    """
    rows = writer.connection.execute("SELECT id, study FROM trials WHERE state = 'running'")
    found = [(int(trial), int(study)) for trial, study in rows.fetchall()]
    for trial, study in found:
        step = resume_step(writer.connection, writer.paths, trial)
        warn_of_spoiled(writer, study, trial, step)
        requeue_trial(
            writer,
            trial,
            reason="interrupted: its runner died",
            step=step,
            seconds=0.0,
            interrupted=True,
        )
    if writer.connection.execute("SELECT 1 FROM runners WHERE ended IS NULL").fetchone():
        writer.execute("UPDATE runners SET ended = 'died' WHERE ended IS NULL")
    writer.commit()
    return [trial for trial, _ in found]


def active_studies(writer: Writer) -> list[tuple[int, str, str]]:
    """List the studies that are to be trained, in the order of their queue.

    Returns:
        Id, name and reason of each; the reason says when a single trial was asked for.
    """
    return writer.connection.execute(in_order()).fetchall()


def move(writer: Writer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give a study that is to be trained another place in the queue; see `client.move`.

    Raises:
        Refused: It is not to be trained, or there is no such place.
    """
    study, place = find_study(writer, str(request["subject"])), int(request["place"])
    order = [row[0] for row in active_studies(writer)]
    if study not in order:
        state = _state(writer, "studies", study)
        ended = "no trial of it waits"
        hint = ended if state == "completed" else f"`labtui run {request['subject']}` resumes it"
        raise Refused(f"study {request['subject']!r} is {state}: it is not in the queue; {hint}")
    if not LAST <= place < len(order):
        raise Refused(
            f"place {place + 1}: the queue has {len(order)}; expected 1 (the next) to {len(order)}"
        )
    order.remove(study)
    order.insert(len(order) if place == LAST else place, study)
    put_order(writer, order)
    writer.commit()
    names = [row[1] for row in active_studies(writer)]
    return {"study": request["subject"], "place": names.index(request["subject"]), "queue": names}


def subject(request: Mapping[str, Any]) -> str:
    """Name the study that a request speaks of; only one to submit brings it whole."""
    study = request.get("study") or ""
    return str(request.get("subject") or (study["study"] if isinstance(study, Mapping) else study))


def answer(writer: Writer, request: dict[str, Any], *, runner: bool) -> dict[str, Any]:
    """Carry out a request that needs no training to stop, and say what came of it."""
    try:
        if request["kind"] == "submit":
            return submit(writer, request)
        if request["kind"] == "resume":
            study = find_study(writer, request["subject"])
            resume(writer, study)
            study_plan(writer.connection, study)
            search_of(writer.connection, study)
            return {"study": request["subject"], "id": study, "added": 0}
        if request["kind"] == "move":
            return move(writer, request)
        if request["kind"] == "stop" and not runner:
            return stop_idle(writer, request)
        if request["kind"] in decisions.ANSWERS:
            return decisions.ANSWERS[request["kind"]](writer, request)
        raise Refused(f"request {request['kind']!r}: this labtui does not know it; update it")
    except Refused as error:
        return {"error": str(error), "exit": error.code}
    except (TrainerError, DeviceError) as error:
        return {"error": str(error), "exit": 2}
