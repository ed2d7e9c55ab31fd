"""Paragraphs from geometry alone: lines made by hand, without a PDF."""

from __future__ import annotations

from indexer.boxes import Boxes
from indexer.loaders.pdf_layout import arrange
from indexer.loaders.pdf_page import Line


def _line(
    text: str, *, top: float, left: float = 50, height: float = 10, hyphen: bool = False, bold: bool = False
) -> Line:
    """A line of type 5 points wide a character."""
    boxes = Boxes((left + 5 * n, top, left + 5 * n + 5, top + height) for n in range(len(text)))
    return Line(list(text), boxes, list(range(len(text))), hyphen=hyphen, bold=bold)


def _texts(*lines: Line) -> list[str]:
    (page,) = arrange([lines])
    for paragraph in page:
        assert len(paragraph.boxes) == len(paragraph.text)
    return [paragraph.text for paragraph in page]


def test_a_wider_gap_begins_a_paragraph() -> None:
    lines = [_line(f"line number {n} of the body", top=12 * n) for n in range(4)]
    assert _texts(*lines, _line("after a gap", top=70)) == [
        "line number 0 of the body line number 1 of the body line number 2 of the body line number 3 of the body",
        "after a gap",
    ]


def test_an_indented_line_after_a_full_stop_begins_a_paragraph() -> None:
    assert _texts(
        _line("the first line of a paragraph", top=0),
        _line("and it ends in this full line.", top=12),
        _line("A new one is indented", top=24, left=65),
        _line("and goes on.", top=36),
    ) == ["the first line of a paragraph and it ends in this full line.", "A new one is indented and goes on."]


def test_a_sentence_goes_on_in_the_next_column() -> None:
    assert _texts(
        _line("at the foot of the first column", top=600),
        _line("a sentence goes on", top=612),
        _line("at the top of the second one.", top=50, left=300),
    ) == ["at the foot of the first column a sentence goes on at the top of the second one."]


def test_small_type_is_not_part_of_the_body() -> None:
    assert _texts(
        _line("the body of the page in large type", top=0),
        _line("a note in small type", top=12, height=7),
    ) == ["the body of the page in large type", "a note in small type"]


def test_bits_of_a_formula_stay_in_their_line() -> None:
    assert _texts(
        _line("divided by the root", top=0),
        _line("d", top=1, left=147, height=6),
        _line("of the size", top=0, left=157),
    ) == ["divided by the root d of the size"]


def test_a_hyphen_is_kept_where_the_word_has_it() -> None:
    def joined(before: str, after: str, elsewhere: str = "") -> str:
        return _texts(
            _line(before, top=0, hyphen=True), _line(after, top=12), _line(f"elsewhere {elsewhere} is written", top=24)
        )[0].split(" elsewhere")[0]

    assert joined("the gradi", "ent flows") == "the gradient flows"
    assert joined("the multi", "head layer", "multi-head") == "the multi-head layer"
    assert joined("the state", "ment holds", "a state of the statement") == "the statement holds"
    assert joined("the sequence", "aligned one", "a sequence is aligned") == "the sequence-aligned one"
    assert joined("from English", "to-German text") == "from English-to-German text"
    assert joined("with GPT", "3 as one") == "with GPT-3 as one"


def test_two_headings_in_a_row_stay_two() -> None:
    body = [_line(f"line number {n} of the body", top=100 + 12 * n) for n in range(3)]
    headings = [_line("3 The loss", top=60, bold=True), _line("3.1 Its slope", top=75, bold=True)]
    assert _texts(*headings, *body)[:2] == ["3 The loss", "3.1 Its slope"]
