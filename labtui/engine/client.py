"""How commands and screens ask something of a lab: by its inbox, or by writing themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labtui.engine import provenance, requests
from labtui.engine.finding import Refused
from labtui.engine.plugins import TrainerError, check_devices, check_trainer
from labtui.engine.suggest import check_sampler
from labtui.store import inbox
from labtui.store.errors import LabBroken, LabError, LabHeld
from labtui.store.lab import Lab
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths
from labtui.store.soundness import ready
from labtui.store.writer import Writer, storable
from labtui.study.errors import StudyError
from labtui.study.secrets import redact, redact_arguments, secrets_in
from labtui.study.spec import Study
from labtui.study.yamltree import read_tree
from labtui.trainer.plugin import Plugin

ANSWER_SECONDS = 30.0  # a runner answers within one commit; a new one starts within a second
POLL_SECONDS = 0.02
RESTART_SECONDS = 1.0
MISSING = "labtui-finds-no"  # begins the answer of another Python, whatever it prints before
A_SECRET = "what looks like a secret"
NO_SECRET = (
    "none, as a lab keeps what a study says: let the program read it from a file in your home "
    "folder; what is no secret takes another name"
)
START_SECONDS = 5.0  # a runner may take this long to start on a busy machine


class RequestRefused(Exception):
    """The lab's writer declined; the message says why and what to do."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Remember the exit code that the command should end with."""
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Submission:
    """What became of a request to run a study: its name in the lab, and trials added to it."""

    study: str
    added: int


def submit(
    paths: LabPaths,
    study: Study,
    *,
    file: Path,
    folder: Path,
    command: Sequence[str] = (),
    mode: str | None = None,
    events: Path | None = None,
    slots: int | None = None,
    one: bool = False,
) -> Submission:
    """Hand a study to the lab's runner, starting one if none is alive.

    Args:
        paths: The lab.
        study: What is asked for.
        file: The study file, kept as text.
        folder: Where its trainer runs and its files lie.
        command: How it was asked for, kept (without secrets) to reproduce it.
        mode: ``new`` to run under another name, ``extend`` to add trials to the one in the lab.
        events: Append committed points and states to this file.
        slots: Workers of a runner that is started; one a core by default.
        one: Train the next trial alone; the others wait until the study is resumed.

    Raises:
        TrainerError, DeviceError: What the study needs is not here.
        RequestRefused: The lab has a different study of that name.
        LabError: The lab cannot be written.
    """
    environment = provenance.allowed_environment()
    plugin = check_trainer(study)
    check_sampler(study)
    check_devices(study, plugin, environment)
    _check_script(study, folder)
    _check_names(file, folder)
    _check_secrets(study, file)
    _check_events(events)
    _check_change(paths, study, mode)
    interpreter = find_interpreter(study.interpreter, folder)
    check_frameworks(plugin, interpreter)
    request = {
        "kind": "submit",
        "study": study.to_json(),
        "source": redact(file.read_text("utf-8-sig")),
        "file": str(file),
        "folder": str(folder),
        "interpreter": interpreter,
        "environment": environment,
        "command": storable(shlex.join(redact_arguments(list(command)))),
        "provenance": provenance.describe(folder),
        "mode": mode,
        "one": one,
        "events": str(events.absolute()) if events else None,
    }
    found = _ask_runner(paths, request, slots)
    return Submission(found["study"], found["added"])


def resume(
    paths: LabPaths,
    name: str,
    *,
    events: Path | None = None,
    slots: int | None = None,
    one: bool = False,
) -> Submission:
    """Have a study that is in the lab trained further, or `one` trial of it.

    Raises:
        UnknownName: There is none of that name.
        TrainerError: It was imported, so that nothing here trains it.
        LabError: There is no lab, or it cannot be written.
    """
    with Lab(paths) as lab:
        found = lab.study(name)
    if "import" in found.provenance:
        raise TrainerError(
            f"study {name!r} was imported: there is nothing to train, and no trainer that could; "
            f"`labtui show {name}` and `labtui check {name}` read it"
        )
    _check_events(events)
    request = {
        "kind": "resume",
        "subject": name,
        "one": one,
        "events": str(events.absolute()) if events else None,
    }
    answer = _ask_runner(paths, request, slots)
    return Submission(answer["study"], answer["added"])


def stop(paths: LabPaths, subject: str, *, now: bool = False) -> dict[str, Any]:
    """Stop a study or a trial: after the next evaluation of each trial, or `now`.

    Raises:
        UnknownName: There is no such study or trial.
        LabError: There is no lab, or it cannot be written.
    """
    return ask(paths, {"kind": "stop", "subject": subject, "now": now})


