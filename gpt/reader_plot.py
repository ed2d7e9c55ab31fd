"""The picture of a measured reader: its risk against coverage and, where some questions have no answer, whether its
probabilities come true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpt.confidence import calibration_error, equal_mass_bins, equal_width_bins, risk_curve
from gpt.errors import ConfigError
from gpt.evaluate import Graded
from gpt.ladder_plot import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK, GREY, ORANGE, _, GREEN, BLUE = COLOURS[:6]


def plot_reader(graded: Graded, name: str, path: Path) -> None:
    """Write a picture (the suffix of `path` chooses the format). Raises ConfigError when matplotlib is missing or knows
    no such format."""
    try:
        from matplotlib.figure import Figure  # without pyplot: no window, no global state, Agg for pixels
    except ImportError as error:
        raise ConfigError("plotting needs matplotlib: pip install 'studygpt[train]'") from error
    panels = 1 + graded.open_ended
    figure = Figure(figsize=(5.5 * panels, 5), layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in formats:
        raise ConfigError(f"cannot draw {path.name}: end it in one of .{', .'.join(sorted(formats))}")
    axes = np.atleast_1d(figure.subplots(1, panels))
    _draw_risk(axes[0], graded)
    if graded.open_ended:
        _draw_reliability(axes[1], graded)
    figure.suptitle(f"{name}, {len(graded):,} questions")
    figure.savefig(path, dpi=150)


def _draw_risk(axes: Axes, graded: Graded) -> None:
    coverage = np.arange(1, len(graded) + 1) / len(graded)
    risk = risk_curve(graded.confidence, graded.f1)
    axes.plot(coverage, risk, color=BLUE, linewidth=2, label=f"by confidence, area {risk.mean():.3f}")
    perfect = risk_curve(graded.f1, graded.f1)
    axes.plot(coverage, perfect, color=GREEN, linestyle="--", label=f"best order, area {perfect.mean():.3f}")
    axes.axhline(risk[-1], color=GREY, linestyle=":", label=f"no order, area {risk[-1]:.3f}")
    axes.set(
        title="Risk against coverage", xlabel="share of the questions answered", ylabel="1 - mean F1 of the answers"
    )
    axes.set(xlim=(0, 1), ylim=(0, max(0.05, 1.05 * float(risk.max()))))
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)


def _draw_reliability(axes: Axes, graded: Graded) -> None:
    axes.plot((0, 1), (0, 1), color=GREY, linestyle=":", label="perfectly calibrated")
    kinds = (("equal width", equal_width_bins, BLUE, "o-"), ("equal mass", equal_mass_bins, ORANGE, "s--"))
    for kind, bins_of, colour, style in kinds:
        bins = bins_of(graded.confidence, graded.answerable)
        label = f"{kind} bins, error {calibration_error(bins):.3f}"
        axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], style, color=colour, label=label)
    for b in equal_width_bins(graded.confidence, graded.answerable):
        place = (b.confidence, b.accuracy)
        axes.annotate(f"{b.count:,}", place, (6, -10), textcoords="offset points", fontsize=8, color=BLACK)
    axes.set(title="Do the probabilities come true?", xlabel="said: P(answerable)", ylabel="share that is answerable")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
