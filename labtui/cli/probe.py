"""`labtui probe`: what a workload can take, measured: batch sizes, and learning rates."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, print_table, say, write, write_sentence

if TYPE_CHECKING:
    from labtui.engine.probe_stability import Stability
    from labtui.engine.probe_subject import Subject
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths

WorkloadName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="WORKLOAD|STUDY.yaml",
        help="A workload of the lab or of a trainer, or a study file with its configuration.",
    ),
]
TrainerOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--trainer", metavar="NAME", help="Which trainer, where several have it."),
]
ParamOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A hyperparameter; can be repeated."),
]
DeviceOption: TypeAlias = Annotated[
    str | None, typer.Option("--device", metavar="DEVICE", help="Where to train: cpu, cuda …")
]
StepsOption: TypeAlias = Annotated[
    int | None, typer.Option("--steps", min=1, metavar="N", help="Updates of every trial.")
]

probe = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@probe.callback()
def probes(context: typer.Context) -> None:
    """Measure what a workload can take; the workload's card keeps it."""
    if context.default_map and context.invoked_subcommand:
        context.default_map = {context.invoked_subcommand: dict(context.default_map)}


@probe.command("batch-size")
def batch_size(
    workload: WorkloadName,
    trainer: TrainerOption = None,
    param: ParamOption = None,
    name: Annotated[
        str,
        typer.Option("--batch-size-name", metavar="NAME", help="What the batch size is called."),
    ] = "batch_size",
    smallest: Annotated[
        int | None, typer.Option("--from", min=1, metavar="N", help="Where to begin doubling.")
    ] = None,
    steps: StepsOption = None,
    device: DeviceOption = None,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Find the batch sizes that fit and that pay.

    Measures examples/s at powers of two until one does not fit, or two in a row gain nothing.
    """
    from labtui.engine.probe_subject import find_subject
    from labtui.engine.probes import probe_batch_size
    from labtui.verdicts import probes

    paths = lab_paths(lab)
    subject = find_subject(workload, paths, trainer=trainer, params=param or [], device=device)
    _warn_of_others(paths)
    said: set[str] = set()

    def tell(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    found = probe_batch_size(
        subject,
        name=name,
        steps=steps,
        smallest=smallest,
        tell=lambda size: tell(probes.size_line(size, name)),
    )
    document = probes.batch_document(found)
    _keep(paths, subject, document)
    if json:
        print_json(document)
        return ExitCode.DONE
    params = {k: v for k, v in subject.params.items() if k != name}
    kept = subject.trainer["name"], found.device, params, subject.source
    write_sentence(probes.configuration_line(*kept))
    write()
    headers = probes.BATCH_HEADERS
    print_table(headers, probes.batch_rows(found), right=" ".join(headers[:-1]))
    _draw([probes.batch_chart(found)])
    _write_sentences(probes.batch_sentences(found))
    return ExitCode.DONE


@probe.command("stability")
def stability(
    workload: WorkloadName,
    trainer: TrainerOption = None,
    param: ParamOption = None,
    name: Annotated[
        str,
        typer.Option("--learning-rate-name", metavar="NAME", help="What the rate is called."),
    ] = "learning_rate",
    around: Annotated[
        float | None, typer.Option("--around", metavar="RATE", help="Sweep around this rate.")
    ] = None,
    bounds: Annotated[
        tuple[float, float] | None,
        typer.Option("--range", metavar="LOW HIGH", help="Sweep from LOW to HIGH."),
    ] = None,
    rates: Annotated[
        int, typer.Option("--rates", min=4, max=100, metavar="N", help="Rates of the sweep.")
    ] = 16,
    steps: StepsOption = None,
    dense_steps: Annotated[
        int | None,
        typer.Option("--dense-steps", min=1, metavar="N", help="Updates of the dense run."),
    ] = None,
    device: DeviceOption = None,
    new: Annotated[
        bool, typer.Option("--new", help="Probe again, beside a probe that is in the lab.")
    ] = False,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Look for unstable training.

    Sweeps the learning rate, then evaluates a run at twice the best one after every step.
    """
    if around is not None and bounds is not None:
        raise Misuse("--around and --range exclude each other; give one of them")
    from labtui.engine import probe_stability as engine
    from labtui.engine.probe_subject import find_subject
    from labtui.store.lab import Lab

    paths = lab_paths(lab)
    found = find_subject(workload, paths, trainer=trainer, params=param or [], device=device)
    subject = engine.prepare(found, name)
    grid = engine.choose_rates(subject, name, count=rates, around=around, bounds=bounds)
    length = steps or subject.steps or engine.STEPS
    command = ["labtui", *sys.argv[1:]]
    sweep = engine.submit_sweep(subject, paths, name, grid, steps=length, command=command, new=new)
    dense = ""
    with Lab(paths) as opened:
        if (code := _follow(opened, sweep)) is not None:
            return code
        judged, _ = engine.read_sweep(opened, subject, sweep, name)
        if judged.best is not None:
            dense = engine.submit_dense(
                subject,
                paths,
                name,
                judged.best,
                sweep,
                steps=dense_steps or min(engine.DENSE_STEPS, length),
                command=command,
            )
            if (code := _follow(opened, dense)) is not None:
                return code
        return _report_stability(
            opened, engine.read_stability(opened, subject, sweep, dense, name), json=json
        )


def _follow(lab: Lab, name: str) -> int | None:
    """Follow a study; gives the exit code when its end was not waited for."""
    from labtui.cli.follow import follow

    end = follow(lab, name)
    if end.finished and lab.study(name).state == "completed":
        return None
    say(f"the same command goes on with {name} and says what came of it")
    return end.exit_code


def _report_stability(lab: Lab, found: Stability, *, json: bool) -> int:
    from labtui.verdicts import probes

    document = probes.stability_document(found)
    _keep(lab.paths, found.subject, document)
    if json:
        print_json(document)
        return ExitCode.DONE
    subject, device = found.subject, document["stability_probe"]["device"]
    params = document["stability_probe"]["params"]
    write_sentence(
        probes.configuration_line(subject.trainer["name"], device, params, subject.source)
    )
    write()
    print_table(probes.RATE_HEADERS, probes.rate_rows(found), right="rate best step")
    _draw(probes.stability_charts(lab, found))
    _write_sentences(probes.stability_sentences(found))
    return ExitCode.DONE


def _warn_of_others(paths: LabPaths) -> None:
    from labtui.store.lock import living_runner

    if living_runner(paths.lock) is not None:
        say("a study of this lab is being trained: it takes time from the probe, wait for its end")


def _keep(paths: LabPaths, subject: Subject, document: Mapping[str, Any]) -> None:
    from labtui.engine import client

    client.put_card(
        paths,
        subject.workload,
        document,
        trainer=subject.trainer["name"],
        metric=subject.metric,
        goal=subject.goal,
    )
    say(f"written to the card of workload {subject.workload} in {paths.db}")


def _draw(specs: list[Any]) -> None:
    from labtui.cli.plot import draw

    write()
    draw(specs)


def _write_sentences(lines: list[str]) -> None:
    write()
    for line in lines:
        write_sentence(line)
