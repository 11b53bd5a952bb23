"""What the trainers share: settings, seeds, digits and corpus without any framework."""

import hashlib
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import labtui_numpy
import labtui_workloads
from labtui_numpy.data import load as load_numpy
from labtui_workloads import corpus, digits
from labtui_workloads.declare import OPTIMIZERS
from labtui_workloads.seeds import derive
from labtui_workloads.settings import LIMITS, nearest, read
from labtui_workloads.splits import split_order, split_rows
from labtui_workloads.workloads import workloads

FOLDER = Path(labtui_workloads.__file__).parent
WORKLOADS = workloads((*OPTIMIZERS, "own_rule"))


# -- declarations and settings ------------------------------------------------------------------


def test_the_standard_library_is_enough():
    code = (
        "import sys; from labtui_workloads import corpus, digits, seeds, settings, workloads;"
        "digits.load(); corpus.load();"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'torch', 'mlx', 'labtui.study')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_declarations_agree_with_what_is_accepted(workload):
    for name, declared in workload.hyperparameters.items():
        assert declared.kind in (
            ["optimizer", "schedule", "regularization", "architecture", "batch", "data"]
        )
        assert declared.description
        for value in declared.values or (declared.default, declared.low, declared.high):
            assert read({name: value}, workload)[name] == value
        assert bool(declared.values) != (name in LIMITS)
    assert workload.hyperparameters["optimizer"].values == (*OPTIMIZERS, "own_rule")


def test_a_name_means_the_same_in_every_trainer():
    ours = labtui_numpy.plugin.workloads["digits-mlp"]
    theirs = workloads()["digits-mlp"]
    assert ours.metrics == theirs.metrics == WORKLOADS["digits-cnn"].metrics
    assert ours.hyperparameters.items() <= theirs.hyperparameters.items()


def test_chance_is_that_of_a_uniform_guess():
    classes = {"digits-mlp": 10, "digits-cnn": 10, "source-transformer": len(corpus.VOCABULARY)}
    for name, count in classes.items():
        for metric, declared in WORKLOADS[name].metrics.items():
            expected = math.log(count) if metric.endswith("/loss") else 1 - 1 / count
            assert declared.chance == pytest.approx(expected, rel=1e-6)
            assert declared.goal == "minimize"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"normalisation": "batch"}, ["'normalisation'", "did you mean 'normalization'?"]),
        ({"normalization": "bath"}, ["normalization", "'bath'", "did you mean 'batch'?"]),
        ({"residual": "yes"}, ["residual", "'yes'", "known: False, True"]),
        ({"polyak_decay": 1.0}, ["polyak_decay", "found 1.0", "< 1"]),
        ({"virtual_batch_size": -1}, ["virtual_batch_size", "a whole number ≥ 0"]),
        ({"heads": 2}, ["'heads'"]),
    ],
)
def test_wrong_hyperparameters_are_explained(params, words):
    with pytest.raises(ValueError, match="found") as caught:
        read(params, WORKLOADS["digits-cnn"])
    for word in words:
        assert word in str(caught.value)


def test_nothing_near_names_what_there_is():
    assert nearest("zzz", ["b", "a"]) == "known: a, b"


# -- seeds --------------------------------------------------------------------------------------


def test_streams_are_apart_and_for_ever():
    assert derive(1, "order", 0) == 7130573203095410423
    keys = [(s, t, n) for s in range(12) for t in ("order", "dropout") for n in range(12)]
    seeds = {derive(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)


# -- digits -------------------------------------------------------------------------------------


def test_digits_are_numpys_bit_for_bit():
    ours, theirs = digits.load(), load_numpy("digits")
    assert ours.inputs().tobytes() == theirs.inputs.tobytes()
    assert list(ours.labels) == theirs.targets.argmax(1).tolist()
    assert ours.splits == theirs.splits
    assert digits.load() is ours


def test_digits_split():
    found = digits.load()
    sizes = {name: len(found.labels[rows]) for name, rows in found.splits.items()}
    assert sizes == {"train": 1077, "validation": 360, "test": 360}
    assert len(found.pixels) == 1797 * digits.PIXELS
    assert list(split_rows(10, 2).values()) == [slice(0, 6), slice(6, 8), slice(8, 10)]
    assert sorted(split_order("anything", 50)) == list(range(50)) != split_order("anything", 50)


def test_digits_file_is_the_documented_one():
    digest = hashlib.sha256(Path(digits.PATH).read_bytes()).hexdigest()
    assert digest in (FOLDER / "DATA.md").read_text("utf-8")


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.asfortranarray(np.ones((2, 3), np.uint8))])
def test_only_rows_of_bytes_are_read(tmp_path, values):
    path = tmp_path / "array.npy"
    np.save(path, np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert digits.read_bytes(path.read_bytes()) == ((2, 3), bytes(range(6)))
    np.save(path, values)
    with pytest.raises(ValueError, match="expected rows of uint8"):
        digits.read_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"expected format 1\.0"):
        digits.read_bytes(b"something else")


# -- corpus -------------------------------------------------------------------------------------


def test_characters_come_back():
    text = "def é(x):\n\treturn '~' # 漢\r"
    assert corpus.decode(corpus.encode(text)) == "def \ufffd(x):\n\treturn '~' # \ufffd\ufffd"
    assert corpus.decode(bytes(range(98))) == corpus.VOCABULARY
    assert len(set(corpus.VOCABULARY)) == len(corpus.VOCABULARY) == 98


def test_corpus_is_source_code_of_a_sensible_size():
    found = corpus.load()
    sizes = {split: len(tokens) for split, tokens in found.text.items()}
    assert 400_000 < sizes["train"] < 1_500_000
    assert sizes["validation"] > 80_000 < sizes["test"]
    assert all(tokens.count(0) < len(tokens) / 1000 for tokens in found.text.values())
    assert "class ArgumentParser" in corpus.decode(found.text["validation"])
    assert corpus.load() is found


def test_files_belong_to_one_split():
    files = [name for names in corpus.FILES.values() for name in names]
    assert len(set(files)) == len(files)


def test_windows_are_apart_and_in_order():
    found, span = corpus.load(), corpus.CONTEXT + 1
    for split, tokens in found.windows.items():
        text, end = found.text[split], 0
        assert len(tokens) == corpus.WINDOWS * span
        for start in range(0, len(tokens), span):
            end = text.index(tokens[start : start + span], end) + span
        assert end > 0.99 * len(text)
    for batch in (2, 16, 50, 64, 100, 128):
        assert corpus.WINDOWS % batch


def test_a_library_without_sources_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="found 0 characters of train text") as caught:
        corpus.load(str(tmp_path))
    for word in (str(tmp_path), "expected 16,315", "bdb.py", "the sources of its standard library"):
        assert word in str(caught.value)


def test_a_file_that_is_missing_is_left_out(tmp_path):
    source = Path(corpus.__file__)
    for names in corpus.FILES.values():
        for name in names[:1]:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tmp_path / name)
            text = (tmp_path / name).read_text("utf-8")
            (tmp_path / name).write_text(text * 10, "utf-8")
    found = corpus.load(str(tmp_path))
    assert {len(tokens) for tokens in found.text.values()} == {len(text) * 10}
