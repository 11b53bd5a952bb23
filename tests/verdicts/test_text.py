"""Formatting for people, and the sanitiser of everything shown."""

import math
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.verdicts.text import (
    ago,
    clean,
    condition_text,
    domain_text,
    duration,
    number,
    params_text,
    percent,
    value_text,
)

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@given(st.text(alphabet=st.characters()))
def test_nothing_shown_can_act_on_a_terminal(text):
    for multiline in (False, True):
        shown = clean(text, multiline=multiline)
        for character in shown:
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or (
                multiline and character == "\n"
            )


@given(st.text())
def test_cleaning_twice_changes_nothing(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 中", "plain ünïcode 中"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\x9bb", "a\\u009bb"),
        ("evil\u202etxt", "evil\\u202etxt"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("two\nlines\tand\u00a0spaces", "two lines and spaces"),
        ("\x7f", "␡"),
        ("[bold]markup[/]", "[bold]markup[/]"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown


def test_clean_keeps_lines_when_asked():
    assert clean("a\r\n\tb\rc", multiline=True) == "a\n        b␍c"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.0174699, "0.01747"),
        (1.0, "1"),
        (12345.678, "12350"),
        (999999.0, "1e6"),
        (99999.0, "100000"),
        (1e-5, "0.00001"),
        (1.23456e-6, "1.235e-6"),
        (-1.23456e22, "-1.235e22"),
        (5e-324, "4.941e-324"),
        (1_234_567, "1234567"),
    ],
)
def test_number(value, shown):
    assert number(value) == shown


@given(st.floats(-1.79e308, 1.79e308))
def test_number_keeps_four_digits(value):
    assert float(number(value)) == pytest.approx(value, rel=6e-4, abs=1e-323)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (-3, "0.0s"),
        (0.44, "0.4s"),
        (9.99, "10.0s"),
        (59.6, "1m 0s"),
        (80, "1m 20s"),
        (3_700, "1h 1m"),
        (200_000, "2d 7h"),
    ],
)
def test_duration(seconds, shown):
    assert duration(seconds) == shown


def test_ago():
    def before(**span):
        return (NOW - timedelta(**span)).isoformat().replace("+00:00", "Z")

    assert ago(before(seconds=3), NOW) == "just now"
    assert ago(before(minutes=3, seconds=20), NOW) == "3m ago"
    assert ago(before(days=2), NOW) == "2d ago"
    assert ago(None) == ago("rubbish") == "–"
    assert ago("2026-01-02T11:00:00", NOW) == "1h ago"


def test_values_and_definitions():
    assert [value_text(v) for v in (True, None, 3, 0.1 + 0.2, "a\x1bb")] == [
        "true",
        "null",
        "3",
        "0.3",
        "a␛b",
    ]
    assert params_text({"lr": 1e-3, "opt": "adam"}) == "lr=0.001 opt=adam"
    assert percent(0.1254) == "12.54 %"
    assert percent(None) == "–"
    assert condition_text({"when": {"a": "x", "b": [1, 2]}}) == "a=x, b=1|2"
    assert condition_text({}) == ""
    assert domain_text({"values": ["a", True]}) == "a, true"
    assert domain_text({"value": 64}) == "64"
    assert domain_text({"range": [1, 8], "integer": True}) == "linear 1 … 8 whole"
    momentum = {"range": [0.5, 0.999], "scale": "log", "one_minus": True}
    assert domain_text(momentum) == "log 0.5 … 0.999 (of 1 - x)"
