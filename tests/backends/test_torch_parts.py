"""The torch trainer's parts against torch's own, against numpy's, and against plain formulas."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import labtui_numpy.optimizers
from labtui_torch import plugin
from labtui_torch.averaging import Average
from labtui_torch.data import Batches, load_digits, load_source
from labtui_torch.devices import memory_share
from labtui_torch.flat import Flat
from labtui_torch.models import build, initialize
from labtui_torch.normalization import EPSILON, MOMENTUM, GhostBatchNorm, normalization
from labtui_torch.optimizers import OPTIMIZERS, create
from labtui_torch.train import _cross_entropy
from labtui_workloads import corpus
from labtui_workloads.settings import read

pytestmark = pytest.mark.backend

CPU = torch.device("cpu")
VALUES = {
    "momentum": 0.9,
    "rho": 0.8,
    "beta1": 0.7,
    "beta2": 0.95,
    "epsilon": 1e-3,
    "weight_decay": 0.0,
}
RATES = (0.1, 0.2, 0.05, 0.1, 0.1, 0.02)
OWN = [name for name in OPTIMIZERS if name.startswith("torch_")]
PLAYBOOK = [name for name in OPTIMIZERS if name not in OWN]


def model_of(workload, *, dtype=torch.float32, seed=0, **params):
    settings = read(params, plugin.workloads[workload])
    model = build(workload, settings)
    flat = Flat(model, CPU, dtype)
    initialize(model, torch.Generator().manual_seed(seed), settings["init_scale"])
    return model, flat


# -- update rules --------------------------------------------------------------------------------


def slope(theta):
    """The gradient of a made-up loss, so that later updates depend on earlier ones."""
    return 3.0 * theta - 1.0 + np.sin(5.0 * theta)


def followed(rule, decay, dtype=torch.float64):
    theta = torch.tensor([0.5, -2.0, 0.0, 1e-3], dtype=dtype)
    state = torch.full((OPTIMIZERS[rule].SLOTS, len(theta)), 7.0, dtype=dtype)
    optimizer = create(rule, state, {**VALUES, "weight_decay": decay})
    path = []
    for step, rate in enumerate(RATES, 1):
        gradient = torch.tensor(slope(theta.numpy()), dtype=dtype)
        optimizer.update(theta, gradient, rate, step)
        path.append(theta.numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("rule", PLAYBOOK)
def test_the_playbooks_rules_are_numpys(rule, decay):
    theta = np.array([0.5, -2.0, 0.0, 1e-3])
    state = np.zeros((labtui_numpy.optimizers.OPTIMIZERS[rule].SLOTS, len(theta)))
    reference = labtui_numpy.optimizers.create(rule, state, {**VALUES, "weight_decay": decay})
    path = []
    for step, rate in enumerate(RATES, 1):
        reference.update(theta, slope(theta), rate, step)
        path.append(theta.copy())
    np.testing.assert_allclose(followed(rule, decay), path, rtol=1e-12)


def torchs(rule, parameters, decay):
    betas, rate = (VALUES["beta1"], VALUES["beta2"]), 1.0
    common = {"lr": rate, "eps": VALUES["epsilon"], "weight_decay": decay}
    if rule == "torch_rmsprop":
        momentum, alpha = VALUES["momentum"], VALUES["rho"]
        return torch.optim.RMSprop(parameters, **common, momentum=momentum, alpha=alpha)
    names = {"torch_adam": "Adam", "torch_adamw": "AdamW", "torch_nadam": "NAdam"}
    return getattr(torch.optim, names[rule])(parameters, **common, betas=betas)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("rule", OWN)
def test_torchs_rules_are_torchs(rule, decay):
    theta = nn.Parameter(torch.tensor([0.5, -2.0, 0.0, 1e-3], dtype=torch.float64))
    reference = torchs(rule, [theta], decay)
    path = []
    for rate in RATES:
        theta.grad = torch.tensor(slope(theta.detach().numpy()))
        reference.param_groups[0]["lr"] = rate
        reference.step()
        path.append(theta.detach().numpy().copy())
    # NAdam's product of momenta is a float32 there, whatever the parameters are.
    precision = 1e-7 if rule == "torch_nadam" else 1e-12
    np.testing.assert_allclose(followed(rule, decay), path, rtol=precision)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_float32_agrees_with_float64(rule):
    found = followed(rule, 0.0, torch.float32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, followed(rule, 0.0), rtol=2e-4, atol=1e-6)


def test_the_rules_are_ten_different_ones():
    ends = [tuple(followed(rule, 0.3)[-1]) for rule in OPTIMIZERS]
    assert len(set(ends)) == len(OPTIMIZERS) == 10


# -- normalization -------------------------------------------------------------------------------


def ghost(channels, virtual, dtype=torch.float64):
    torch.manual_seed(3)
    layer = GhostBatchNorm(channels, virtual).to(dtype)
    with torch.no_grad():
        layer.reset_parameters()
        layer.weight.uniform_(0.5, 2.0)
        layer.bias.normal_()
    return layer


def transcribed(values, layer, virtual):
    """Ghost batch normalization of (n, c, places) with loops, as the paper writes it down."""
    numbers, out = values.detach().numpy(), np.empty(values.shape)
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    groups = [range(i, i + virtual) for i in range(0, len(numbers) - virtual + 1, virtual)]
    if len(numbers) % virtual:
        groups.append(range(len(numbers) - virtual, len(numbers)))
    means, variances = [], []
    for c in range(numbers.shape[1]):
        seen = [numbers[list(rows), c].ravel() for rows in groups]
        for i in range(len(numbers)):
            group = seen[i // virtual]
            normal = (numbers[i, c] - group.mean()) / np.sqrt(group.var() + EPSILON)
            out[i, c] = normal * weight[c] + bias[c]
        means.append(MOMENTUM * np.mean([group.mean() for group in seen]))
        unbiased = np.mean([group.var(ddof=1) for group in seen])
        variances.append(1 - MOMENTUM + MOMENTUM * unbiased)
    return out, np.array(means), np.array(variances)


@pytest.mark.parametrize("virtual", [2, 5, 6, 12])
@pytest.mark.parametrize("shape", [(13, 3), (13, 3, 2, 4)])
def test_ghost_statistics_are_over_the_virtual_batch(shape, virtual):
    values = 3.0 * torch.randn(shape, dtype=torch.float64) + 1.0
    layer = ghost(3, virtual)
    out, mean, variance = transcribed(values, layer, virtual)
    np.testing.assert_allclose(layer(values).detach().numpy(), out, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-9)
    np.testing.assert_allclose(layer.running_var.numpy(), variance, rtol=1e-9)


@pytest.mark.parametrize("virtual", [0, 13, 64])
def test_one_group_is_torchs_batch_norm(virtual):
    layer, reference = ghost(3, virtual), nn.BatchNorm2d(3, dtype=torch.float64)
    reference.weight.data, reference.bias.data = layer.weight.data, layer.bias.data
    for _ in range(3):
        values = torch.randn(13, 3, 4, 4, dtype=torch.float64)
        torch.testing.assert_close(layer(values), reference(values))
    torch.testing.assert_close(layer.running_mean, reference.running_mean)
    torch.testing.assert_close(layer.running_var, reference.running_var)
    values = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(layer.eval()(values), reference.eval()(values))


def test_whole_groups_normalize_as_batches_of_their_own():
    layer, single = ghost(3, 4), ghost(3, 0)
    values = torch.randn(8, 3, dtype=torch.float64)
    expected = torch.cat([single(values[:4]), single(values[4:])])
    torch.testing.assert_close(layer(values), expected)


def test_ghost_gradients_equal_finite_differences():
    layer = ghost(2, 3)
    values = torch.randn(7, 2, 2, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, values)


def test_an_evaluation_does_not_depend_on_its_batch_and_changes_nothing():
    model, flat = model_of("digits-cnn", width=4)
    inputs, _ = load_digits("cpu").splits["validation"]
    model(inputs[:64])
    model.eval()
    before = flat.values.clone()
    with torch.no_grad():
        whole = model(inputs)
        torch.testing.assert_close(torch.cat([model(inputs[:100]), model(inputs[100:])]), whole)
    assert torch.equal(flat.values, before)


def test_layer_norm_is_over_all_of_an_example():
    values = torch.randn(5, 6, 2, 3)
    expected = F.layer_norm(values, (6, 2, 3))
    torch.testing.assert_close(normalization("layer", 6)(values), expected)
    flat = torch.randn(5, 6)
    torch.testing.assert_close(normalization("layer", 6)(flat), F.layer_norm(flat, (6,)))
    assert normalization("none", 6)(values) is values


# -- models --------------------------------------------------------------------------------------


SHAPES = {"digits-mlp": (5, 8), "digits-cnn": (5, 8, 8, 8), "source-transformer": (5, 7, 8)}


@pytest.mark.parametrize(
    "params", [{"norm_position": "inside"}, {"norm_position": "outside", "normalization": "none"}]
)
@pytest.mark.parametrize("workload", SHAPES)
def test_zero_init_makes_blocks_the_identity(workload, params):
    values = torch.randn(SHAPES[workload])
    ends_in_relu = workload == "digits-cnn" and params["norm_position"] == "outside"
    expected = torch.relu(values) if ends_in_relu else values
    residual = {} if workload == "source-transformer" else {"residual": True}
    for zero in (True, False):
        given = {**params, **residual, "zero_init_residual": zero, "width": 8, "depth": 2}
        model, _ = model_of(workload, **given)
        found = model.block(1, values) if workload == "digits-mlp" else model.blocks[0](values)
        assert torch.equal(found, expected) is zero


def test_zero_init_blocks_still_learn():
    for workload in plugin.workloads:
        extra = {"residual": True} if workload != "source-transformer" else {}
        model, flat = model_of(workload, zero_init_residual=True, depth=2, width=8, **extra)
        data = load_source("cpu") if workload == "source-transformer" else load_digits("cpu")
        inputs, targets = (values[:32] for values in data.splits["train"])
        for _ in range(2):
            flat.gradient.zero_()
            _cross_entropy(model(inputs), targets).backward()
            flat.parameters.sub_(0.1 * flat.gradient)
        for name, parameter in model.named_parameters():
            if name.endswith("weight"):
                assert parameter.grad.abs().max() > 0, name


def test_a_transformer_is_causal():
    model, _ = model_of("source-transformer", width=16, heads=4)
    model.eval()
    tokens = torch.randint(98, (3, 20), generator=torch.Generator().manual_seed(1))
    changed = tokens.clone()
    changed[:, 12] = (tokens[:, 12] + 1) % 98
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert before.shape == (3, 20, 98)
    torch.testing.assert_close(after[:, :12], before[:, :12], rtol=0, atol=0)
    assert ((after - before).abs().amax((0, 2))[12:] > 1e-4).all()


def test_a_transformer_knows_positions():
    model, _ = model_of("source-transformer", width=16)
    with torch.no_grad():
        found = model(torch.full((1, 9), 5))[0]
    assert (found[1:] - found[:-1]).abs().amax(1).min() > 1e-4


@pytest.mark.parametrize("workload", SHAPES)
def test_the_initial_spread_follows_inputs_and_scale(workload):
    width = 64 if workload != "digits-cnn" else 32
    extra = {"residual": True} if workload == "digits-mlp" else {}
    model, _ = model_of(workload, width=width, depth=2, init_scale=0.5, **extra)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            norms = "norm" in name and name.endswith("weight")
            assert (parameter == (1.0 if norms else 0.0)).all(), name
        elif parameter.numel() > 500:
            gains = {1.0: 0, 2.0: 0}
            for gain in gains:
                expected = 0.5 * math.sqrt(gain / parameter[0].numel())
                gains[gain] = abs(parameter.std().item() / expected - 1)
            assert min(gains.values()) < 0.12, name


@pytest.mark.parametrize("workload", SHAPES)
def test_a_model_is_a_function_of_its_seed(workload):
    values = [model_of(workload, seed=seed, width=8)[1].values for seed in (1, 1, 2)]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize("workload", SHAPES)
def test_vectors_are_what_the_model_computes_with(workload):
    """The vector's gradient is the one that autograd gives for the tensors."""
    model, flat = model_of(workload, width=8)
    parameters = list(model.parameters())
    assert sum(p.numel() for p in parameters) == len(flat.parameters) == len(flat.gradient)
    data = load_source("cpu") if workload == "source-transformer" else load_digits("cpu")
    inputs, targets = (values[:8] for values in data.splits["train"])
    _cross_entropy(model(inputs), targets).backward()
    expected = torch.autograd.grad(_cross_entropy(model(inputs), targets), parameters)
    torch.testing.assert_close(flat.gradient, torch.cat([g.reshape(-1) for g in expected]))
    before = [tensor.clone() for tensor in (*parameters, *model.buffers())]
    flat.values.mul_(1.5)
    for tensor, old in zip((*parameters, *model.buffers()), before, strict=True):
        assert torch.equal(tensor, 1.5 * old)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothing_is_torchs(smoothing):
    logits, labels = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    expected = nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, labels)
    torch.testing.assert_close(_cross_entropy(logits, labels, smoothing), expected)
    targets = F.one_hot(labels, 5) * (1 - smoothing) + smoothing / 5
    by_hand = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(_cross_entropy(logits, labels, smoothing), by_hand)
    positions = _cross_entropy(logits.view(2, 3, 5), labels.view(2, 3), smoothing)
    torch.testing.assert_close(positions, expected)


