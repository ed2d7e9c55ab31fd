"""What is left out is told in short sentences, however much there is of it."""

from __future__ import annotations

import pytest

from indexer.loaders.missing import counted, listed, named, numbered
from indexer.wire import MAX_NOTICE_CHARS


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "page 3"),
        ([3, 4], "pages 3-4"),
        ([12, 3, 4, 5, 6, 7, 7], "pages 3-7 and 12"),
        ([1, 3, 5], "pages 1, 3 and 5"),
    ],
)
def test_numbers_in_a_row_are_a_range(numbers: list[int], words: str) -> None:
    assert numbered("page", numbers) == words


def test_of_very_many_the_first_are_told_and_the_others_counted() -> None:
    words = numbered("page", range(1, 100_000, 2))
    assert words.startswith("pages 1, 3, 5, ")
    assert words.endswith(", 39 and 49,980 more")
    assert named([f"chapter {n}" for n in range(9)]).endswith('"chapter 4" and 4 more')
    assert max(len(words), len(named([100 * f"{n}" for n in range(99)]))) < MAX_NOTICE_CHARS - 150


def test_names_are_told_once_on_one_line_and_cannot_move_the_cursor() -> None:
    assert named(["a\n\x1b[2Jb", "c", "c"]) == '"a [2Jb" and "c"'


def test_things_are_counted_and_listed() -> None:
    assert listed([counted(1, "chart"), counted(2, "diagram"), counted(1_000, "comment")]) == (
        "1 chart, 2 diagrams and 1,000 comments"
    )
