"""Checkpoints that would run something, with the real frameworks: they are refused (S1)."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace

import pytest
import torch

import labtui_mlx.train
from labtui_torch.train import train
from tests.backends.test_torch_trials import MLP
from tests.hostile.corpus import PICKLE, Bomb
from tests.hostile.pickles import resume_from, standing_in

pytestmark = pytest.mark.backend


def saved_by_torch() -> bytes:
    """What torch writes of an object: a zip with a pickle in it."""
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(2), "bomb": Bomb()}, file)
    return file.getvalue()


def as_safetensors() -> bytes:
    """A header that promises a tensor, and a pickle where its numbers should be."""
    place = {"dtype": "U8", "shape": [len(PICKLE)], "data_offsets": [0, len(PICKLE)]}
    header = json.dumps({"weight": place}).encode()
    return struct.pack("<Q", len(header)) + header + PICKLE


@pytest.mark.parametrize("payload", [PICKLE, saved_by_torch()], ids=["pickle", "torch"])
def test_torch_unpickles_no_checkpoint(tmp_path, payload):
    resume_from(replace(MLP, train=train), tmp_path, payload)


@pytest.mark.parametrize(
    "payload",
    [PICKLE, saved_by_torch(), as_safetensors()],
    ids=["pickle", "torch", "safetensors"],
)
def test_mlx_unpickles_no_checkpoint(tmp_path, payload):
    resume_from(replace(MLP, train=labtui_mlx.train.train), tmp_path, payload)


def test_the_payload_is_live(tmp_path):
    with standing_in(tmp_path):
        torch.load(io.BytesIO(saved_by_torch()), weights_only=False)
        assert (tmp_path / "pwned").exists()