def move(paths: LabPaths, study: str, place: int) -> dict[str, Any]:
    """Give a study another place in the queue of those to be trained.

    Trials that train go on to their ends; the next ones come from the studies in the new order. It
    is kept in the lab, so that a runner that starts later goes by it too.

    Args:
        paths: The lab.
        study: Its name.
        place: Where in `Lab.queue` it is to be, from 0; -1 for the last place.

    Returns:
        ``{"study", "place", "queue"}``: its place and the names of all, the next first.

    Raises:
        UnknownName: There is no such study; the nearest name is given.
        RequestRefused: It has ended, or the queue has no such place.
        LabError: There is no lab, or it cannot be written.
    """
    with Lab(paths) as lab:
        lab.study(study)  # `ask` would take a trial's name as well
    return ask(paths, {"kind": "move", "subject": study, "place": place})


def add_note(paths: LabPaths, subject: str, text: str) -> dict[str, Any]:
    """Add a note to a study or a trial.

    Raises:
        UnknownName: There is no such study or trial.
        LabError: There is no lab, or it cannot be written.
    """
    return ask(paths, {"kind": "note", "subject": subject, "text": text})


def put_card(
    paths: LabPaths,
    workload: str,
    entries: Mapping[str, Any],
    *,
    trainer: str,
    metric: str,
    goal: str,
) -> None:
    """Write entries of a workload's card; a lab or a workload that is not there is made.

    Raises:
        LabError: The lab cannot be written.
    """
    owner = {"trainer": trainer, "metric": metric, "goal": goal}
    ask(paths, {"kind": "card", "workload": workload, "entries": dict(entries), **owner})


def find_interpreter(named: str | None, folder: Path) -> str:
    """Give the interpreter that trains: this one, or the one the study names.

    Raises:
        TrainerError: It is not there.
    """
    if named is None:
        return sys.executable
    found = Path(folder, named).expanduser()
    if os.sep in named or found.is_file():
        path = Path(os.path.abspath(found))  # a virtual environment's link must stay a link
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise TrainerError(f"interpreter: {path} is not there; expected a Python to run")
        return str(path)
    which = shutil.which(named)
    if which is None:
        raise TrainerError(f"interpreter: found {named!r}; expected a path or a command on PATH")
    return which


def check_frameworks(plugin: Plugin, interpreter: str) -> None:
    """See that a trainer's framework is where it will train, before anything is queued.

    Raises:
        TrainerError: It is not, or the interpreter does not run.
    """
    if interpreter == sys.executable:
        missing = [name for name in plugin.frameworks if find_spec(name) is None]
    else:
        missing = _missing_in(interpreter, plugin.frameworks)
    if missing:
        where = "here" if interpreter == sys.executable else f"in {interpreter}"
        raise TrainerError(
            f"trainer: {plugin.name!r} needs {', '.join(missing)}, which is not installed {where}; "
            f"pip install 'labtui[{plugin.name}]', or name an environment that has it: "
            "`interpreter: path/to/python`"
        )


