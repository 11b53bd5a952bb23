"""Devices and their shares. There is no GPU here: machines are described, not found.

The driver's own tool is a script on PATH that prints what nvidia-smi prints.
"""

from fractions import Fraction

import pytest

from labtui.engine import devices
from labtui.engine.devices import DeviceError, Request, free_place, request

TWO = ("cuda:0", "cuda:1", "cpu")
APPLE = ("mps", "cpu")
BARE = ("cpu",)
TORCH = ("cuda", "mps", "cpu")


@pytest.mark.parametrize(
    ("device", "preferred", "found", "kind", "places"),
    [
        (None, TORCH, TWO, "cuda", ("cuda:0", "cuda:1")),
        (None, TORCH, APPLE, "mps", ()),
        (None, TORCH, BARE, "cpu", ()),
        (None, ("cpu",), TWO, "cpu", ()),
        ("cpu", TORCH, TWO, "cpu", ()),
        ("cuda", ("cpu",), TWO, "cuda", ("cuda:0", "cuda:1")),
        ("cuda:1", TORCH, TWO, "cuda", ("cuda:1",)),
        ("mps", TORCH, APPLE, "mps", ()),
    ],
)
def test_the_best_device_that_trainer_and_machine_share(device, preferred, found, kind, places):
    wanted = request(device, preferred, found=found)
    assert (wanted.kind, wanted.places) == (kind, places)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "cuda:9"}, "device: found 'cuda:9'; this machine has cuda:0, cuda:1, cpu"),
        ({"device": "mps"}, "device: found 'mps'; this machine has cuda:0, cuda:1, cpu"),
        ({"gpus_per_trial": 3}, "gpus_per_trial: found 3; it could have 2: cuda:0, cuda:1"),
        (
            {"device": "cuda:1", "gpus_per_trial": 2},
            "gpus_per_trial: found 2; it could have 1: cuda:1",
        ),
        (
            {"device": "cpu", "trials_per_gpu": 2},
            "trials_per_gpu: found 2; this study trains on cpu: leave it out",
        ),
        ({"trials_per_gpu": 100}, "trials_per_gpu: found 100; expected 1 to 64"),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": "GPU-1f2"}},
            "CUDA_VISIBLE_DEVICES='GPU-1f2'; expected numbers, as 0,1",
        ),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": ""}},
            "CUDA_VISIBLE_DEVICES='' hides every GPU; unset it, or say `device: cpu`",
        ),
        (
            {"device": "cuda:0", "environment": {"CUDA_VISIBLE_DEVICES": "1"}},
            "found 'cuda:0'; CUDA_VISIBLE_DEVICES leaves cuda:1",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(options, words):
    options = {"device": None, "preferred": TORCH, "found": TWO, **options}
    with pytest.raises(DeviceError) as caught:
        request(**options)
    assert words in str(caught.value)


def test_the_persons_choice_of_gpus_narrows_it():
    wanted = request(None, TORCH, found=TWO, environment={"CUDA_VISIBLE_DEVICES": "1"})
    assert wanted.places == ("cuda:1",)


def test_gpus_are_shared_out_evenly_until_they_are_full():
    wanted = request(None, TORCH, found=TWO, trials_per_gpu=2)
    taken: dict[str, Fraction] = {}
    given = []
    while (place := free_place(wanted, taken)) is not None:
        given.append(place)
        taken[place] = taken.get(place, Fraction(0)) + wanted.share
    assert given == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]


def test_three_shares_of_a_third_fill_a_gpu():
    wanted = Request("cuda", ("cuda:0",), 1, Fraction(1, 3))
    assert free_place(wanted, {"cuda:0": Fraction(2, 3)}) == "cuda:0"
    assert free_place(wanted, {"cuda:0": Fraction(3, 3)}) is None


def test_a_trial_of_several_gpus_waits_until_all_are_free():
    wanted = request(None, TORCH, found=TWO, gpus_per_trial=2)
    assert free_place(wanted, {}) == "cuda:0,cuda:1"
    assert free_place(wanted, {"cuda:1": Fraction(1, 2)}) is None


def test_the_cpu_has_slots_and_no_shares():
    assert free_place(Request("cpu"), {}) == "cpu"
    assert free_place(Request("mps"), {"mps": Fraction(1)}) is None


def test_a_worker_sees_its_own_gpus_alone():
    assert devices.seen("cuda:1,cuda:3")["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert devices.seen("cpu") == {}
    assert devices.for_trainer("cuda:1") == "cuda"
    assert devices.for_trainer("mps") == "mps"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("printf '0\\n1\\n'", ["cuda:0", "cuda:1"]),
        ("echo 'NVIDIA-SMI has failed'; exit 9", []),
        ("echo 'No devices were found'", []),
    ],
)
def test_the_drivers_tool_is_asked(tmp_path, monkeypatch, script, found):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert devices.nvidia_gpus() == found


def test_this_machine_has_a_cpu():
    assert devices.devices()[-1] == "cpu"
