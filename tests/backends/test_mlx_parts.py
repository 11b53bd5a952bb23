"""The parts of the MLX trainer: update rules, normalization, models, compilation, data."""

import itertools
import math
from collections import Counter

import mlx.core as mx
import numpy as np
import pytest

import labtui_numpy.optimizers
from labtui.trainer import Objective, Trial
from labtui.trainer.scalars import fetch, hold, is_held
from labtui_mlx import plugin
from labtui_mlx.data import DATA, Batches, load_digits, load_source
from labtui_mlx.devices import memory_share
from labtui_mlx.layers import EPSILON, MOMENTUM, GhostBatchNorm, Pass, gelu, normalization
from labtui_mlx.layout import Layout, Leaf
from labtui_mlx.learner import Learner, _cross_entropy
from labtui_mlx.models import MODELS
from labtui_mlx.optimizers import RULES
from labtui_workloads import corpus
from labtui_workloads.settings import read

pytestmark = pytest.mark.backend

WORKLOADS = list(plugin.workloads)


@pytest.fixture(autouse=True)
def _on_the_cpu():
    mx.set_default_device(mx.cpu)


def settings_of(workload, **params):
    return read({"width": 8, **params}, plugin.workloads[workload])


def learner_of(workload, *, compiled=False, **params):
    settings = settings_of(workload, **params)
    return Learner(MODELS[workload](settings), settings, compiled=compiled)


def batch_of(workload, size=16):
    return Batches(DATA[workload](), size, seed=3).at(1)


def views_of(model, seed=1, scale=1.0):
    layout = Layout([*model.parameters, *model.statistics])
    return layout.views(layout.initial(seed, scale))


# -- update rules --------------------------------------------------------------------------------

VALUES = {"momentum": 0.8, "beta1": 0.7, "beta2": 0.9, "rho": 0.6, "epsilon": 1e-3}
RATES = [0.1, 0.2, 0.05, 0.1, 0.1, 0.02]


def slope(theta, step):
    return theta * [1.0, -0.5, 3.0, 0.2] + math.sin(step)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_equals_numpys(name, decay):
    values = {**VALUES, "weight_decay": decay}
    start = np.array([0.5, -2.0, 0.0, 1e-3])
    slots = np.zeros((labtui_numpy.optimizers.OPTIMIZERS[name].SLOTS, len(start)))
    reference = labtui_numpy.optimizers.create(name, slots, values)
    rule, theirs = RULES[name], start.copy()
    ours, state = mx.array(start.astype(np.float32)), RULES[name].initial(len(start))
    numbers = {key: mx.array(x) for key, x in rule.numbers(values).items()}
    for step, rate in enumerate(RATES, 1):
        gradient = mx.array(slope(np.array(ours, np.float64), step).astype(np.float32))
        numbers["rate"] = mx.array(rule.rate(rate, step, values))
        ours, state = rule.update(ours, gradient, state, numbers)
        reference.update(theirs, slope(theirs, step), rate, step)
        np.testing.assert_allclose(np.array(ours), theirs, rtol=2e-5, atol=2e-6)
    assert abs(theirs - start).max() > 0.05


def test_the_rules_are_numpys_and_take_the_same():
    assert list(RULES) == list(labtui_numpy.optimizers.OPTIMIZERS)
    for name, rule in RULES.items():
        assert rule.takes == labtui_numpy.optimizers.PARAMETERS[name]
        assert len(rule.starts) == labtui_numpy.optimizers.OPTIMIZERS[name].SLOTS


# -- the update ----------------------------------------------------------------------------------


