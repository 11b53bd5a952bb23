"""Which way a metric is better, by the last part of its name."""

from __future__ import annotations

HIGHER = frozenset(
    [
        "accuracy",
        "acc",
        "auc",
        "auroc",
        "bleu",
        "dice",
        "f1",
        "iou",
        "map",
        "mean_average_precision",
        "mrr",
        "ndcg",
        "precision",
        "psnr",
        "r2",
        "recall",
        "reward",
        "return",
        "rouge",
        "ssim",
        "top_1",
        "top_5",
        "top1",
        "top5",
    ]
)
LOWER = frozenset(
    [
        "bits_per_byte",
        "bpb",
        "bpc",
        "cer",
        "ctc_loss",
        "err",
        "error",
        "error_rate",
        "loss",
        "mae",
        "mse",
        "nll",
        "perplexity",
        "ppl",
        "rmse",
        "wer",
    ]
)


def goal_of(metric: str) -> str | None:
    """Give ``minimize`` or ``maximize``; None for a name that does not say."""
    leaf = metric.rpartition("/")[2].lower().replace("-", "_")
    words = {leaf, *leaf.split("_")}
    if leaf in HIGHER or (words & HIGHER and not words & LOWER):
        return "maximize"
    if leaf in LOWER or (words & LOWER and not words & HIGHER):
        return "minimize"
    return None
