"""The picture of a climbed ladder: what each rung reached, and how it got there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gpt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gpt.ladder import RungResult

# Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color); the shapes say it once more.
COLOURS = ("#000000", "#999999", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")


def plot_ladder(results: Sequence[RungResult], path: Path) -> None:
    """Write a picture (the suffix of `path` chooses the format) of all validation losses beside the training curves.

    Raises DataError when there is nothing to draw, ConfigError when matplotlib is missing or knows no such format.
    """
    if not results:
        raise DataError("no rung was climbed, so there is nothing to plot: run at least one")
    try:
        from matplotlib.figure import Figure  # without pyplot: no window, no global state, Agg for pixels
    except ImportError as error:
        raise ConfigError("plotting needs matplotlib: pip install 'studygpt[train]'") from error
    figure = Figure(figsize=(13, 1.6 + 0.55 * max(len(results), 5)), layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in formats:
        raise ConfigError(f"cannot draw {path.name}: end it in one of .{', .'.join(sorted(formats))}")
    reached, climbed = figure.subplots(1, 2, width_ratios=(1, 1))
    _draw_validation(reached, results)
    _draw_training(climbed, results)
    figure.savefig(path, dpi=150)


def _draw_validation(axes: Axes, results: Sequence[RungResult]) -> None:
    for row, result in enumerate(results):
        axes.plot(result.val_loss, row, SHAPES[row % 8], color=COLOURS[row % 8], markersize=10)
        place = (result.val_loss, row)
        axes.annotate(f"{result.val_loss:.2f}", place, (11, 0), textcoords="offset points", va="center", weight="bold")
    axes.set_yticks(range(len(results)), [f"{result.name}\n{result.explanation}" for result in results], fontsize=9)
    axes.set_ylim(len(results) - 0.4, -0.6)  # the first rung on top: the losses walk down and to the left
    axes.margins(x=0.25)  # room for the figure beside the worst rung
    axes.grid(alpha=0.3)
    axes.set(title="Validation loss of every rung", xlabel="nats a character (lower is better)")


def _draw_training(axes: Axes, results: Sequence[RungResult]) -> None:
    for row, result in enumerate(results):
        steps, losses = zip(*result.train_curve, strict=True)
        axes.plot(
            steps,
            losses,
            color=COLOURS[row % 8],
            marker=SHAPES[row % 8],
            markevery=max(1, len(steps) // 5),
            markersize=5,
            linewidth=1.3,
            label=f"{result.name} ({result.parameters:,} parameters)",
        )
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    axes.set(title="Training loss on the way", xlabel="step")
