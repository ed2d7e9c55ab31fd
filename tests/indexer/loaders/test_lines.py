from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.loaders.lines import LineBlock, line_anchors, line_starts, paragraphs, to_blocks

TEXTS = st.text(alphabet="ab \n\u2028\f\x85", min_size=1, max_size=40)


@settings(max_examples=60)
@given(TEXTS)
def test_the_line_of_a_character_is_the_number_of_newlines_before_it(text: str) -> None:
    anchors = line_anchors(text, first_line=5)
    for position in range(len(text)):
        anchor = next(anchor for anchor in anchors if anchor.start <= position < anchor.end)
        assert anchor.line_start == anchor.line_end == 5 + text.count("\n", 0, position)


@settings(max_examples=60)
@given(TEXTS)
def test_lines_put_together_are_the_text(text: str) -> None:
    starts = line_starts(text)
    assert "".join(text[a:b] for a, b in pairwise(starts)) == text


def test_of_blocks_that_share_lines_the_later_one_gives_way() -> None:
    found = [LineBlock("code", 2, 9), LineBlock("list", 0, 3), LineBlock("paragraph", 1, 2)]
    starts = line_starts("a\nb\nc\nd\n")
    kinds = [(block.kind, block.start, block.end) for block in to_blocks(found, starts, offset=100)]
    assert kinds == [("list", 100, 106), ("code", 106, 108)]


def test_paragraphs_are_runs_of_lines_that_are_not_blank() -> None:
    found = [(block.first, block.last) for block in paragraphs(["", "a", "b", " ", "c"], first=10)]
    assert found == [(11, 13), (14, 15)]