def test_the_update_is_the_one_that_the_hyperparameters_say():
    """Gradient by finite differences, clipping, weight decay, rate and average by hand."""
    settings = {"depth": 0, "optimizer": "sgd", "weight_decay": 0.3, "clip_norm": 0.5}
    settings.update(learning_rate=0.2, schedule="linear", label_smoothing=0.1, polyak_decay=0.9)
    learner, batch = learner_of("digits-mlp", **settings), batch_of("digits-mlp")
    state = learner.initial(4)
    past = mx.random.normal(state["values"].shape, key=mx.random.key(1))
    state["average"] = past
    found, measured = learner.update(state, batch, step=3, max_steps=8, seed=0)
    loss, gradient = by_hand(np.array(state["values"], np.float64), *map(np.array, batch))
    norm = np.linalg.norm(gradient)
    assert norm > 0.5
    rate = 0.2 * (1 - 2 / 8)
    theta = np.array(state["values"], np.float64)
    expected = theta - rate * (gradient * 0.5 / norm + 0.3 * theta)
    np.testing.assert_allclose(np.array(found["values"]), expected, rtol=1e-4, atol=1e-6)
    share = (1 - 0.9) / (1 - 0.9**3)
    average = np.array(past) * (1 - share) + expected * share
    np.testing.assert_allclose(np.array(found["average"]), average, rtol=1e-4, atol=1e-6)
    assert measured["train/loss"].item() == pytest.approx(loss, rel=1e-5)
    assert measured["grad_norm"].item() == pytest.approx(norm, rel=1e-5)
    assert measured["learning_rate"] == pytest.approx(rate)
    assert measured["clipped"].item() is True


def by_hand(theta, inputs, labels, smoothing=0.1):
    """Loss and gradient of a smoothed softmax regression."""
    weights, bias = theta[:640].reshape(64, 10), theta[640:]
    logits = inputs.astype(np.float64) @ weights + bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    targets = np.eye(10)[labels] * (1 - smoothing) + smoothing / 10
    delta = (shares - targets) / len(labels)
    loss = -(targets * np.log(shares)).sum(axis=1).mean()
    return loss, np.concatenate([(inputs.T @ delta).ravel(), delta.sum(axis=0)])


def test_a_norm_below_the_limit_changes_nothing():
    batch = batch_of("digits-mlp")
    states = []
    for limit in (0.0, 1e6):
        learner = learner_of("digits-mlp", clip_norm=limit)
        states.append(learner.update(learner.initial(1), batch, step=1, max_steps=9, seed=0)[0])
    assert mx.array_equal(states[0]["values"], states[1]["values"])


@pytest.mark.parametrize("workload", WORKLOADS)
def test_dropout_is_a_function_of_seed_and_step(workload):
    learner, batch = learner_of(workload, dropout=0.5), batch_of(workload, 8)
    state = learner.initial(1)
    found = {
        (seed, step): learner.update(state, batch, step=step, max_steps=9, seed=seed)[1][
            "train/loss"
        ].item()
        for _, seed, step in itertools.product(range(2), (1, 2), (1, 2))
    }
    again = learner.update(state, batch, step=2, max_steps=9, seed=1)[1]["train/loss"].item()
    assert again == found[1, 2]
    assert len(set(found.values())) == 4


def test_dropout_keeps_the_mean_and_its_layers_differ():
    way = Pass(training=True, key=mx.random.key(5), keep=mx.array(0.75))
    first, second = (np.array(way.drop(mx.ones((200, 200)))) for _ in range(2))
    assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}
    assert first.mean() == pytest.approx(1.0, abs=0.02)
    assert (first != second).mean() == pytest.approx(2 * 0.75 * 0.25, abs=0.02)


# -- compilation ---------------------------------------------------------------------------------

EVERYTHING = {
    "depth": 1,
    "optimizer": "adam",
    "dropout": 0.2,
    "clip_norm": 1.0,
    "label_smoothing": 0.1,
    "weight_decay": 1e-3,
    "polyak_decay": 0.9,
    "schedule": "cosine",
    "warmup_steps": 2,
}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_an_update_is_compiled_once(workload, monkeypatch):
    """It is traced at its first call; nothing is evaluated, so nothing is built for the CPU."""
    learner = learner_of(workload, compiled=True, **EVERYTHING)
    traces = Counter()
    whole = type(learner._model).__call__

    def counted(*arguments):
        traces["model"] += 1
        return whole(*arguments)

    monkeypatch.setattr(type(learner._model), "__call__", counted)
    state, batches = learner.initial(1), Batches(DATA[workload](), 16, seed=1)
    for step in range(1, 9):
        state, _ = learner.update(state, batches.at(step), step=step, max_steps=99, seed=1)
        assert traces["model"] == 1
    inputs, targets = batches.at(1)
    for rows in (16, 7):  # a whole batch of an evaluation, and what is left
        for _ in range(3):
            learner.outcome(state, (inputs[:rows], targets[:rows]))
    assert traces["model"] == 3


