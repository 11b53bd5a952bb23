"""No command that opens a hostile file runs anything in it, or ends in a traceback (S1, S2)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from labtui.cli.app import main
from tests.hostile.corpus import CANARY, CORPUS, MAPPING, PICKLE, study

LEAST = 40
"""Files that the contract asks for (S1)."""

_caught: list[str] = []
_watching = [False]


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note what only code from a file would do; hooks cannot be taken away, so it is switched."""
    if _watching[0] and event in ("pickle.find_class", "os.system", "sqlite3.load_extension"):
        _caught.append(f"{event}{arguments}")


sys.addaudithook(_watch)


def opened(folder: Path, arguments: list[str]) -> str:
    """Call a command and give everything that it said."""
    out, err = io.StringIO(), io.StringIO()
    _watching[0] = True
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main(arguments)
    finally:
        _watching[0] = False
    return out.getvalue() + err.getvalue()


def test_the_corpus_is_as_large_as_promised():
    assert len(CORPUS) >= LEAST
    assert len({one.name for one in CORPUS}) == len(CORPUS)


def test_the_canary_sings(tmp_path):
    """What would run does leave its mark: the corpus is not silent because it is harmless."""
    code = f"import pickle; pickle.loads({PICKLE!r})"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "pwned").exists()


@pytest.mark.parametrize("one", CORPUS, ids=[one.name for one in CORPUS])
def test_nothing_in_a_file_runs(one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LABTUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:")  # the folder too, where nothing else is
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "plain.yaml").write_text(study())
    (tmp_path / "cells.csv").write_text("lr,loss\n0.1,1\n")
    path = tmp_path / one.name
    path.parent.mkdir(exist_ok=True)
    one.write(path)
    file = path if path.name != "lab.db" else path.parent / "lab" / "lab.db"
    words = {"FILE": str(file), "LAB": str(tmp_path / "made" / "lab.db")}
    for command in one.commands:
        said = opened(tmp_path, [words.get(word, word) for word in command])
        assert "Traceback" not in said
        assert "a fault of labtui" not in said, f"{command}: {said}"
        assert not any(ord(c) < 32 and c not in "\n\t" for c in said), repr(said)
    assert not list(tmp_path.rglob("*pwned*")), CANARY
    assert not _caught
