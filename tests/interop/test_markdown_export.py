"""Markdown: a log and sections that can be read as they are, in which nothing is markup."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from labtui.interop.experiment_log import Exported, Told
from labtui.interop.files import TargetRefused
from labtui.interop.markdown_export import (
    TOP_TRIALS,
    escaped,
    export_markdown,
    fenced,
    table,
    write_markdown,
)
from labtui.store.lab import Lab
from tests.interop.exporting import HOSTILE, as_they_are, hostile_lab, judged
from tests.support.labs import make_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    with Lab(make_lab(folder, name="second", points=4, ended=5, state="running")) as opened:
        yield opened


def page(lab, *names, change=lambda one: one):
    stream = io.StringIO()
    write_markdown(lab, map(change, as_they_are(lab, names)), stream)
    return stream.getvalue()


def parsed(text):
    return MarkdownIt("commonmark").enable("table").parse(text)


def inline(tokens):
    """Give every piece of text or markup in the running text of a page."""
    return [piece for token in tokens for piece in token.children or ()]


def test_the_log_comes_first_and_every_study_has_a_section(lab):
    text = page(lab, "digits-optimizer", "second")
    assert re.findall("^##? (.*)", text, re.M) == [
        *("Experiment log", "digits-optimizer", "second", "Workloads", "Workload digits-mlp")
    ]
    best = lab.study("second").best_value
    assert f"| second           | {lab.study('second').goal} |      | 8      |" in text
    assert f"- best: {best:.5g} in second/1" in text
    assert "- scientific: optimizer\n- nuisance: learning\\_rate" not in text
    assert "- nuisance: learning_rate, weight_decay\n" in text
    assert "```sh\ncd /nowhere && labtui run second.yaml\n```\n" in text


def test_tables_are_padded_to_be_read_as_they_are(lab):
    for block in re.findall(r"(?:^\|.*\n)+", page(lab, "digits-optimizer", "second"), re.M):
        lines = block.splitlines()
        assert len({len(line) for line in lines}) == 1
        assert len({tuple(m.start() for m in re.finditer(r"\|", line)) for line in lines}) == 1


def test_the_best_trials_are_listed_with_what_varies(lab):
    text = page(lab, "digits-optimizer").partition(f"### Best {TOP_TRIALS} trials")[2]
    header, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "learning_rate" in header
    assert "batch_size" not in header
    values = sorted(t.value for t in lab.trials("digits-optimizer") if t.state == "completed")
    shown = [float(row.split("|")[2]) for row in rows]
    assert shown == [pytest.approx(value, rel=1e-4) for value in values[:TOP_TRIALS]]


def test_findings_are_told_with_what_to_do_next(lab):
    told = Told("alert", "search-boundary", "learning_rate, high", "Seen.", "Widen it.", "P14")
    text = page(
        lab, "second", change=lambda one: Exported(one.study, one.trials, {}, (), [told], "1 alert")
    )
    assert (
        "- **alert** search-boundary learning_rate, high (P14)\n  Seen.\n  *Next:* Widen it."
        in text
    )
    assert "Not judged." in page(lab, "second")


def test_nothing_that_was_written_is_markup(tmp_path):
    with Lab(hostile_lab(tmp_path)) as lab:
        names = [study.name for study in lab.studies()][::-1]
        text = page(lab, *names, change=lambda one: judged(one, one.study.name))
    tokens = parsed(text)
    assert not {t.type for t in tokens} & {"html_block", "blockquote_open", "hr", "code_block"}
    own = {"text", "softbreak", "strong_open", "strong_close", "em_open", "em_close"}
    assert {piece.type for piece in inline(tokens)} <= own
    assert [t.tag for t in tokens if t.type == "heading_open"].count("h2") == 2 * len(HOSTILE)
    assert all(c.isprintable() or c == "\n" for c in text)


@given(st.text())
def test_escaped_text_reads_as_the_text(text):
    (piece,) = inline(parsed(f"x {escaped(text)} x")) or [None]
    shown = " ".join(text.split())
    if shown.isprintable():
        assert piece.content.split() == ["x", *shown.split(), "x"]
    assert piece.type == "text"


@given(st.text(alphabet="`~a\n "))
def test_a_fence_cannot_be_closed_from_within(text):
    (block,) = parsed("\n".join(fenced(text)))
    assert block.type == "fence"
    assert block.content == text + "\n"


@given(st.lists(st.text(alphabet="ab|\\`\n", max_size=5), min_size=2, max_size=2))
def test_a_cell_stays_in_its_column(row):
    tokens = parsed("\n".join(table(["one", "two"], [row])))
    assert [t.type for t in tokens].count("td_open") == 2


def test_a_file_is_written_whole_and_not_over_another(lab, tmp_path):
    target = tmp_path / "a.md"
    assert export_markdown(lab, as_they_are(lab, ["second"]), target) == 8
    assert target.read_text() == page(lab, "second")
    with pytest.raises(TargetRefused, match="--force"):
        export_markdown(lab, as_they_are(lab, ["second"]), target)
