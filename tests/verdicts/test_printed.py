import os

import pytest

from labtui.verdicts.printed import LONGEST_LINE, Tail, printed_line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;32mINFO\x1b[0m step 3", "INFO step 3"),
        ("\x1b]0;title\x07done", "done"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        (" 10%\r 20%", " 20%"),
        ("a\tb", "a       b"),
        ("evil\x9b2J\u202e", "evil\\x9b2J\\u202e"),
    ],
)
def test_a_line_is_shown_without_what_moves_the_cursor(line, shown):
    found = printed_line(line)
    assert found == shown or (found.startswith("evil") and not set(found) & set("\x9b\u202e"))


def test_a_line_without_end_is_cut():
    shown = printed_line("x" * 1_000_000)
    assert shown.startswith("x" * LONGEST_LINE + "… (1,000,000")


def test_only_the_end_of_a_long_file_is_read(tmp_path):
    file = tmp_path / "t1.log"
    file.write_text("".join(f"line {n}\n" for n in range(10_000)))
    tail = Tail(file, most_bytes=1_000)
    assert tail.read()
    assert tail.lines[-1] == "line 9999"
    assert len(tail.lines) == 100  # whole lines of ten bytes
    assert tail.skipped == file.stat().st_size - 1_000
    assert not tail.read()


def test_what_is_printed_later_is_added_and_an_unfinished_line_is_shown(tmp_path):
    file = tmp_path / "t1.log"
    tail = Tail(file)
    assert not tail.read()
    assert not tail.exists
    with file.open("w") as stream:
        for text, shown in [
            ("one\n", ("one",)),
            ("ep 1:  5%", ("one", "ep 1:  5%")),
            ("\rep 1: 99%", ("one", "ep 1: 99%")),
            ("\nzwö", ("one", "ep 1: 99%", "zwö")),
            ("lf\n", ("one", "ep 1: 99%", "zwölf")),
        ]:
            stream.write(text)
            stream.flush()
            assert tail.read()
            assert tail.lines == shown


def test_a_program_that_prints_faster_than_it_is_read_is_followed_at_its_end(tmp_path):
    file = tmp_path / "t1.log"
    file.write_text("first\n")
    tail = Tail(file, most_bytes=100, most_lines=5)
    tail.read()
    with file.open("a") as stream:
        stream.write("".join(f"line {n}\n" for n in range(1_000)))
    assert tail.read()
    assert tail.lines[-1] == "line 999"
    assert len(tail.lines) == 5
    assert tail.dropped > 0


def test_a_file_that_was_begun_anew_is_read_anew(tmp_path):
    file = tmp_path / "t1.log"
    file.write_text("a long first attempt\n")
    tail = Tail(file)
    tail.read()
    file.write_text("second\n")
    assert tail.read()
    assert tail.lines == ("second",)
    os.unlink(file)
    assert tail.read()
    assert tail.lines == ()
