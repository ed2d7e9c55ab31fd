from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.boxes import Boxes, as_boxes
from indexer.types import Box

numbers = st.integers(-(2**31) + 1, 2**31 - 1).map(lambda hundredths: hundredths / 100)
boxes = st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=6)
ends = st.none() | st.integers(-8, 8)


@given(boxes)
def test_it_holds_what_a_tuple_would(some: list[Box]) -> None:
    held = Boxes(some)
    assert list(held) == some
    assert [held[i] for i in range(-len(some), len(some))] == [*some, *some]
    assert len(held) == len(some)
    assert held == tuple(some)
    assert held == as_boxes(some)
    assert (held != [*some, (0.0, 0.0, 0.0, 0.0)]) is True


@given(boxes, ends, ends, st.sampled_from([None, 1, 2, -1]))
def test_slices_are_those_of_a_list(some: list[Box], start: int | None, stop: int | None, step: int | None) -> None:
    assert list(Boxes(some)[start:stop:step]) == some[start:stop:step]


def test_a_slice_is_a_copy_and_an_end_can_grow_and_shrink() -> None:
    one, two = (1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)
    held = Boxes([one])
    part = held[:]
    held.append(two)
    assert (list(held), list(part)) == ([one, two], [one])
    held.pop()
    assert held == part
    assert as_boxes(held) is held


def test_edges_are_kept_to_a_hundredth_and_far_ones_brought_near() -> None:
    assert list(Boxes([(1.234, 2.236, -0.004, 1e300)])) == [(1.23, 2.24, 0.0, (2**31 - 1) / 100)]


@given(boxes, boxes, st.integers(0, 3))
def test_boxes_are_joined_as_lists_are(some: list[Box], others: list[Box], n: int) -> None:
    held = Boxes(some)
    held.extend(Boxes(others))
    held.extend_blank(n)
    assert held == [*some, *others, *[(0.0, 0.0, 0.0, 0.0)] * n]


@given(boxes, ends, ends)
def test_boxes_over_shared_memory_read_alike_and_do_not_change(
    some: list[Box], start: int | None, stop: int | None
) -> None:
    shared = Boxes.of(memoryview(Boxes(some).edges).toreadonly())
    assert shared == Boxes(some) == some
    assert list(shared[start:stop]) == some[start:stop]
    with pytest.raises(TypeError, match="share their memory"):
        shared.append((1.0, 2.0, 3.0, 4.0))


def test_beyond_the_end_there_is_nothing() -> None:
    with pytest.raises(IndexError):
        Boxes([(1.0, 2.0, 3.0, 4.0)])[1]
