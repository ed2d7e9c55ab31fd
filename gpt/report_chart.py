"""Charts of the training report as inline SVG: pure functions from numbers to text.

Colours come from the page's style sheet (gpt/report.css) by class, so that a chart follows light, dark and print. A chart is
drawn for about 320 pixels and scales with its column, so that its words stay readable on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 320, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 10, 36
MAX_POINTS = 160  # a point every two pixels
SMOOTHED_SHARE = 0.02  # of a run is averaged into a point of the smooth curve
MAX_DOT = 8.0  # pixels of the radius


@dataclass(frozen=True)
class Line:
    """A curve: `style` is the class s1 ... s4 of its colour; `dots` marks each point, for few of them."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = "s1"
    dots: bool = False


@dataclass(frozen=True)
class Scale:
    """Numbers to pixels, and round numbers to label the axis with."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> Scale:
        """A scale that holds all finite values."""
        finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
        return cls(low - room if low > room or low < 0 else 0.0, high + room, start, end)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, n: int = 4) -> list[float]:
        """About `n` multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / n
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.99)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


def number(value: float) -> str:
    """Short and plain: 1,500, 20M, 0.25, 6e-05."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def smooth(values: Sequence[float]) -> np.ndarray:
    """Each value's mean with those around it, SMOOTHED_SHARE of all in sum; fewer at both ends."""
    reach, n = int(SMOOTHED_SHARE * len(values) / 2), len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first, last = np.maximum(np.arange(n) - reach, 0), np.minimum(np.arange(n) + reach + 1, n)
    return (sums[last] - sums[first]) / (last - first)


def loss_chart(steps: Sequence[float], losses: Sequence[float], label: str) -> str:
    """The raw losses as a band from the lowest to the highest of each few steps, and their average over it."""
    x_scale, y_scale = _scales(steps, losses)
    groups = np.array_split(np.arange(len(steps)), min(len(steps), MAX_POINTS))
    loss, average = np.array(losses, float), smooth(losses)
    middle = [float(np.mean([steps[i] for i in group])) for group in groups]
    upper = [(x, float(loss[g].max())) for x, g in zip(middle, groups, strict=True)]
    lower = [(x, float(loss[g].min())) for x, g in zip(middle, groups, strict=True)]
    band = _points([*upper, *reversed(lower)], x_scale, y_scale)
    curve = _points([(steps[i], float(average[i])) for i in _evenly(len(steps))], x_scale, y_scale)
    drawn = f'<polygon class="band" points="{band}"/><polyline class="line s1" points="{curve}"/>'
    return _frame(drawn, x_scale, y_scale, label)


def line_chart(lines: Sequence[Line], label: str, floor: Sequence[float] = ()) -> str:
    """Curves over one pair of axes; the upright one holds the values of `floor` too."""
    x_scale, y_scale = _scales([x for line in lines for x in line.x], [*floor, *(y for line in lines for y in line.y)])
    drawn = []
    for line in lines:
        found = [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(y)]
        kept = [found[i] for i in _evenly(len(found))]
        drawn.append(f'<polyline class="line {line.style}" points="{_points(kept, x_scale, y_scale)}"/>')
        if line.dots:
            drawn += [
                f'<circle class="dot {line.style}" cx="{x_scale(x):.1f}" cy="{y_scale(y):.1f}" r="3">'
                f"<title>{escape(line.name)}: {number(y)} at step {number(x)}</title></circle>"
                for x, y in kept
            ]
    return _frame("".join(drawn), x_scale, y_scale, label)


def reliability_chart(bins: Sequence[tuple[float, float, int]], label: str) -> str:
    """(confidence, share that came true, count) a bin, against the diagonal; a dot's area is its count."""
    x_scale, y_scale = Scale(0, 1, LEFT, WIDTH - RIGHT), Scale(0, 1, HEIGHT - BOTTOM, TOP)
    most = max((count for *_, count in bins), default=1)
    diagonal = _points([(0, 0), (1, 1)], x_scale, y_scale)
    dots = "".join(
        f'<circle class="bubble" cx="{x_scale(p):.1f}" cy="{y_scale(share):.1f}" '
        f'r="{max(2.5, MAX_DOT * math.sqrt(count / most)):.1f}">'
        f"<title>{count} readings of confidence about {p:.0%}: {share:.0%} could be answered</title></circle>"
        for p, share, count in bins
    )
    drawn = f'<polyline class="line ideal" points="{diagonal}"/>{dots}'
    return _frame(drawn, x_scale, y_scale, label, "confidence")


def _scales(xs: Sequence[float], ys: Sequence[float]) -> tuple[Scale, Scale]:
    return Scale.around([0.0, *xs], LEFT, WIDTH - RIGHT), Scale.around(ys, HEIGHT - BOTTOM, TOP)


def _evenly(n: int) -> list[int]:
    """Up to MAX_POINTS of n indices, the first and the last among them."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, MAX_POINTS))})


def _points(points: Sequence[tuple[float, float]], x_scale: Scale, y_scale: Scale) -> str:
    return " ".join(f"{x_scale(x):.1f},{y_scale(y):.1f}" for x, y in points)


def _frame(drawn: str, x_scale: Scale, y_scale: Scale, label: str, x_name: str = "step") -> str:
    """Grid, axes and what is drawn between them; `label` is read aloud where the chart cannot be seen."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in y_scale.ticks():
        y = y_scale(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{number(tick)}</text>')
    for tick in x_scale.ticks():
        parts.append(f'<text class="tick" x="{x_scale(tick):.1f}" y="{bottom + 16}">{number(tick)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(f'<text class="tick" x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 4}">{escape(x_name)}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}{drawn}</svg>'