# -- averaging -----------------------------------------------------------------------------------


def test_average_by_hand():
    values = torch.zeros(2, dtype=torch.float64)
    average = Average(values, 0.9)
    seen = [(1.0, -2.0), (3.0, 5.0), (-4.0, 0.5)]
    for step, numbers in enumerate(seen, 1):
        values.copy_(torch.tensor(numbers))
        average.update(step)
        weights = [0.1 * 0.9 ** (step - i) for i in range(1, step + 1)]
        expected = sum(w * x for w, (x, _) in zip(weights, seen, strict=False)) / (1 - 0.9**step)
        assert average.average[0].item() == pytest.approx(expected, rel=1e-12)
    with average.in_place():
        assert torch.equal(values, average.average)
    assert values.tolist() == [-4.0, 0.5]


def test_no_average_costs_nothing():
    values = torch.ones(3)
    average = Average(values, 0.0)
    average.update(1)
    with average.in_place():
        assert values.tolist() == [1.0, 1.0, 1.0]
    assert len(average.average) == 0


# -- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load_digits, load_source])
def test_batches_are_a_function_of_seed_and_step(load):
    data = load("cpu")
    forwards = Batches(data, 64, seed=4)
    order = {step: forwards.at(step) for step in (1, 2, 16, 17, forwards.per_epoch + 1)}
    for step in (17, 2, forwards.per_epoch + 1, 1, 16):
        for found, expected in zip(Batches(data, 64, 4).at(step), order[step], strict=True):
            assert torch.equal(found, expected)
    assert not torch.equal(Batches(data, 64, 5).at(1)[0], order[1][0])
    assert not torch.equal(order[forwards.per_epoch + 1][0], order[1][0])


