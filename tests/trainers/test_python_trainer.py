import hashlib
import multiprocessing
import os
import pickle
import sys

import pytest

from labtui.trainer import Trial
from labtui.trainer.sources import sources
from labtui_python import train as trainer

SCRIPT = """
import dataclasses
import helper_of_the_script

@dataclasses.dataclass
class Point:
    x: int = 3

LOADS = []
LOADS.append(1)
number = 3

def train(trial):
    LOADS.append(2)
    trial.log(1, {"train/loss": helper_of_the_script.LOSS})
    return "ignored"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(trainer, "_loaded", {})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper_of_the_script.py").write_text("LOSS = 0.5\n")
    (tmp_path / "my_script.py").write_text(SCRIPT)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        found = getattr(sys.modules[name], "__file__", None) or ""
        if found.startswith(os.path.realpath(tmp_path)):
            del sys.modules[name]


def run(file="my_script.py", function="train"):
    trial = Trial({}, max_steps=1, options={"file": file, "function": function})
    trainer.train(trial)
    trial.finish()
    return trial


def test_calls_the_function_of_the_file(folder):
    assert run().sink.rows == [("train/loss", 1, 0.5)]


def test_loads_once_per_process(folder):
    run()
    (folder / "my_script.py").write_text("raise SystemExit('loaded again')")
    run()
    assert sys.modules["my_script"].LOADS == [1, 2, 2]


def test_hash_is_of_the_bytes_that_run(folder):
    trainer.load("my_script.py")
    (folder / "my_script.py").write_text("edited = True\n")
    digest = hashlib.sha256(SCRIPT.encode()).hexdigest()
    assert sys.modules["my_script"].__labtui_sha256__ == digest
    helper = hashlib.sha256(b"LOSS = 0.5\n").hexdigest()
    found = sources(str(folder))
    assert found == {"my_script.py": digest, "helper_of_the_script.py": helper}


def test_module_can_be_pickled_from(folder):
    module = trainer.load("my_script.py")
    assert pickle.loads(pickle.dumps(module.Point())) == module.Point()
    assert module.__file__ == os.path.realpath("my_script.py")


def test_what_it_starts_finds_it_by_name(folder):
    """Loaders and pools send the names of classes to processes that import them."""
    module = trainer.load("my_script.py")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(repr, (module.Point(),)) == repr(module.Point())


def test_a_file_named_like_a_module_hides_none(folder):
    (folder / "json.py").write_text("def train(trial): pass\n")
    (folder / "two words.py").write_text("def train(trial): pass\n")
    assert trainer.load("json.py").__name__ == "labtui_user_json"
    assert sys.modules["json"].dumps
    assert trainer.load("two words.py").__name__ == "labtui_user_two words"


def test_encoding_of_the_source_is_respected(folder):
    (folder / "latin.py").write_bytes(
        b"# coding: latin-1\ntrain = lambda trial: None\nWORD = '\xe9'\n"
    )
    run("latin.py")
    assert sys.modules["latin"].WORD == "é"


def test_missing_file(folder):
    with pytest.raises(FileNotFoundError, match=r"'my_scrpt.py' in .*did you mean 'my_script.py'"):
        run("my_scrpt.py")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere; expected it to hold a.py"):
        run("nowhere/a.py")


def test_missing_function(folder):
    with pytest.raises(AttributeError, match=r"no function 'trian' in .*did you mean 'train'\?"):
        run(function="trian")


def test_not_a_function(folder):
    with pytest.raises(TypeError, match=r"found number = int in .*expected a function"):
        run(function="number")


def test_a_script_that_fails_to_load_is_not_half_loaded(folder):
    (folder / "broken.py").write_text("x = 1\n1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run("broken.py")
    assert "broken" not in sys.modules


def test_wrong_syntax_names_the_file_and_line(folder):
    (folder / "wrong.py").write_text("x = 1\ny = (\n")
    with pytest.raises(SyntaxError) as caught:
        run("wrong.py")
    assert (caught.value.filename, caught.value.lineno) == (str(folder / "wrong.py"), 2)
