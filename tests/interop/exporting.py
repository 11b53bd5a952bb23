"""A lab in which every text a person or program can write is hostile."""

from labtui.analysis.findings import finding
from labtui.interop.experiment_log import Exported, Told
from labtui.store.changes import NewHyperparameter, NewStudy, NewTrial, add_study
from labtui.store.decisions import add_note
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

HOSTILE = (
    "=HYPERLINK(1)",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1,1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1＋1",
    "＠SUM(1)",
    "%0A=1",
    "{=1+1}",
    "=DDE(server,topic)",
    "http://example.org",
    "internal:'x'!A1",
    "<r>bold</r>",
    "<r></is></c><c r='A1'><f>1+1</f></c></r>",
    "1e3",
    "| a | b |\n|---|",
    "`x` <script>alert(1)</script> [a](javascript:b) ![i](http://e)",
    "\x1b]0;title\x07 \x9b2J \u202egnp",
    "_x0041_",
    "\ud800 half",
)


def as_they_are(lab, names):
    """Give studies under their own objectives, one at a time, without a verdict."""
    for name in names:
        yield Exported(lab.study(name), lab.trials(name))


def hostile_lab(folder, texts=HOSTILE) -> LabPaths:
    """One study a text, which is its name, goal, workload, arm, reason, parameter and note."""
    paths = LabPaths(folder / "lab.db")
    with Writer(paths) as writer:
        for number, text in enumerate(texts):
            text = text.encode("utf-8", "replace").decode()  # SQLite holds no half characters
            study = NewStudy(
                name=text,
                workload=text,
                trainer="numpy",
                goal=text,
                metric=text,
                direction="minimize",
                selection="best",
                seed=1,
                sequence="halton-1",
                total=1,
                spec={},
                folder=text,
                interpreter="python",
                command=text,
                file=text,
                provenance={"git_commit": text, "git_diff": text},
                hyperparameters=[
                    NewHyperparameter(text, "fixed", None, {"role": "fixed", "value": text})
                ],
            )
            trial = NewTrial(0, 0, text, {text: text}, {}, 1, 10, state="queued", source=text)
            key = add_study(writer, study, [trial])
            add_note(writer, text, study=key, trial=None)
            writer.watch(number + 1, text, minimize=True)
            writer.add_points(number + 1, [(text, 1, 0.5)])
            writer.execute(
                "UPDATE trials SET state = 'completed', reason = ? WHERE study = ?", (text, key)
            )
        writer.commit()
    return paths


def judged(exported: Exported, text: str) -> Exported:
    """Add a finding in which everything that can be is `text`."""
    one = finding(
        "diverged", "alert", text, text, subject={"trial": text, "arm": text}, evidence={"x": text}
    )
    told = Told("alert", text, text, text, text, "P16")
    return Exported(exported.study, exported.trials, exported.goals, [one], [told], text)
