"""The verdict: a fall is a fall beyond chance, and withholding counts as much as answering."""

from __future__ import annotations

import numpy as np
import pytest

from gpt.checkpoint import Released
from gpt.judge import Marks, compare, read_held_out
from gpt.model import GPT
from gpt.squad import Article
from gpt.tokenizer import Tokenizer
from gpt.yardstick import Yardstick

CALIBRATION = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}


def marks(f1: list[float], told: list[float] | None = None) -> Marks:
    return Marks(np.array(f1), np.array(told if told is not None else f1))


def test_the_same_marks_are_no_fall() -> None:
    verdict = compare(marks([0.2, 0.9, 1.0]), marks([0.2, 0.9, 1.0]))
    assert (verdict.before, verdict.after, verdict.error, verdict.fell) == (70.0, 70.0, 0.0, False)


def test_a_fall_within_chance_is_none_and_beyond_it_is_one() -> None:
    before = marks([1.0] * 10)
    one_lost = compare(before, marks([1.0] * 9 + [0.0]))
    assert (one_lost.after, one_lost.error, one_lost.fell) == (90.0, 10.0, False)
    assert compare(before, marks([0.9] * 10)).fell
    assert not compare(marks([0.5] * 10), before).fell


def test_points_count_reading_and_telling_alike() -> None:
    verdict = compare(marks([1.0, 1.0], [0.0, 0.0]), marks([1.0, 1.0], [0.5, 0.5]))
    assert (verdict.before, verdict.after, verdict.f1_before, verdict.f1_after) == (50.0, 75.0, 100.0, 100.0)


@pytest.mark.parametrize(("intercept", "told"), [(99.0, 0.5), (-99.0, 0.5)])
def test_a_model_that_always_answers_or_never_tells_half(
    intercept: float, told: float, model: GPT, tokenizer: Tokenizer, articles: list[Article]
) -> None:
    held_out = Yardstick.build(tokenizer, articles, 6).held_out
    got = read_held_out(Released("m", model.eval(), tokenizer, CALIBRATION | {"intercept": intercept}, {}), held_out)
    assert got.f1.shape == got.told.shape == (6,)
    assert got.told.tolist() == [told] * 6
