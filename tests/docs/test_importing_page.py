"""docs/importing.md: its mappings are mappings, and those of the samples; its keys are all keys."""

import json

import pytest

from labtui.interop.importing.mapping import FORMS, FileMapping, parse_mapping
from labtui.interop.importing.records import RecordReader
from tests.docs.pages import ROOT, blocks, names, section, text

PAGE = text("docs/importing.md")
MAPPINGS = blocks(PAGE, "yml")


@pytest.mark.parametrize("number", range(4))
def test_every_mapping_on_the_page_is_one(number):
    assert len(MAPPINGS) == 4
    assert parse_mapping(MAPPINGS[number]).study


@pytest.mark.parametrize("name", ["opda_alexnet", "hpolib_protein"])
def test_the_samples_are_those_of_the_page(name):
    sample = text(f"sample_studies/mappings/{name}.yaml")
    comment, _, rest = sample.partition("\n")
    assert comment.startswith("# labtui import ")
    assert rest in MAPPINGS


def test_every_shape_of_a_curve_is_read_as_the_page_says():
    (shapes,) = blocks(section(PAGE, "JSON lines and CSV: the mapping"), "text")
    lines = shapes.splitlines()
    head = "study: s\nworkload: w\nobjective: {metric: validation/accuracy, goal: maximize}\n"
    for record, curve in zip(lines[::2], lines[1::2], strict=True):
        reader = RecordReader(parse_mapping(head + curve.strip()))
        read = reader.read(json.loads(record), "t.jsonl:1", point=0, rerun=None)
        assert read.columns == {"validation/accuracy": ([1, 2], [0.3, 0.4])}
    assert len(lines) == 10


def test_every_key_of_a_mapping_is_documented():
    part = section(PAGE, "JSON lines and CSV: the mapping")
    assert set(names(part)) == set(FileMapping.model_fields)
    for form in FORMS:
        assert form in part
    assert (ROOT / "sample_studies" / "mappings").is_dir()
