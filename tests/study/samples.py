"""Study files that the tests of this room start from."""

from pathlib import Path

DIGITS_FILE = Path(__file__).parent / "data" / "digits-optimizer.yaml"
DIGITS = DIGITS_FILE.read_text(encoding="utf-8")


def study_text(hyperparameters: str = "{}", trials: str = "trials: 4, ", extra: str = "") -> str:
    """A whole study around a flow mapping of hyperparameters; line 8 holds it, `extra` follows."""
    return (
        "study: s\n"
        "goal: Does it work?\n"
        "workload: w\n"
        "trainer: numpy\n"
        "objective: {metric: loss, goal: minimize}\n"
        f"budget: {{{trials}max_train_steps: 10, eval_every: 5}}\n"
        "hyperparameters:\n"
        f"  {hyperparameters}\n"
        f"{extra}"
    )
