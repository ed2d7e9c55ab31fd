"""Replacements beside counting by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gpt.replacements import N_DRAWN, Replacements

TOKENS = np.random.default_rng(1).integers(0, 12, 4000).astype(np.uint16)


@pytest.fixture(scope="module")
def replacements() -> Replacements:
    return Replacements.build(TOKENS, 14)


def test_pairs_are_counted_as_by_hand(replacements: Replacements) -> None:
    counted = Counter(zip(TOKENS[:-1].tolist(), TOKENS[1:].tolist(), strict=True))
    left, right = np.divmod(np.arange(14 * 14), 14)
    assert replacements.count(left, right).tolist() == [
        counted[pair] for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]


def test_what_is_drawn_followed_the_left_neighbour() -> None:
    chain = Replacements.build(np.array([0, 1, 0, 2, 0, 3, 4, 5, 4, 6] * 3, np.uint16), 8)
    left = np.repeat([0, 4], 200)
    drawn = chain.draw(left, np.zeros(400, np.int64), np.random.default_rng(0))
    assert set(drawn[:200].tolist()) == {1, 2, 3}
    assert set(drawn[200:].tolist()) == {5, 6}


def test_a_token_before_the_right_neighbour_is_drawn_more_often() -> None:
    tokens = np.array(
        [0, 1, 7, 0, 2, 6, 0, 3, 6, 0, 4, 6] * 50, np.uint16
    )  # 0 goes on with 1 to 4; 7 comes after 1 alone
    drawn = Replacements.build(tokens, 8).draw(np.zeros(2000, np.int64), np.full(2000, 7), np.random.default_rng(0))
    likely = 1 - (1 - 1 / 4) ** N_DRAWN  # that 1 is among those drawn
    assert np.mean(drawn == 1) == pytest.approx(likely, abs=0.05)


def test_beside_a_token_that_is_never_followed_any_token_is_drawn(replacements: Replacements) -> None:
    drawn = replacements.draw(np.full(500, 13), np.full(500, 13), np.random.default_rng(0))
    assert set(drawn.tolist()) == set(range(12))


def test_the_same_seed_draws_the_same(replacements: Replacements) -> None:
    left, right = TOKENS[:500], TOKENS[2:502]
    first, second = (replacements.draw(left, right, np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()
