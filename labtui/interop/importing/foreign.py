"""Files of programs that labtui does not read: which they are, and the way round."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

PARQUET = b"PAR1"
MLFLOW_TABLES = frozenset({"experiments", "runs", "metrics", "params"})
"""Tables that every MLflow database has."""

AS_CSV = "and import that file: --format csv --mapping FILE"

WANDB = (
    "is a log of Weights & Biases, which labtui does not read; write the runs as a table, in "
    "Python: pandas.DataFrame([{**r.config, **r.summary._json_dict} for r in "
    f"wandb.Api().runs(PROJECT)]).to_csv('runs.csv'), {AS_CSV}"
)
MLFLOW = (
    "was written by MLflow, which labtui does not read; write the runs as a table (mlflow "
    f"experiments csv --experiment-id ID --filename runs.csv), {AS_CSV}"
)
NO_PARQUET = (
    "is Parquet, which labtui does not read; write it as a table, in Python: "
    f"pandas.read_parquet(FILE).to_csv('table.csv', index=False), {AS_CSV}"
)


def foreign_file(source: Path, head: bytes) -> str:
    """Say whose a file is and what to do with it; empty for one that may be read.

    Args:
        source: The file.
        head: Its first bytes.
    """
    if source.suffix == ".wandb" or head.startswith(b":W&B"):
        return WANDB
    if head.startswith(PARQUET) or source.suffix.lower() == ".parquet":
        return NO_PARQUET
    return ""


def foreign_folder(folder: Path, names: Collection[str]) -> str:
    """Say the same of a folder and the files in it."""
    if any(name.endswith(".wandb") for name in names):
        return WANDB
    return MLFLOW if "meta.yaml" in names and (folder / "metrics").is_dir() else ""