def _missing_in(interpreter: str, names: Sequence[str]) -> list[str]:
    """Ask another Python which packages it cannot find; it imports none of them."""
    code = (
        "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
        "import importlib.util as u; "
        f"print('{MISSING}', *[name for name in sys.argv[1:] if not u.find_spec(name)])"
    )
    try:
        found = subprocess.run(
            [interpreter, "-c", code, *names],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TrainerError(f"interpreter: {interpreter} does not run: {error}") from error
    marker, *missing = (found.stdout.strip().splitlines() or [""])[-1].split() or [""]
    if found.returncode or marker != MISSING:
        last = (found.stderr.strip().splitlines() or [f"exit code {found.returncode}"])[-1]
        raise TrainerError(f"interpreter: {interpreter} is no Python that runs: {last}")
    return missing


def _check_names(*paths: Path) -> None:
    for path in paths:
        if storable(str(path)) != str(path):
            raise TrainerError(f"{storable(str(path))}: found a name that is not UTF-8; rename it")


def _check_secrets(study: Study, file: Path) -> None:
    """Refuse a study that says a secret: its lab would keep it, and exports would show it."""
    places = list(secrets_in(study.to_json()))
    if places:
        tree = read_tree(file.read_text("utf-8-sig"), str(file))
        raise StudyError(tree.problem(place, NO_SECRET, A_SECRET) for place in places)


def _check_events(path: Path | None) -> None:
    """See that events can be written: the runner, in the background, could not say so."""
    if path is None:
        return
    if path.exists() and not path.is_file():
        raise TrainerError(f"--events: {path} is not a regular file; name a file to append to")
    try:
        path.open("a").close()
    except OSError as error:
        raise TrainerError(
            f"--events: {path}: {error.strerror}; name a file to append to"
        ) from error


def _check_change(paths: LabPaths, study: Study, mode: str | None) -> None:
    """Refuse what the writer would refuse of a study in the lab, before it starts and writes."""
    if mode == "new":
        return
    try:
        with Lab(paths) as lab:
            old = lab.study(study.study).spec
        requests.check_change(study, Study.from_json(old), mode)
    except Refused as error:
        raise RequestRefused(str(error), error.code) from error
    except LabError:  # there is none yet, it has no such study, or writing says what is wrong
        return


def _check_script(study: Study, folder: Path) -> None:
    for option, form in (("file", "python"), ("script", "script")):
        named = study.trainer.options.get(option) if study.trainer.name == "python" else None
        if named is not None and not Path(folder, named).is_file():
            raise TrainerError(f"trainer.{form}: {Path(folder, named)}: no such file")


# -- asking -------------------------------------------------------------------------------------


def ask(paths: LabPaths, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the living runner, or write the lab ourselves when there is none.

    Raises:
        RequestRefused: The lab's writer declined.
        UnknownName: The request's ``subject`` is not in the lab.
        LabError: The lab cannot be written.
    """
    if "subject" in request:  # nothing is created or changed by asking for what is not there
        with Lab(paths) as lab:
            lab.find(request["subject"])
    posted = None
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if living_runner(paths.lock) is not None:
            posted = posted or inbox.post(paths, dict(request))
            found = _wait_for_answer(paths, posted, deadline)
            if found is not None:
                return _checked(found)
        try:
            with Writer(paths, wait=RESTART_SECONDS) as writer:
                if posted is not None:  # the runner died: did it still carry this out?
                    done = _answer(paths, posted)
                    if done is not None:
                        return _checked(done)
                    inbox.withdraw(paths, posted)
                requests.recover(writer)
                return _checked(requests.answer(writer, dict(request), runner=False))
        except LabHeld:
            continue
    raise LabHeld(f"{paths.db}: held by another process for {ANSWER_SECONDS:g} s; try again")


def _ask_runner(paths: LabPaths, request: Mapping[str, Any], slots: int | None) -> dict[str, Any]:
    """Ask the runner, starting one as often as none is alive."""
    if not paths.db.exists() or not paths.db.stat().st_size or not os.access(paths.db, os.W_OK):
        Writer(paths, wait=RESTART_SECONDS).close()  # says clearly why a lab cannot be made here
    posted = inbox.post(paths, dict(request))
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if living_runner(paths.lock) is None:
            ready(paths.db)  # says clearly why a runner could not write
            _start_runner(paths, slots)
        found = _wait_for_answer(paths, posted, deadline)
        if found is not None:
            return _checked(found)
    raise LabBroken(
        f"{paths.db}: its runner did not answer within {ANSWER_SECONDS:g} s; "
        f"see {paths.logs / 'runner.log'}"
    )


def _wait_for_answer(paths: LabPaths, posted: str, deadline: float) -> dict[str, Any] | None:
    """Wait for the answer; None when the runner died before it answered."""
    with Lab(paths) as lab:
        missing_since = None
        while time.monotonic() < deadline:
            event = lab.answer(posted)
            if event is not None:
                return dict(event.data)
            if lab.runner() is not None:
                missing_since = None
            elif missing_since is None:
                missing_since = time.monotonic()
            elif time.monotonic() - missing_since > START_SECONDS:
                return None
            time.sleep(POLL_SECONDS)
    return None


def _answer(paths: LabPaths, posted: str) -> dict[str, Any] | None:
    with Lab(paths) as lab:
        event = lab.answer(posted)
    return None if event is None else dict(event.data)


def _start_runner(paths: LabPaths, slots: int | None) -> None:
    """Start a runner in a session of its own: it outlives this process and its terminal."""
    arguments = [sys.executable, "-P", "-m", "labtui.engine.service", "--lab", str(paths.db)]
    if slots is not None:
        arguments += ["--slots", str(slots)]
    with paths.open_log("runner.log") as log:
        subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=paths.db.parent,
            check=False,
        )


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    if "error" in found:
        raise RequestRefused(found["error"], found.get("exit", 2))
    return found


__all__ = [
    "LabError",
    "RequestRefused",
    "Submission",
    "add_note",
    "ask",
    "find_interpreter",
    "move",
    "put_card",
    "resume",
    "stop",
    "submit",
]
