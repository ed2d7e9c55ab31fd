from __future__ import annotations

import pytest

from indexer.loaders.pdf import load
from tests.indexer.loaders.pdf_writer import Page, Text, write_pdf

LEFT = [f"left {word} words of a column that is long" for word in "one two three four five six seven eight".split()]
RIGHT = [line.replace("left", "right") for line in LEFT]


def _page(order: str, top: float = 700) -> list[Text]:
    """Eight lines of two columns, drawn line by line or column by column."""
    cells = [(x, row, texts[row]) for x, texts in ((60, LEFT), (320, RIGHT)) for row in range(8)]
    if order == "lines":
        cells.sort(key=lambda cell: cell[1])
    return [Text(x, top - 12 * row, text) for x, row, text in cells]


def _words(texts: list[Text]) -> list[str]:
    return load("x.pdf", write_pdf([Page(texts)])).text.split()


@pytest.mark.parametrize("order", ["lines", "columns"])
def test_the_left_column_is_read_before_the_right_one_however_they_are_drawn(order: str) -> None:
    assert _words(_page(order)) == " ".join(LEFT + RIGHT).split()


def test_a_line_across_both_columns_is_read_between_what_is_above_and_below() -> None:
    wide = Text(60, 590, "A wide line that goes over the left and the right column of the page alike", 10)
    words = _words([*_page("lines"), wide, *_page("lines", top=570)])
    assert words == " ".join([*LEFT, *RIGHT, wide.text, *LEFT, *RIGHT]).split()


def test_a_word_that_a_column_s_line_breaks_is_joined() -> None:
    texts = [
        Text(t.x, t.y, t.text.replace("is long", "is lon-") if t.text == LEFT[3] else t.text) for t in _page("lines")
    ]
    texts = [Text(t.x, t.y, "gest " + t.text if t.text == LEFT[4] else t.text) for t in texts]
    assert "longest" in _words(texts)


def test_a_table_keeps_its_rows() -> None:
    rows = [
        Text(x, 700 - 12 * n, f"{value}{n}") for n in range(12) for x, value in ((60, "model number "), (320, "0.9"))
    ]
    text = load("x.pdf", write_pdf([Page(rows)])).text
    assert "model number 3 0.93" in text


def test_every_character_keeps_its_box() -> None:
    extracted = load("x.pdf", write_pdf([Page(_page("lines"))]))
    start = extracted.text.index("right five")
    left, top, _, bottom = extracted.anchors[0].boxes[start]
    assert left == pytest.approx(320, abs=1)
    assert top < 800 - (700 - 12 * 4) <= bottom