def test_compiled_is_what_it_is_without(monkeypatch, tmp_path):
    """MLX's compiler for the CPU keeps what it builds in a folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    batches, ends = Batches(load_digits(), 16, seed=1), []
    params = {"depth": 0, "clip_norm": 1.0}  # each operation more takes a second to build
    for compiled in (False, True):
        learner = learner_of("digits-mlp", compiled=compiled, **params)
        state = learner.initial(1)
        for step in range(1, 6):
            state, _ = learner.update(state, batches.at(step), step=step, max_steps=9, seed=1)
        ends.append(np.array(state["values"]))
    assert list(tmp_path.rglob("*.so"))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-4, atol=1e-5)


def test_numbers_of_another_trial_need_no_new_kernel():
    """A number within the compiled operations would be a part of what is compiled."""
    learners = [
        learner_of("digits-mlp", **{**EVERYTHING, "learning_rate": 0.1 * i, "dropout": 0.1 * i})
        for i in (1, 2)
    ]
    names = [set(learner._constants) for learner in learners]
    assert names[0] == names[1]
    assert {"keep", "clip_norm", "label_smoothing", "weight_decay", "beta1", "1-beta1"} < names[0]


# -- normalization -------------------------------------------------------------------------------


def ghost(values, virtual):
    """Normalize (n, 3) and give running statistics; the identity's weights are not used."""
    layer = GhostBatchNorm("norm", 3, virtual)
    weight, bias = mx.array([0.5, 1.0, 2.0]), mx.array([1.0, -1.0, 0.0])
    views = {"norm.weight": weight, "norm.bias": bias}
    views.update({"norm.mean": mx.zeros(3), "norm.variance": mx.ones(3)})
    way = Pass(training=True)
    out = np.array(layer(views, mx.array(values), way))
    return out, {name: np.array(moved) for name, moved in way.moved.items()}


def transcribed(values, virtual):
    """Ghost batch normalization with loops, as the paper writes it down."""
    count = len(values)
    size = min(virtual or count, count)
    groups = [range(i, i + size) for i in range(0, count - size + 1, size)]
    if count % size:
        groups.append(range(count - size, count))
    seen = [values[list(rows)].astype(np.float64) for rows in groups]
    out = np.empty(values.shape)
    for i, row in enumerate(values):
        group = seen[i // size]
        out[i] = (row - group.mean(axis=0)) / np.sqrt(group.var(axis=0) + EPSILON)
    mean = MOMENTUM * np.mean([group.mean(axis=0) for group in seen], axis=0)
    variance = MOMENTUM * np.mean([group.var(axis=0, ddof=1) for group in seen], axis=0)
    return out * [0.5, 1.0, 2.0] + [1.0, -1.0, 0.0], mean, 1.0 - MOMENTUM + variance


@pytest.mark.parametrize("virtual", [0, 2, 5, 6, 12, 13, 64])
def test_ghost_statistics_are_over_the_virtual_batch(virtual):
    values = np.random.default_rng(1).normal(1.0, 3.0, (13, 3)).astype(np.float32)
    out, moved = ghost(values, virtual)
    expected, mean, variance = transcribed(values, virtual)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moved["norm.mean"], mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved["norm.variance"], variance, rtol=1e-4)


def test_statistics_run_over_updates_and_are_what_evaluates():
    learner = learner_of("digits-mlp", depth=1, normalization="batch", learning_rate=1e-8)
    batch, state = batch_of("digits-mlp", 64), learner.initial(1)
    before = np.array(learner.logits(state, batch[0]))
    for step in range(1, 80):  # 0.9 to the 79th is nothing
        state, measured = learner.update(state, batch, step=step, max_steps=99, seed=0)
        mx.eval(state)
    assert abs(np.array(learner.logits(state, batch[0])) - before).max() > 0.1
    loss, _ = learner.outcome(state, batch)
    assert loss.item() == pytest.approx(measured["train/loss"].item(), rel=0.02)


