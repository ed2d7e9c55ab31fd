from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import StoreCorrupt
from indexer.places import line_boxes, pack_anchors, place, place_packed, unpack_anchors
from indexer.types import Anchor, Box, Place

COORDINATES = st.integers(0, 1_440_000).map(lambda hundredths: hundredths / 100)  # of a point, as loaders round
NUMBERS = st.one_of(st.none(), st.integers(1, 10_000))


@st.composite
def anchor_lists(draw: st.DrawFn) -> tuple[Anchor, ...]:
    """Anchors as loaders make them: in order, without gap, each with all boxes or none."""
    anchors: list[Anchor] = []
    start = 0
    for length in draw(st.lists(st.integers(1, 6), max_size=6)):
        page = draw(NUMBERS)
        boxes: tuple[Box, ...] = ()
        if page is not None:
            box = st.tuples(*[COORDINATES] * 4)
            boxes = tuple(draw(st.lists(box, min_size=length, max_size=length)))
        anchors.append(Anchor(start, start + length, page, draw(NUMBERS), draw(NUMBERS), draw(NUMBERS), boxes))
        start += length
    return tuple(anchors)


RANGES = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def _slow_place(anchors: tuple[Anchor, ...], start: int, end: int) -> Place:
    """Looks at every anchor; ranges beyond the end are at the last one."""
    end = max(end, start + 1)
    touched = [anchor for anchor in anchors if anchor.start < end and start < anchor.end] or list(anchors[-1:])
    if not touched:
        return Place()
    first = touched[0]
    if first.page is None:
        return Place(None, None, first.line_start, touched[-1].line_end, first.cell)
    for anchor in touched:
        shown = [box for n, box in enumerate(anchor.boxes, anchor.start) if start <= n < end]
        if lines := line_boxes(shown):
            return Place(anchor.page, lines, first.line_start, touched[-1].line_end, first.cell)
    return Place(first.page, (), first.line_start, touched[-1].line_end, first.cell)


@settings(max_examples=60, deadline=None)
@given(anchor_lists(), RANGES)
def test_the_place_is_the_one_found_by_looking_at_every_anchor(
    anchors: tuple[Anchor, ...], span: tuple[int, int]
) -> None:
    assert place(anchors, *span) == _slow_place(anchors, *span)


@settings(max_examples=40, deadline=None)
@given(anchor_lists(), RANGES)
def test_packed_anchors_come_back_and_give_the_same_places(anchors: tuple[Anchor, ...], span: tuple[int, int]) -> None:
    packed = pack_anchors(anchors)
    assert unpack_anchors(packed) == anchors
    assert place_packed(packed, *span) == place(anchors, *span)


def test_a_thousand_lines_pack_into_little() -> None:
    anchors = [Anchor(40 * n, 40 * n + 40, line_start=n + 1, line_end=n + 1) for n in range(1000)]
    assert len(pack_anchors(anchors)) < 200


@pytest.mark.parametrize("damage", [b"", b"ANC1", b"XXXX" + bytes(20), pack_anchors([Anchor(0, 9)])[:-3]])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(StoreCorrupt, match="index the document again"):
        unpack_anchors(damage)


def test_boxes_of_a_line_are_merged_and_lines_kept_apart() -> None:
    first = [(10.0, 100.0, 15.0, 110.0), (0.0, 0.0, 0.0, 0.0), (20.0, 100.0, 26.0, 110.0)]
    raised = [(26.0, 97.0, 29.0, 104.0)]
    second = [(10.0, 112.0, 15.0, 122.0)]
    next_column = [(300.0, 100.0, 305.0, 110.0)]
    assert line_boxes([*first, *raised, *second, *next_column]) == (
        (10.0, 97.0, 29.0, 110.0),
        (10.0, 112.0, 15.0, 122.0),
        (300.0, 100.0, 305.0, 110.0),
    )


def test_a_line_that_runs_upwards_has_one_box() -> None:
    assert line_boxes([(50.0, 100.0 - 8 * n, 60.0, 108.0 - 8 * n) for n in range(5)]) == ((50.0, 68.0, 60.0, 108.0),)


def test_a_quote_over_two_pages_is_shown_on_the_first() -> None:
    box = (1.0, 1.0, 2.0, 2.0)
    gap = (0.0, 0.0, 0.0, 0.0)
    anchors = (Anchor(0, 3, page=1, boxes=(box, gap, gap)), Anchor(3, 5, page=2, boxes=(box, gap)))
    assert place(anchors, 0, 5) == Place(page=1, boxes=(box,))
    assert place(anchors, 1, 5) == Place(page=2, boxes=(box,))
    assert place(anchors, 1, 2) == Place(page=1, boxes=())


def test_a_range_over_lines_has_its_first_and_last() -> None:
    anchors = [Anchor(0, 5, line_start=3, line_end=3), Anchor(5, 9, line_start=7, line_end=7)]
    assert place(anchors, 2, 6) == Place(line_start=3, line_end=7)
    assert place(anchors, 2, 5) == Place(line_start=3, line_end=3)
    assert place(anchors, 5, 5) == Place(line_start=7, line_end=7)
    assert place([], 0, 1) == Place()
