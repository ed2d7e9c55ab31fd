"""Fusion is a weighted sum of normalised scores, and nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.fuse import fuse, normalise

scores = st.dictionaries(st.integers(0, 20), st.floats(-1, 50, allow_nan=False), max_size=12)


def test_the_best_of_both_sides_is_first() -> None:
    fused = fuse({1: 0.9, 2: 0.8, 3: 0.1}, {2: 12.0, 3: 3.0})
    assert max(fused, key=fused.__getitem__) == 2


def test_an_id_known_to_both_gets_the_weighted_sum() -> None:
    assert fuse({1: 0.8, 2: 0.4}, {1: 5.0, 2: 10.0}, weight=0.75) == {1: 0.75 + 0.125, 2: 0.375 + 0.25}


def test_an_id_that_one_side_does_not_know_has_nothing_there() -> None:
    assert fuse({1: 0.5}, {2: 3.0}, weight=0.7) == {1: 0.7, 2: 1 - 0.7}


def test_one_empty_side_leaves_the_order_of_the_other() -> None:
    dense = {1: 0.2, 2: 0.9, 3: 0.5}
    assert sorted(dense, key=fuse(dense, {}).__getitem__) == [1, 3, 2]
    assert fuse({}, {}) == {}


def test_what_is_not_alike_at_all_counts_as_nothing() -> None:
    assert normalise({1: -0.3, 2: 0.0, 3: 0.6}) == {1: 0.0, 2: 0.0, 3: 1.0}
    assert normalise({1: -0.3}) == {1: 0.0}


@settings(max_examples=60, deadline=None)
@given(scores, scores, st.floats(0, 1))
def test_scores_lie_between_0_and_1_for_every_id_of_either_side(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    fused = fuse(dense, lexical, weight)
    assert fused.keys() == dense.keys() | lexical.keys()
    assert all(0 <= score <= 1.000001 for score in fused.values())


@settings(max_examples=60, deadline=None)
@given(scores, st.floats(0.01, 100))
def test_the_unit_of_the_scores_does_not_matter(lexical: dict[int, float], unit: float) -> None:
    scaled = normalise({i: score * unit for i, score in lexical.items()})
    assert all(abs(scaled[i] - score) < 1e-6 for i, score in normalise(lexical).items())
