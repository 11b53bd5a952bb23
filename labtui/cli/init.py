"""`labtui init`: a study file for a workload, by flags or one question at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, say, write

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.verdicts.scaffolding import Asked, Scaffold, Source

STDOUT = "-"
_Answer = TypeVar("_Answer")


def init(
    workload: Annotated[
        str | None,
        typer.Argument(metavar="[WORKLOAD]", help="A workload of the lab or of a trainer."),
    ] = None,
    trainer: Annotated[
        str | None,
        typer.Option(
            "--trainer",
            metavar="NAME|FORM:TARGET",
            help="Which trainer, or your own: python:train.py:train, script:train.py, command:…",
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A present value; can be repeated."),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare",
            metavar="NAME[=V,V…]",
            help="What is scientific, with its values if you know them; can be repeated.",
        ),
    ] = None,
    goal: Annotated[
        str | None, typer.Option("--goal", metavar="TEXT", help="The question, in words.")
    ] = None,
    minimize: Annotated[
        str | None, typer.Option("--minimize", metavar="METRIC", help="The objective.")
    ] = None,
    maximize: Annotated[
        str | None, typer.Option("--maximize", metavar="METRIC", help="The objective.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, metavar="N", help="Trials of an arm.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, metavar="N", help="Updates of a trial.")
    ] = None,
    eval_every: Annotated[
        int | None, typer.Option("--eval-every", min=1, metavar="N", help="Steps between two.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the study.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Where to write (else NAME.yaml); - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing: take what would be proposed.")
    ] = False,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Write a study file for a workload.

    Roles are proposed by kind and budget, values are those of the baseline. What no flag says is
    asked, on a terminal.
    """
    if minimize and maximize:
        raise Misuse("--minimize and --maximize exclude each other; give one of them")
    ask = _Asking(not (defaults or json) and sys.stdin.isatty() and sys.stderr.isatty())
    paths = lab_paths(lab)
    source = _source(paths, ask, workload, trainer, param or [], minimize, maximize)
    compared = _compared(source, ask, compare)
    asked = _asked(source, ask, compared, goal, trials, steps, eval_every, name, _taken(paths))
    file = _file(ask, out, asked.name, force=force or json)
    from labtui.verdicts.scaffolding import scaffold

    made = scaffold(source, asked)
    if json:
        print_json(_document(made))
    elif file is None:
        write(made.text.rstrip("\n"))
    else:
        _save(file, made, paths, force=force)
    return ExitCode.DONE


class _Asking:
    """Questions on the terminal; without one every answer is the default."""

    def __init__(self, interactive: bool) -> None:
        self.interactive = interactive

    def __call__(
        self, question: str, default: str, read: Callable[[str], _Answer], told: str | None = None
    ) -> _Answer:
        """Ask until the answer can be read; what a flag told already is not asked."""
        if told is not None or not self.interactive:
            return read(default if told is None else told)
        from labtui.engine.plugins import TrainerError
        from labtui.engine.probe_subject import ProbeError
        from labtui.verdicts.scaffolding import ScaffoldError
        from labtui.verdicts.text import clean

        while True:
            answer = typer.prompt(
                clean(question), default=clean(default), err=True, show_default=bool(default)
            )
            try:
                return read(str(answer).strip())
            except (Misuse, ScaffoldError, ProbeError, TrainerError) as error:
                say(str(error))


# -- the questions ------------------------------------------------------------------------------


def _source(
    paths: Any,
    ask: _Asking,
    workload: str | None,
    trainer: str | None,
    params: Sequence[str],
    minimize: str | None,
    maximize: str | None,
) -> Source:
    from dataclasses import replace

    from labtui.verdicts.scaffolding import find_source, is_own

    if workload is None and trainer is None and ask.interactive:
        say(f"workloads: {', '.join(_workloads())}; of your own: --trainer python:train.py:train")
    if is_own(trainer):
        told = " ".join(params) if params else None
        words = ask("hyperparameters, as NAME=VALUE NAME=VALUE", "", str.split, told)
        source = find_source(paths, workload, trainer=trainer, params=list(params) or words)
        if not source.subject.params:
            raise Misuse(
                "found no hyperparameters; name those that the script reads, with their present "
                "values: --param learning_rate=0.1 --param width=64"
            )
    else:

        def find(name: str) -> Source:
            return find_source(paths, name or None, trainer=trainer, params=params)

        source = ask("workload", "", find, workload if workload or not ask.interactive else None)
    subject = source.subject
    metric, direction = subject.metric, subject.goal
    if minimize or maximize:
        metric, direction = minimize or maximize or "", "minimize" if minimize else "maximize"
    elif subject.declared is None and source.baseline is None:
        direction, metric = ask("objective", f"{direction} {metric}", _objective)
    return replace(source, subject=replace(subject, metric=metric, goal=direction))