def test_an_evaluation_does_not_depend_on_its_batch():
    learner = learner_of("digits-mlp", depth=2, normalization="batch")
    state = learner.initial(1)
    state, _ = learner.update(state, batch_of("digits-mlp"), step=1, max_steps=9, seed=0)
    inputs, _ = load_digits().splits["validation"]
    whole = np.array(learner.logits(state, inputs))
    parts = [np.array(learner.logits(state, inputs[rows])) for rows in (slice(7), slice(7, None))]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4, atol=1e-5)


def test_layer_norm_is_over_each_position():
    values = np.random.default_rng(1).normal(1.0, 3.0, (2, 5, 8)).astype(np.float32)
    layer = normalization("layer", "norm", 8)
    views = {"norm.weight": mx.full((8,), 2.0), "norm.bias": mx.full((8,), 0.5)}
    mean, variance = values.mean(axis=-1, keepdims=True), values.var(axis=-1, keepdims=True)
    expected = 2.0 * (values - mean) / np.sqrt(variance + EPSILON) + 0.5
    found = np.array(layer(views, mx.array(values), Pass()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# -- models --------------------------------------------------------------------------------------


def test_a_transformer_is_causal():
    model = MODELS["source-transformer"](settings_of("source-transformer", width=16, heads=4))
    views = views_of(model)
    tokens = mx.random.randint(0, 98, (3, 20), key=mx.random.key(1))
    changed = np.array(tokens)
    changed[:, 12] = (changed[:, 12] + 1) % 98
    before, after = (np.array(model(views, mx.array(x), Pass())) for x in (tokens, changed))
    assert before.shape == (3, 20, 98)
    assert np.array_equal(after[:, :12], before[:, :12])
    assert (abs(after - before).max(axis=(0, 2))[12:] > 1e-4).all()


def test_a_transformer_knows_positions_and_heads():
    logits = {}
    for heads in (1, 4):
        settings = settings_of("source-transformer", width=16, heads=heads)
        model = MODELS["source-transformer"](settings)
        logits[heads] = np.array(model(views_of(model), mx.full((1, 9), 5), Pass()))
    assert abs(np.diff(logits[1][0], axis=0)).max(axis=1).min() > 1e-4
    assert abs(logits[1] - logits[4]).max() > 1e-4


def test_attention_is_the_textbooks():
    settings = settings_of("source-transformer", width=8, heads=2)
    attention = MODELS["source-transformer"](settings)._blocks[0]._attention
    layout = Layout(attention.parameters)
    views = layout.views(mx.random.normal((layout.size,), key=mx.random.key(2)))
    values = np.random.default_rng(1).normal(size=(2, 5, 8)).astype(np.float32)
    found = np.array(attention(views, mx.array(values)))
    weights = {name: np.array(view, np.float64) for name, view in views.items()}
    names = {name.rpartition("attention.")[2]: view for name, view in weights.items()}
    split = values @ names["in.weight"] + names["in.bias"]
    queries, keys, seen = (split[..., 8 * i : 8 * i + 8] for i in range(3))
    mixed = np.zeros(values.shape)
    for n, head, t in itertools.product(range(2), range(2), range(5)):
        own = slice(4 * head, 4 * head + 4)
        scores = keys[n, : t + 1, own] @ queries[n, t, own] / math.sqrt(4)
        shares = np.exp(scores - scores.max())
        mixed[n, t, own] = shares / shares.sum() @ seen[n, : t + 1, own]
    expected = mixed @ names["out.weight"] + names["out.bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_gelu_is_exact():
    values = [-3.0, -0.5, 0.0, 0.7, 4.0]
    expected = [x * 0.5 * (1.0 + math.erf(x / math.sqrt(2.0))) for x in values]
    np.testing.assert_allclose(np.array(gelu(mx.array(values))), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("normalization", ["none", "layer"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_zero_init_makes_blocks_the_identity(workload, normalization):
    """Then depth changes nothing."""
    extra = {"residual": True} if workload == "digits-mlp" else {}
    inputs = batch_of(workload, 8)[0]
    for zero in (True, False):
        given = {**extra, "zero_init_residual": zero, "normalization": normalization}
        shallow, deep = (
            MODELS[workload](settings_of(workload, depth=depth, **given)) for depth in (1, 3)
        )
        views, outer = views_of(deep), ("hidden0.", "tokens", "positions", "output.")
        shared = {name: view for name, view in views.items() if name.startswith(outer)}
        expected = shallow({**views_of(shallow), **shared}, inputs, Pass())
        found = deep(views, inputs, Pass())
        assert mx.allclose(found, expected, atol=1e-5).item() is zero


def test_zero_init_blocks_still_learn():
    for workload in WORKLOADS:
        extra = {"residual": True} if workload == "digits-mlp" else {}
        learner = learner_of(workload, depth=2, zero_init_residual=True, optimizer="sgd", **extra)
        start = state = learner.initial(1)
        for step in (1, 2, 3):
            state, _ = learner.update(state, batch_of(workload), step=step, max_steps=9, seed=0)
        layout = Layout(learner._model.parameters)
        moved = zip(*(layout.views(s["values"]).items() for s in (start, state)), strict=True)
        for (name, before), (_, after) in moved:
            if name.endswith("weight"):
                assert not mx.array_equal(before, after), name


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_initial_spread_follows_inputs_and_scale(workload):
    model = MODELS[workload](settings_of(workload, width=64, depth=2))
    for leaf in model.parameters:
        drawn = np.array(views_of(model, scale=0.5)[leaf.name])
        if len(leaf.shape) == 1:
            norms = "norm" in leaf.name and leaf.name.endswith("weight")
            assert (drawn == (1.0 if norms else 0.0)).all(), leaf.name
            continue
        inputs = leaf.shape[1] if leaf.name in ("tokens", "positions") else leaf.shape[0]
        hidden = leaf.name.startswith("hidden") or ".wide." in leaf.name
        expected = 0.5 * math.sqrt((2.0 if hidden else 1.0) / inputs)
        assert drawn.std() == pytest.approx(expected, rel=0.12), leaf.name


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_model_is_a_function_of_its_seed(workload):
    learner = learner_of(workload)
    values = [learner.initial(seed)["values"] for seed in (1, 1, 2)]
    assert mx.array_equal(values[0], values[1])
    assert not mx.array_equal(values[0], values[2])


def test_a_layout_cuts_and_joins():
    layout = Layout([Leaf("a", (2, 3)), Leaf("b", (4,), value=2.0), Leaf("c", (1, 1))])
    views = layout.views(mx.arange(11.0))
    assert views["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert views["b"].tolist() == [6, 7, 8, 9]
    assert layout.join(views).tolist() == list(range(11))
    assert layout.initial(1).tolist() == [0] * 6 + [2] * 4 + [0]
    assert Layout([]).join(Layout([]).views(mx.zeros(0))).shape == (0,)


@pytest.mark.parametrize("smoothing", [None, 0.1])
def test_cross_entropy_by_hand(smoothing):
    outputs = np.random.default_rng(1).normal(0, 3, (2, 3, 5)).astype(np.float32)
    labels = np.array([[0, 1, 2], [3, 4, 0]])
    share = smoothing or 0.0
    targets = np.eye(5)[labels] * (1 - share) + share / 5
    log_shares = outputs - np.log(np.exp(outputs).sum(axis=-1, keepdims=True))
    found = _cross_entropy(mx.array(outputs), mx.array(labels), smoothing).item()
    assert found == pytest.approx(-(targets * log_shares).sum(axis=-1).mean(), rel=1e-5)


# -- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load_digits, load_source])
def test_batches_are_a_function_of_seed_and_step(load):
    data = load()
    forwards = Batches(data, 64, seed=4)
    order = {step: forwards.at(step) for step in (1, 2, 16, 17, forwards.per_epoch + 1)}
    for step in (17, 2, forwards.per_epoch + 1, 1, 16):
        for found, expected in zip(Batches(data, 64, 4).at(step), order[step], strict=True):
            assert mx.array_equal(found, expected)
    assert not mx.array_equal(Batches(data, 64, 5).at(1)[0], order[1][0])
    assert not mx.array_equal(order[forwards.per_epoch + 1][0], order[1][0])


def test_an_epoch_shows_each_image_at_most_once():
    batches = Batches(load_digits(), 64, seed=1)
    assert batches.per_epoch == 16
    shown = [tuple(row) for step in range(1, 17) for row in batches.at(step)[0].tolist()]
    every = {tuple(row): label for row, label in zip(*map(listed, training()), strict=True)}
    assert len(shown) == len(set(shown)) == 1024
    assert set(shown) <= set(every)
    inputs, labels = batches.at(5)
    assert [every[tuple(row)] for row in inputs.tolist()] == labels.tolist()


def training():
    return load_digits().splits["train"]


def listed(values):
    return values.tolist()


def test_training_windows_are_text_and_what_follows():
    data = load_source()
    text = bytes(data.text.tolist())
    batches, offsets = Batches(data, 32, seed=2), set()
    last = batches.per_epoch
    for step in (1, 2, last, *(1 + epoch * last for epoch in range(1, 6))):
        inputs, targets = (values.tolist() for values in batches.at(step))
        assert len(inputs) == 32
        for before, after in zip(inputs, targets, strict=True):
            assert before[1:] == after[:-1]
            assert len(before) == corpus.CONTEXT
            place = text.index(bytes([*before, after[-1]]))
        offsets.add(place % corpus.CONTEXT)
    assert len(offsets) > 3


# -- device scalars ------------------------------------------------------------------------------


def counting(monkeypatch):
    """Count the evaluations that anyone asks MLX for."""
    evaluated = Counter()
    whole = mx.eval

    def counted(*arrays):
        evaluated["eval"] += 1
        return whole(*arrays)

    monkeypatch.setattr(mx, "eval", counted)
    return evaluated


def test_held_scalars_are_logged_without_evaluating(monkeypatch):
    evaluated = counting(monkeypatch)
    monkeypatch.setattr("labtui.trainer.trial.HELD_SECONDS", math.inf)
    trial = Trial({}, max_steps=20, eval_every=10, objective=Objective("validation/loss"))
    total = mx.array(0.0)
    for step in range(1, 10):
        total += 1.0  # writes the array that was logged before
        trial.log(step, {"train/loss": total, "learning_rate": 0.1})
    assert evaluated["eval"] == 0
    assert trial.sink.rows == []
    trial.log(10, {"validation/loss": total * 2})
    trial.flush()
    assert evaluated["eval"] == 1
    losses = [(step, value) for name, step, value in trial.sink.rows if name == "train/loss"]
    assert losses == [(step, float(step)) for step in range(1, 10)]
    assert trial.evaluated_value == 18.0


@pytest.mark.parametrize("evaluated", [False, True])
def test_what_is_held_stays_what_it_was(evaluated):
    value = mx.array([3.0]).sum()
    if evaluated:
        mx.eval(value)
    assert is_held(value)
    kept = hold(value)
    value += 1.0
    value[...] = 7.0
    mx.eval(value)
    assert fetch([kept, value]) == [3.0, 7.0]


def test_what_mlx_scalars_are_read_as():
    values = [mx.array(True), mx.array(3), mx.array(0.5, mx.bfloat16), mx.array([[2.0]])]
    assert fetch([hold(value) for value in values]) == [1.0, 3.0, 0.5, 2.0]
    assert math.isnan(fetch([hold(mx.array(math.nan))])[0])
    with pytest.raises((TypeError, ValueError)):
        fetch([hold(mx.array([1.0, 2.0]))])


def test_apples_gpu_tells_its_share_of_the_recommended_memory(monkeypatch):
    """There is none here: MLX's two functions are stand-ins."""
    monkeypatch.setattr(mx, "get_active_memory", lambda: 3 * 2**30)
    recommended = {"max_recommended_working_set_size": 12 * 2**30}
    monkeypatch.setattr(mx, "device_info", lambda: recommended, raising=False)
    assert memory_share(True) == {"memory_share": 0.25}
    assert memory_share(False) == {}
