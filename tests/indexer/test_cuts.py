from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.cuts import cut_ranks, nearest, sentence_ends


def _sentences(text: str) -> list[str]:
    ends = sentence_ends(text)
    return [text[a:b].strip() for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["One falls.", "Two rises!", "Why?", "(So it is.)", "“Yes.”", "42 is it."],
        ["See Fig. 3 and e.g. Adam, cf. Smith et al. Two of them."],
        ["J. Smith wrote it.", "Then it grew to 3.5 points, i.e. More."],
        ["It ends in *stars.*", "Next."],
        ["模型很大。", "它很慢。"],
        ["no. capital follows here"],
    ],
)
def test_sentences_end_where_a_reader_says(sentences: list[str]) -> None:
    joint = "" if sentences[0].endswith("。") else " "
    assert _sentences(joint.join(sentences)) == sentences


@pytest.mark.parametrize(
    "whole",
    ["$a. B$", "$$\nx. Y\n$$", r"\(a. B\)", r"\[a. B\]", "`a. B`", "``a. ` B``", "\\begin{align}\na. B\n\\end{align}"],
)
def test_no_rank_of_prose_cuts_a_formula_or_code(whole: str) -> None:
    text = f"Before it. {whole} And after."
    inside = range(text.index(whole) + 1, text.index(whole) + len(whole))
    for rank in cut_ranks(text, "paragraph"):
        assert not set(rank) & set(inside)


@given(st.lists(st.integers(0, 60), unique=True).map(sorted), st.integers(0, 60), st.integers(0, 60))
def test_nearest_is_the_one_found_by_looking_at_all(positions: list[int], low: int, high: int) -> None:
    inner = [position for position in positions if low < position < high]
    found = nearest(positions, low, high)
    assert (found is None) == (not inner)
    if found is not None:
        middle = (low + high) // 2
        assert found in inner
        assert abs(found - middle) == min(abs(position - middle) for position in inner)


@pytest.mark.parametrize("opening", ["`a ", "$a ", "$$a ", "\\(a ", "\\[a ", "\\begin{a} "])
def test_unclosed_openings_cost_no_more_than_linear_time(opening: str) -> None:
    begun = time.process_time()
    list(cut_ranks(opening * 5_000, "paragraph"))
    assert time.process_time() - begun < 2
