"""What the tests of the torch and the MLX trainer share: trials, and settings worth trying."""

from __future__ import annotations

from labtui.trainer import Trial

# Everything that has a state of its own, at once.
ALL = {
    "normalization": "batch",
    "batch_size": 40,
    "virtual_batch_size": 16,
    "residual": True,
    "dropout": 0.2,
    "polyak_decay": 0.9,
    "clip_norm": 0.5,
    "label_smoothing": 0.1,
    "weight_decay": 1e-3,
    "schedule": "cosine",
    "warmup_steps": 5,
}
PERCEPTRONS = [
    {"depth": 3, "residual": True, "normalization": "batch", "zero_init_residual": True},
    {"depth": 3, "residual": True, "normalization": "layer", "norm_position": "outside"},
    {"depth": 2, "normalization": "batch", "virtual_batch_size": 16, "polyak_decay": 0.9},
    {"depth": 2, "activation": "tanh", "dropout": 0.2, "label_smoothing": 0.1},
    {"depth": 1, "residual": True},
    {"depth": 0},
]


def train_trial(
    train,
    params,
    *,
    max_steps=60,
    eval_every=20,
    seed=1,
    workload="digits-mlp",
    device="cpu",
    kind=Trial,
):
    """Train one trial alone; gives its curves and the trial."""
    trial = kind(
        params,
        max_steps=max_steps,
        eval_every=eval_every,
        seed=seed,
        workload=workload,
        device=device,
    )
    train(trial)
    trial.finish()
    return curves(trial), trial


def curves(trial):
    """Give metric → step → value of a trial's memory; no value may come twice."""
    trial.flush()
    found = {}
    for name, step, value in trial.sink.rows:
        assert step not in found.setdefault(name, {}), f"{name} twice at {step}"
        found[name][step] = value
    return found


def check_declared_metrics(plugin, train, workload, params):
    """Check that a workload logs what its trainer declares, and the usual others."""
    found = set(train_trial(train, {**params, "clip_norm": 1.0}, workload=workload, max_steps=2)[0])
    others = {"grad_norm", "learning_rate", "clipped", "step_time", "data_wait"}
    assert found - others == set(plugin.workloads[workload].metrics)
    assert others <= found
