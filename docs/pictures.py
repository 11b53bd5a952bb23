"""Draws docs/findings/<code>.svg from real training logs, as the pages of the findings ask for it.

A page says what to draw in a comment: where the data are (`algoperf`: tests/data/algoperf;
`digits`: tests/data/curves, trials of our own study of digits with the study file in them), which
trial, which metrics, and perhaps
`to=STEP` (where the figure ends), `from=STEP` or `y=log`. Metrics that differ by their split alone
share a figure; `grad_norm` is drawn with its outliers and percentile, `histogram` as a histogram.
The steps that the finding's evidence names are marked.

    <!-- picture: algoperf external_tuning/baseline/study_0/ogbg_jax/trial_2 validation/loss -->

Findings about studies are drawn from studies that are run for it: docs/study_pictures.py. Without a
code only those are run whose picture is missing.

python docs/pictures.py [CODE …]
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a program, from wherever
    sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from docs import study_pictures  # noqa: E402
from docs.study_pictures import StudyPicture  # noqa: E402
from labtui.analysis.curves import judge_curves  # noqa: E402
from labtui.analysis.findings import Finding  # noqa: E402
from labtui.analysis.instability import judge_stability  # noqa: E402
from labtui.analysis.runs import Curve as RunCurve  # noqa: E402
from labtui.analysis.runs import Run  # noqa: E402
from labtui.analysis.stability import judge_norms  # noqa: E402
from labtui.charts.palette import slots  # noqa: E402
from labtui.charts.spec import Axis, ChartSpec, Mark, Series  # noqa: E402
from labtui.charts.svg import to_svg  # noqa: E402
from labtui.charts.svg_parts import element  # noqa: E402
from labtui.store.records import Curve  # noqa: E402
from labtui.verdicts.figures import scale_of  # noqa: E402
from labtui.verdicts.figures_stability import norm_curve, norm_histogram  # noqa: E402
from tests.support.algoperf import ROOT as ALGOPERF  # noqa: E402
from tests.support.algoperf import read_run  # noqa: E402

FOLDER = Path(__file__).with_name("findings")
COMMENT = re.compile(r"<!--\s*picture:\s*(.*?)\s*-->", re.DOTALL)
OWN = ROOT / "tests" / "data" / "curves"
SIZE = 720, 320
LARGEST = 40_000
"""Bytes of a picture: pages stay quick to load."""

NORM, HISTOGRAM = "grad_norm", "histogram"

EXAMPLES = {
    "overfitting": "algoperf external_tuning/baseline/study_0/ogbg_jax/trial_2 "
    "validation/mean_average_precision validation/loss train/loss",
    "still-improving": "algoperf external_tuning/baseline/study_0/ogbg_jax/trial_4 "
    "validation/mean_average_precision",
    "saturated-early": "algoperf external_tuning/baseline/study_1/ogbg_jax/trial_3 "
    "validation/mean_average_precision",
    "diverged": "algoperf external_tuning/generalized_adam/study_0/imagenet_vit_jax/trial_1 "
    "validation/loss train/loss to=15000",
    "early-instability": "algoperf external_tuning/amos/study_0/librispeech_conformer_jax/trial_1 "
    "validation/loss train/loss",
    "mid-training-instability": "algoperf external_tuning/amos/study_1/fastmri_jax/trial_1 "
    "validation/loss train/loss from=2000",
    "late-variance": "digits digits_small_batch/trial_0 validation/error_rate from=1000",
    "training-loss-rising": "algoperf "
    "external_tuning/schedule_free_prodigy/study_1/ogbg_pytorch/trial_1 train/loss validation/loss",
    "gradient-outliers": "algoperf external_tuning/baseline/study_0/wmt_jax/trial_2 grad_norm loss",
    "clip-threshold": "algoperf "
    "external_tuning/baseline/study_0/librispeech_deepspeech_jax/trial_1 grad_norm histogram",
}
"""What is drawn for pages that do not say it themselves."""

MARKED = {
    "best_step": "best",
    "flat_since_step": "flat from here",
    "first_nonfinite_step": "not finite",
    "first_rise_step": "goes up",
    "lowest_step": "lowest",
    "start_steps": "goes up",
    "recovered_steps": "back",
}
"""Steps of the evidence that are marked, and what is written above them."""

MOST_MARKS = 6

HUES = {"validation": 0, "train": 1, "": 2}
"""Slots of the palette of each split: blue, orange, green, far apart on light and on dark."""


@dataclass(frozen=True)
class Picture:
    """What a page asks for.

    Attributes:
        source: Whose data they are.
        trial: The folder of the trial in them.
        names: Metrics, or `histogram`.
        options: `from`, `to`, `y`.
    """

    source: str
    trial: str
    names: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


def wanted() -> dict[str, Picture]:
    """Give what is to be drawn, by code: what the pages say, else the examples above."""
    found = {code: read(text) for code, text in EXAMPLES.items()}
    for page in sorted(FOLDER.glob("*.md")):
        comment = COMMENT.search(page.read_text("utf-8"))
        if comment and (picture := read(comment.group(1))):
            found[page.stem] = picture
    return {code: picture for code, picture in sorted(found.items()) if picture}


def wanted_studies() -> dict[str, StudyPicture]:
    """Give the pictures that are drawn from a study, by code."""
    found = {}
    for page in sorted(FOLDER.glob("*.md")):
        comment = COMMENT.search(page.read_text("utf-8"))
        if comment and (picture := study_pictures.read(comment.group(1))):
            found[page.stem] = picture
    return found


def page_of(code: str) -> str:
    """Give the page of a finding."""
    return (FOLDER / f"{code}.md").read_text("utf-8")


def read(text: str) -> Picture | None:
    """Read a comment; None where it does not name a trial and what to draw of it."""
    words = re.split(r"[\s,]+", text.strip())
    trials = [word for word in words if re.search(r"/trial_\d+$", word)]
    names = [word for word in words if re.fullmatch(r"(train|validation)/\w+|loss|\w*_norm", word)]
    names += [HISTOGRAM] if HISTOGRAM in words else []
    options = dict(word.split("=", 1) for word in words if re.fullmatch(r"(from|to|y)=\w+", word))
    if words[0] not in ("algoperf", "digits") or not trials or not names:
        return None
    return Picture(words[0], trials[0], tuple(names), options)


def load(picture: Picture) -> Run:
    """Read the trial of a picture."""
    if picture.source == "digits":
        return _own((OWN / picture.trial).with_suffix(".json"))
    folder = next(path for path in sorted(ALGOPERF.rglob(picture.trial)) if path.is_dir())
    return read_run(folder)


def _own(path: Path) -> Run:
    kept = json.loads(path.read_text("utf-8"))
    curves = {
        name: RunCurve(np.array(one["steps"], dtype=np.int64), np.array(one["values"]))
        for name, one in kept["curves"].items()
    }
    return Run(
        trial=path.stem,
        arm="",
        state="completed",
        reason="",
        params=kept["params"],
        objective=kept["objective"],
        minimize=kept["minimize"],
        planned=kept["planned"],
        curves=curves,
    )


def judged(code: str, run: Run) -> Finding | None:
    """Give the finding that a picture is an example of."""
    outcomes = [*judge_curves(run), *judge_stability(run)]
    found = [one for one in outcomes if isinstance(one, Finding) and one.code == code]
    return found[0] if found else None


def draw(code: str, picture: Picture) -> str:
    """Draw a picture: its figures, one below the other."""
    run = load(picture)
    found = judged(code, run)
    return stacked(list(figures(run, picture, found)))


def stacked(specs: Sequence[ChartSpec]) -> str:
    """Draw figures one below the other, as one picture."""
    width, height = SIZE
    drawn = [
        element("g", to_svg(spec, *SIZE), transform=f"translate(0 {place * height})")
        for place, spec in enumerate(specs)
    ]
    return (
        element(
            "svg",
            *drawn,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width} {height * len(specs)}",
            width=width,
            height=height * len(specs),
        )
        + "\n"
    )


def figures(run: Run, picture: Picture, found: Finding | None) -> Iterator[ChartSpec]:
    """Describe the figures of a picture."""
    title = caption(picture.trial)
    groups: dict[str, list[str]] = {}
    for name in picture.names:
        groups.setdefault(name.rpartition("/")[2], []).append(name)
    for leaf, names in groups.items():
        if leaf in (NORM, HISTOGRAM):
            yield _norms(run, title, leaf, found)
        else:
            yield _curves(run, title, leaf, names, picture.options, found)


def _norms(run: Run, title: str, kind: str, found: Finding | None) -> ChartSpec:
    """Describe the norms as `labtui plot` does, with the outliers that the finding names."""
    curve = run.curves[NORM]
    record = Curve(0, NORM, tuple(curve.steps.tolist()), tuple(curve.values.tolist()))
    known = judge_norms(record.steps, record.values)
    if found is not None and "norms" in found.evidence and "steps" in found.evidence:
        seen = [found.evidence[key] for key in ("steps", "norms", "times_local_median")]
        known = replace(known, outliers=tuple(zip(*seen, strict=True)))
    describe = norm_curve if kind == NORM else norm_histogram
    return describe(title, record, known)


def caption(trial: str) -> str:
    """Name a trial by its workload, submission, study and number, as far as it has them."""
    *above, workload, number = trial.split("/")
    parts = [workload, *above[-2:], number]
    return ", ".join(part.replace("study_", "study ").replace("trial_", "trial ") for part in parts)


def _curves(
    run: Run,
    title: str,
    leaf: str,
    names: Sequence[str],
    options: Mapping[str, str],
    found: Finding | None,
) -> ChartSpec:
    first, last = int(options.get("from", 0)), int(options.get("to", run.last_step))
    series = []
    for name in names:
        curve = run.curves[name]
        shown = (curve.steps >= first) & (curve.steps <= last)
        series.append(Series(curve.steps[shown], curve.values[shown], name, key=_key(name)))
    values = (float(value) for one in series for value in one.y)
    scale = "log" if options.get("y") == "log" else scale_of(values)
    marks = () if found is None else tuple(_marks(found.evidence, first, last))
    return ChartSpec(
        title=title,
        x=Axis("step", limits=(first, last)),
        y=Axis(leaf, scale=scale if leaf.endswith("loss") else "linear"),
        series=tuple(series),
        marks=marks,
    )


def _key(name: str) -> int:
    """Give the identity that has the colour of a metric's split."""
    hue = HUES[name.rpartition("/")[0]]
    return next(key for key in range(1000) if slots([key]) == (hue,))


