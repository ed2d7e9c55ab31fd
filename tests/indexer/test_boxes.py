from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.boxes import Boxes, as_boxes
from indexer.types import Box

numbers = st.floats(-1e6, 1e6)
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


def test_beyond_the_end_there_is_nothing() -> None:
    with pytest.raises(IndexError):
        Boxes([(1.0, 2.0, 3.0, 4.0)])[1]
