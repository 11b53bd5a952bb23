"""The catalogue of findings: a page a code, and its thresholds are those of the code."""

import ast
import importlib
import re
import runpy
import xml.etree.ElementTree as ET

import pytest

from labtui.analysis.catalogue import CATALOGUE
from tests.docs.pages import ROOT, rows, section

FOLDER = ROOT / "docs" / "findings"
SECTIONS = (
    "Definition",
    "Thresholds",
    "Evidence",
    "Example",
    "What to do next",
    "When it cannot be judged",
)


def page(code):
    return (FOLDER / f"{code}.md").read_text("utf-8")


def test_every_code_has_a_page_and_every_page_a_code():
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} == set(CATALOGUE)


def test_the_list_of_findings_is_up_to_date():
    written = runpy.run_path(str(ROOT / "docs" / "build.py"))["render_findings"]()
    assert (FOLDER / "README.md").read_text("utf-8") == written, "run `make docs`"


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_has_its_parts_and_names_its_procedure(code):
    text = page(code)
    assert text.startswith(f"# {code}\n")
    assert CATALOGUE[code].procedure in text
    for name in SECTIONS:
        assert section(text, name).strip(), name


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_thresholds_of_a_page_are_those_of_the_code(code):
    for name, value, why in rows(section(page(code), "Thresholds")):
        module, _, constant = name.strip("`").rpartition(".")
        found = getattr(importlib.import_module(f"labtui.{module}"), constant)
        assert found == ast.literal_eval(value.strip("`")), name
        assert why.strip()


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_shows_an_example(code):
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+\.svg)\)", page(code))
    for picture in pictures:
        ET.parse(FOLDER / picture)
    shown = section(page(code), "Example")
    assert pictures or "```" in shown, "a picture, or the command's own words"