def _marks(evidence: Mapping[str, Any], first: int, last: int) -> Iterator[Mark]:
    left = MOST_MARKS
    for key, words in MARKED.items():
        steps = evidence.get(key)
        for step in steps if isinstance(steps, (list, tuple)) else [steps]:
            if isinstance(step, int) and first <= step <= last and left:
                left -= 1
                yield Mark("x", step, words, "best" if key == "best_step" else "step")


def main(codes: Sequence[str]) -> int:
    """Write the pictures of these codes, or of all; say which page has none."""
    pictures, studies = wanted(), wanted_studies()
    missing = [code for code in studies if not (FOLDER / f"{code}.svg").exists()]
    for code in codes or [*pictures, *missing]:
        if code in studies:
            with study_pictures.judged(code, studies[code]) as seen:
                drawn = stacked(list(study_pictures.figures(studies[code], seen)))
                said = seen.found.message
            if " ".join(said.split()) not in " ".join(page_of(code).split()):
                print(f"{code}: the page quotes other words than these")
        else:
            drawn = draw(code, pictures[code])
            found = judged(code, load(pictures[code]))
            said = found.message if found else "NOT FOUND in this trial"
        size = len(drawn.encode())
        (FOLDER / f"{code}.svg").write_text(drawn, "utf-8")
        print(f"{code}: {size // 1000} kB{' TOO LARGE' if size > LARGEST else ''}; {said}")
    for page in sorted(FOLDER.glob("*.md")):
        known = page.stem in pictures or page.stem in studies
        if not known and COMMENT.search(page.read_text("utf-8")):
            print(f"{page.stem}: the comment asks for something that is not drawn here")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
