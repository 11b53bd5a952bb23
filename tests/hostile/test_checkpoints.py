"""Checkpoints that somebody prepared: nothing outside of their folder is opened for them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle

import numpy as np
import pytest

from labtui.trainer.checkpoints import DATA, MANIFEST, Keeper, is_whole
from tests.faults.power_checkpoints import state
from tests.hostile.corpus import PICKLE, Bomb
from tests.hostile.pickles import resume_from, standing_in
from tests.trainers.test_conformance import DIGITS

OUTSIDE = b"not the trial's"
TRUE = {"size": len(OUTSIDE), "sha256": hashlib.sha256(OUTSIDE).hexdigest()}


@pytest.fixture
def checkpoint(tmp_path):
    """Write a checkpoint as trials do."""
    Keeper(
        str(tmp_path / "t1"), 1, keep=1, minimize=True, announce=lambda _: None, interval=0.0
    ).offer(5, state(5), 0.5, final=True)
    folder = tmp_path / "t1" / "a1-s5"
    assert is_whole(str(folder))
    return folder


@pytest.mark.parametrize("name", ["../outside", "x/../../outside", "/outside"])
def test_a_manifest_names_no_file_elsewhere(checkpoint, tmp_path, name):
    (checkpoint.parent / "outside").write_bytes(OUTSIDE)
    (checkpoint / "x").mkdir()
    name = str(checkpoint.parent / "outside") if name.startswith("/") else name
    manifest = json.loads((checkpoint / MANIFEST).read_bytes())
    manifest["files"][name] = TRUE
    (checkpoint / MANIFEST).write_text(json.dumps(manifest))
    assert not is_whole(str(checkpoint))


def test_a_pipe_elsewhere_is_not_waited_for(checkpoint):
    os.mkfifo(checkpoint.parent / "pipe")
    manifest = {"files": {"../pipe": TRUE}}
    (checkpoint / MANIFEST).write_text(json.dumps(manifest))
    assert not is_whole(str(checkpoint))


@pytest.mark.parametrize(
    "files",
    [
        {DATA: {"size": -1, "sha256": ""}},
        {DATA: {"size": 10**30, "sha256": TRUE["sha256"]}},
        {DATA: None},
        [DATA],
        None,
        {"\0": TRUE},
        {"n" * 5000: TRUE},
    ],
)
def test_a_manifest_of_another_form_is_refused(checkpoint, files):
    (checkpoint / MANIFEST).write_text(json.dumps({"files": files}))
    assert not is_whole(str(checkpoint))


def an_array_of_objects() -> bytes:
    """What numpy writes of an array of objects: a header, and a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("payload", [PICKLE, an_array_of_objects()], ids=["pickle", "npy"])
def test_numpy_unpickles_no_checkpoint(tmp_path, payload):
    resume_from(DIGITS, tmp_path, payload)


def test_the_payloads_are_live(tmp_path):
    with standing_in(tmp_path):
        pickle.loads(PICKLE)
        assert (tmp_path / "pwned").exists()
        (tmp_path / "pwned").unlink()
        np.load(io.BytesIO(an_array_of_objects()), allow_pickle=True)
        assert (tmp_path / "pwned").exists()