def _workloads() -> list[str]:
    from labtui.engine.plugins import load_plugins

    return sorted({name for plugin in load_plugins().values() for name in plugin.workloads})


def _objective(text: str) -> tuple[str, str]:
    direction, _, metric = text.partition(" ")
    if direction not in ("minimize", "maximize") or not metric.strip():
        raise Misuse(f"found {text!r}; expected as 'minimize validation/loss'")
    return direction, metric.strip()


def _compared(
    source: Source, ask: _Asking, compare: Sequence[str] | None
) -> Mapping[str, Sequence[Any]]:
    from labtui.verdicts.scaffolding import read_compared
    from labtui.verdicts.text import params_text

    if compare is not None:
        return read_compared(source, compare)
    if ask.interactive:
        say(f"{source.subject.workload} ({source.subject.source}):")
        say(f"  {params_text(source.subject.params)}")
    question = "what is compared: NAME or NAME=VALUE,VALUE (nothing: only search)"
    return ask(question, "", lambda text: read_compared(source, text.split()))


def _asked(
    source: Source,
    ask: _Asking,
    compared: Mapping[str, Sequence[Any]],
    goal: str | None,
    trials: int | None,
    steps: int | None,
    eval_every: int | None,
    name: str | None,
    taken: set[str],
) -> Asked:
    from labtui.verdicts import scaffolding as scaffolds

    number = ask("trials of an arm", str(scaffolds.TRIALS), _whole, _told(trials))
    known = source.budget.get("max_train_steps")
    if known is None and source.subject.declared is not None:
        known = scaffolds.STEPS
    if known is None and steps is None and not ask.interactive:
        raise Misuse("found no --steps; say how many updates a trial makes, as --steps 1000")
    length = ask("updates of a trial", _told(known) or "", _whole, _told(steps))
    every = source.budget.get("eval_every") if length == known else None
    every = every or max(1, length // scaffolds.EVALUATIONS)
    between = ask("steps between two evaluations", str(every), _whole, _told(eval_every))
    proposed = scaffolds.suggest_goal(source, compared, length)
    question = ask("goal, the question in words", proposed, str, goal)
    own = scaffolds.suggest_name(source, compared, taken)
    named = ask("name of the study", own, str, name)
    return scaffolds.Asked(named, question, compared, number, length, between)


def _told(value: int | None) -> str | None:
    return None if value is None else str(value)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise Misuse(f"found {text!r}; expected a whole number of at least 1")
    return int(text)


def _taken(paths: Any) -> set[str]:
    """Give the names that a study cannot have: of studies in the lab, of files beside."""
    from labtui.store.lab import Lab

    names = {path.stem for path in Path.cwd().glob("*.yaml")}
    if paths.db.is_file():
        with Lab(paths) as opened:
            names |= {study.name for study in opened.studies()}
    return names


# -- where it goes ------------------------------------------------------------------------------


def _file(ask: _Asking, out: str | None, name: str, *, force: bool) -> Path | None:
    """Find the file to write to; None for stdout."""
    from labtui.study.spec import slug

    def check(text: str) -> Path | None:
        if text == STDOUT:
            return None
        file = Path(text)
        if file.exists() and not force:
            raise Misuse(f"{file} is there already; --force overwrites it, --out names another")
        return file

    return ask("file", f"{slug(name)}.yaml", check, out)


def _save(file: Path, made: Scaffold, paths: LabPaths, *, force: bool) -> None:
    from labtui.interop.files import check_target, replacing

    if not file.parent.is_dir():
        raise Misuse(f"{file.parent} is not there; make the folder, or name another")
    check_target(file, force=force, source=paths.db)
    with replacing(file) as stream:
        stream.write(made.text)
    _warn_of_script(file, made)
    dropped = f"; too few trials to tune {', '.join(made.roles.dropped)}" * bool(made.roles.dropped)
    say(f"wrote {file}{dropped}")
    say(f"read it, then: labtui plan {file}, labtui run {file}")


def _warn_of_script(file: Path, made: Scaffold) -> None:
    options = made.study.trainer.options
    script = options.get("file") or options.get("script")
    if isinstance(script, str) and not Path(file.parent, script).is_file():
        say(f"{Path(file.parent, script)} is not there: the trainer's file is named from the study")


def _document(made: Scaffold) -> dict[str, Any]:
    """Describe what was made.

    Returns:
        ``{"text", "study" (as JSON), "roles": [{"name", "role", "why"}], "dropped", "left_out"}``
    """
    return {
        "text": made.text,
        "study": made.study.to_json(),
        "roles": [
            {"name": name, "role": definitions[0]["role"], "why": group.why}
            for group in made.roles.groups
            for name, definitions in group.definitions.items()
        ],
        "dropped": list(made.roles.dropped),
        "left_out": list(made.roles.left_out),
    }
