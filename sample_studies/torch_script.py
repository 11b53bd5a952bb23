"""A torch script of your own. `python torch_script.py` trains one network, with or without labtui.

What makes it a study's trainer: it asks for its trial, takes its hyperparameters from it, and logs
to it. See torch_script.yaml beside this file.
"""

import torch
from digits_data import load
from torch import nn

try:
    import labtui
except ImportError:  # it runs where labtui is not installed, too
    labtui = None

PARAMS = {"learning_rate": 0.1, "momentum": 0.9, "width": 32}
STEPS, EVERY = 300, 50

trial = labtui.current_trial(PARAMS, max_steps=STEPS, eval_every=EVERY) if labtui else None
params = trial.params if trial else PARAMS
seed = trial.seed if trial else 0
device = trial.device if trial else "cpu"

torch.manual_seed(seed)
training, validation = [[torch.tensor(part, device=device) for part in split] for split in load()]
width = int(params["width"])
model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10)).to(device)
optimizer = torch.optim.SGD(
    model.parameters(), lr=params["learning_rate"], momentum=params["momentum"]
)


def save(path):
    torch.save([model.state_dict(), optimizer.state_dict()], path)


def resume(path):
    for part, state in zip((model, optimizer), torch.load(path), strict=True):
        part.load_state_dict(state)


def batch(step, size=64):
    """Draw rows by seed and step alone, so that a trial that goes on sees what it would have."""
    generator = torch.Generator().manual_seed(1_000_000 * seed + step)
    rows = torch.randint(len(training[0]), (size,), generator=generator).to(device)
    return training[0][rows], training[1][rows]


if trial:
    trial.restore(resume)
for step in trial.steps() if trial else range(1, STEPS + 1):
    images, labels = batch(step)
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if trial:
        trial.log(step, {"train/loss": loss.detach()})
    if trial.should_evaluate(step) if trial else step % EVERY == 0:
        with torch.no_grad():
            outputs = model(validation[0])
            error = (outputs.argmax(1) != validation[1]).float().mean()
            found = {
                "validation/error_rate": error,
                "validation/loss": nn.functional.cross_entropy(outputs, validation[1]),
            }
        if trial:
            trial.log(step, found)
            trial.checkpoint(step, save)
        else:
            print(f"step {step}  validation/error_rate {error:.4f}")
