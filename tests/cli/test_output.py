"""Plain tables, widths and switches of stdout."""

import io
import math

import pytest

from labtui.cli import output


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("中文", 4), ("e\u0301", 1), ("ü", 1), ("", 0)]
)
def test_display_width(text, width):
    assert output.display_width(text) == width


def test_columns_line_up_whatever_is_in_them():
    lines = output.table(
        ("name", "n", "rest"), [("中", "1", "x"), ("longer", "20", "\x1b[1my\n")], right="n"
    )
    assert lines == ["name     n  rest", "中       1  x", "longer  20  ␛[1my"]


def test_lines_are_cut_on_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    (_, line) = output.table(("a", "b"), [("x" * 20, "中" * 20)])
    assert line.endswith("…")
    assert output.display_width(line) in (29, 30)
    assert output.fit("short", 30) == "short"


def test_fields_without_a_value_are_left_out(capsys):
    output.print_fields([("name", "x"), ("empty", ""), ("longer", "y")])
    assert capsys.readouterr().out == "name    x\nlonger  y\n"


def test_json_is_strict_and_ascii(capsys):
    output.print_json({"goal": "ü\x1b\u202e"})
    assert capsys.readouterr().out == '{\n  "goal": "\\u00fc\\u001b\\u202e"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.print_json(math.nan)


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    assert not output.use_color()
    assert output.use_color(True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.use_color()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.use_color()
    assert not output.use_color(False)


def test_ascii_where_the_encoding_asks_for_it(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert output.use_ascii()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="UTF-8"))
    assert not output.use_ascii()


def test_sentences_break_between_words_on_a_terminal_alone(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "30")
    sentence = "rounds differ by up to 121%: something else kept the machine\x1b busy"
    output.write_sentence(sentence)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.write_sentence(sentence)
    plain, *broken = capsys.readouterr().out.splitlines()
    assert plain == sentence.replace("\x1b", "␛")
    assert " ".join(broken) == plain
    assert max(map(len, broken)) <= 30