def test_an_epoch_shows_each_image_at_most_once():
    batches = Batches(load_digits("cpu"), 64, seed=1)
    assert batches.per_epoch == 16
    shown = torch.cat([batches.at(step)[0] for step in range(1, 17)])
    assert shown.shape == (1024, 64)
    every = {tuple(row) for row in load_digits("cpu").training[0].tolist()}
    rows = [tuple(row) for row in shown.tolist()]
    assert set(rows) <= every
    assert len(set(rows)) == len(rows)  # no two images of the training set are the same


def test_training_windows_are_text_and_what_follows():
    data = load_source("cpu")
    text = bytes(data.text.tolist())
    batches = Batches(data, 32, seed=2)
    places = []
    for step in (1, 2, 3):
        for before, after in zip(*(values.tolist() for values in batches.at(step)), strict=True):
            assert before[1:] == after[:-1]
            assert len(before) == corpus.CONTEXT
            places.append(text.index(bytes([*before, after[-1]])))
    offsets = Counter(place % corpus.CONTEXT for place in places)
    assert offsets.most_common(1)[0][1] > 0.9 * len(places)  # a text may repeat itself
    last = batches.per_epoch
    assert batches.at(last)[0].shape == (32, corpus.CONTEXT)
    offsets = set()
    for epoch in range(6):
        window = batches.at(1 + epoch * last)[0][0].tolist()
        offsets.add(text.index(bytes(window)) % corpus.CONTEXT)
    assert len(offsets) > 3


def test_digits_are_numpys():
    from labtui_numpy.data import load

    ours, theirs = load_digits("cpu"), load("digits")
    for split, rows in theirs.splits.items():
        inputs, labels = ours.splits[split]
        assert np.array_equal(inputs.numpy(), theirs.inputs[rows])
        assert np.array_equal(labels.numpy(), theirs.targets[rows].argmax(1))


def test_apples_gpu_tells_its_share_of_the_recommended_memory(monkeypatch):
    """There is none here: torch's two functions are stand-ins."""
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 3 * 2**30)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * 2**30)
    assert memory_share(torch.device("mps")) == {"memory_share": 0.25}
    assert memory_share(torch.device("cpu")) == {}
