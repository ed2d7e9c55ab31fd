"""The picture of a run: its training loss and the scores taken on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gpt.errors import DataError

SMOOTHING = 0.98  # of the exponential average drawn over the raw losses


def plot_run(run: Path, picture: Path) -> None:
    """Draws run/loss.jsonl, and run/scores.jsonl if it exists, into a PNG. Raises DataError when there is no loss."""
    losses = _lines(run / "loss.jsonl")
    if not losses:
        raise DataError(f"{run / 'loss.jsonl'} holds no step yet; train first")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    step = np.array([line["step"] for line in losses])
    loss = np.array([line["loss"] for line in losses])
    figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axis.plot(step, loss, color="#b8c4d0", linewidth=0.6, label="loss of a step")
    axis.plot(step, _smooth(loss), color="#1f4e79", linewidth=1.6, label="average")
    axis.set(xlabel="step", ylabel="loss (nats)", title=run.name)
    axis.spines[["top", "right"]].set_visible(False)
    scores = [line for line in _lines(run / "scores.jsonl") if "f1" in line]
    if scores:
        right = axis.twinx()
        right.plot([s["step"] for s in scores], [s["f1"] for s in scores], "o-", color="#c1440e", label="held-out F1")
        right.set(ylabel="F1 (%)", ylim=(0, 100))
        right.spines[["top"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(picture, dpi=130)
    pyplot.close(figure)


def _lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _smooth(values: np.ndarray) -> np.ndarray:
    """Exponential average with its start corrected for bias (as Adam's moments are)."""
    average, weight, out = 0.0, 0.0, []
    for value in values:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        out.append(average / weight)
    return np.array(out)
