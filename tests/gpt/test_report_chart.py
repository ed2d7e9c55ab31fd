"""The report's charts: every point stands where its numbers say, and raw losses are not smoothed away."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.report_chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MAX_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    Scale,
    line_chart,
    loss_chart,
    number,
    reliability_chart,
    smooth,
)

FINITE = st.floats(-1e6, 1e6)


def points(svg: str, kind: str) -> list[tuple[float, float]]:
    """The pixels of the first polygon or polyline of that class."""
    found = next(e for e in ET.fromstring(svg) if kind in (e.get("class") or "").split() and e.get("points"))
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in (found.get("points") or "").split())]


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_a_scale_holds_its_values_and_labels_itself_inside(values: list[float]) -> None:
    scale = Scale.around(values, 10, 110)
    assert all(10 <= scale(v) <= 110 + 1e-6 for v in values)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 7
    assert all(10 - 1e-3 <= scale(t) <= 110 + 1e-3 for t in ticks)


def test_ticks_are_round() -> None:
    assert Scale(0, 4160, 0, 1).ticks() == [0, 2000, 4000]
    assert Scale(5.1, 8.9, 0, 1).ticks() == [6, 7, 8]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (4000, "4,000"), (33_019_728, "33M"), (2_621_440, "2.62M"), (0.8832, "0.883"), (47.27, "47.3")],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert number(value) == words


@given(st.lists(FINITE, min_size=1, max_size=300))
def test_the_average_is_the_mean_of_the_values_around(values: list[float]) -> None:
    reach = int(0.02 * len(values) / 2)
    slow = [
        sum(part) / len(part)
        for part in (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))
    ]  # fmt: skip
    assert smooth(values).tolist() == pytest.approx(slow, rel=1e-6, abs=1e-6)


def test_the_band_reaches_the_highest_and_the_lowest_raw_loss() -> None:
    losses = [3.0] * 1000
    losses[500], losses[700] = 9.0, 1.0
    svg = loss_chart(range(1, 1001), losses, "Loss")
    band, line = points(svg, "band"), points(svg, "s1")
    scale = Scale.around(losses, HEIGHT - BOTTOM, TOP)
    assert min(y for _, y in band) == pytest.approx(scale(9.0), abs=0.06)
    assert max(y for _, y in band) == pytest.approx(scale(1.0), abs=0.06)
    assert len(line) <= MAX_POINTS
    assert all(LEFT <= x <= WIDTH - RIGHT for x, _ in band + line)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_run_of_a_few_steps_can_be_drawn(n: int) -> None:
    svg = loss_chart(range(1, n + 1), [2.0] * n, "Loss")
    assert len(points(svg, "s1")) == n


def test_curves_share_their_axes_and_leave_out_what_is_no_number() -> None:
    lines = [Line("a", [1, 2], [0.0, 10.0], "s1", dots=True), Line("b", [1, 2], [math.nan, 5.0], "s2", dots=True)]
    svg = line_chart(lines, "Two & more")
    (low, high), ((_, middle),) = points(svg, "s1"), points(svg, "s2")
    assert middle == pytest.approx((low[1] + high[1]) / 2, abs=0.1)
    titles = [t.text for t in ET.fromstring(svg).iter("title")]
    assert titles == ["a: 0 at step 1", "a: 10 at step 2", "b: 5 at step 2"]


def test_a_floor_is_part_of_the_axis() -> None:
    svg = line_chart([Line("speed", [1, 2], [900.0, 1000.0])], "Speed", [0.0])
    assert ">0<" in svg.replace("</text>", "<")


def test_a_bubble_is_as_large_as_its_count_and_on_the_diagonal_when_true() -> None:
    svg = ET.fromstring(reliability_chart([(0.25, 0.25, 100), (0.5, 0.9, 25)], "Truth"))
    first, second = (e for e in svg if e.get("class") == "bubble")
    assert float(first.get("r") or 0) == pytest.approx(2 * float(second.get("r") or 0), abs=0.1)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    assert (float(first.get("cx") or 0) - LEFT) / width == pytest.approx(0.25, abs=0.01)
    assert (HEIGHT - BOTTOM - float(first.get("cy") or 0)) / height == pytest.approx(0.25, abs=0.01)
