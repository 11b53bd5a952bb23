"""Which of the user's files a worker trains with."""

import sys
import types

import pytest

from labtui.trainer.sources import sources


class AnswersToAnything(types.ModuleType):
    """As torch.ops is: any name gives an object, and its file is no path."""

    def __getattr__(self, name):
        return object()


@pytest.mark.parametrize("file", ["_ops.py", None])
def test_a_module_that_answers_to_any_name_is_nobodys_file(tmp_path, monkeypatch, file):
    module = AnswersToAnything("odd_ops")
    if file:
        module.__file__ = file
    monkeypatch.setitem(sys.modules, "odd_ops", module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "_ops.py").write_text("")
    assert sources(str(tmp_path)) == {}


def test_a_module_below_the_folder_is_hashed(tmp_path, monkeypatch):
    path = tmp_path / "own_model.py"
    path.write_text("WIDTH = 3\n")
    module = types.ModuleType("own_model")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "own_model", module)
    assert list(sources(str(tmp_path))) == ["own_model.py"]
