"""From the lines of PDF pages to paragraphs and headings, by geometry and type alone. Pure.

PDF has no paragraphs: a new one begins where the lines move apart, where the type changes, after a short line that
ends a sentence, at an indent or at a list mark. Sizes are relative to the document's body type, its commonest height.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from indexer.boxes import Boxes
from indexer.loaders.pdf_columns import in_columns
from indexer.loaders.pdf_page import Line
from indexer.types import BlockKind

_MAX_HEADING = 120  # characters
_LARGER = 1.12  # times the body's type: a heading
_LARGEST = 1.6  # times the body's type: a title, as is the largest type of the first page
_WORDY = 0.7  # share of letters and blanks in a heading; formulas and figures' labels have less
_SAME = 0.12  # relative difference of heights within a paragraph
_APART = 1.35  # times the usual distance of lines: a new paragraph
_WHOLE_WORD = 4  # letters; shorter ones are often syllables
_COLUMN_GAP = 1.2  # times the height of type
_RUNNING = 3  # pages
_FEW_LINES = 5
_ITEM = re.compile(r"(?:[•▪‣◦–∗*†‡]|\[\d{1,3}\])\s*\S|\(?\d{1,2}[.)]\s+\S")
_NUMBERED = re.compile(r"(?:\d{1,2}|[A-Z])((?:\.\d{1,2})*)\.?\s+[A-Z]")
_NAMED = re.compile(r"(abstract|introduction|background|related work|conclusions?|discussion|references|appendix|"
                    r"acknowledge?ments?|contents)\W*$", re.IGNORECASE)  # fmt: skip
_WORD = re.compile(r"\w+(?:-\w+)*")
_LONG_WORD = re.compile(r"[^\W\d_]{3}")
_LAST_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*$")
_FIRST_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_SENTENCE_END = (".", "!", "?", ":", ".”", ".)")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of a page, with one box a character; characters that stand nowhere have a box of zeros."""

    text: str
    boxes: Boxes
    kind: BlockKind = "paragraph"
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Style:
    """What is usual in a document: height of type and distance of lines in points, the words it uses; and the
    height of the largest type on its first page."""

    height: float
    largest: float
    leading: float
    words: frozenset[str]


def arrange(pages: list[Sequence[Line]]) -> Iterator[list[Paragraph]]:
    """The paragraphs of each page in turn. Takes the lines out of `pages` and lets go of those of a page that is done,
    for a long document's fill much of the memory."""
    ordered = [in_columns(page) for page in _without_furniture(pages)]
    pages.clear()
    style = _style_of(ordered)
    ordered.reverse()
    while ordered:
        yield _paragraphs(ordered.pop(), style)


def _paragraphs(page: Sequence[Line], style: _Style) -> list[Paragraph]:
    groups: list[list[Line]] = []
    for line in page:
        if groups and _continues(groups[-1], line, style):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_paragraph(group, style) for group in groups]


def _style_of(pages: Sequence[Sequence[Line]]) -> _Style:
    heights: Counter[float] = Counter()
    for line in (line for page in pages for line in page):
        heights[round(line.height, 1)] += len(line.chars)
    body = heights.most_common(1)[0][0] if heights else 0.0
    steps = [b.bottom - a.bottom for page in pages for a, b in pairwise(page)]
    usual = [step for step in steps if 0.5 * body < step < 2.5 * body]
    largest = max((line.height for line in (pages[0] if pages else ()) if _is_wordy(line.text)), default=0.0)
    return _Style(body, largest, median(usual) if usual else 1.2 * body, _words_of(pages))


def _words_of(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """The words of a document, lower case; halves of words that were hyphenated at a line end are not among them."""
    words: set[str] = set()
    after_hyphen = False
    for line in (line for page in pages for line in page):
        found = _WORD.findall(line.text.lower())
        words.update(found[after_hyphen : len(found) - line.hyphen])
        after_hyphen = line.hyphen
    return frozenset(words)


def _without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without page numbers and running heads: the first or last line of at least three pages, at the same
    height and the same but for its digits. Pages of a few lines are left as they are."""
    seen = Counter(_mark(line) for page in pages for line in _outermost(page))
    often = {mark for mark, count in seen.items() if count >= _RUNNING}
    kept = []
    for page in pages:
        outer = {id(line) for line in _outermost(page) if _mark(line) in often}
        kept.append([line for line in page if id(line) not in outer])
    return kept


def _outermost(page: Sequence[Line]) -> list[Line]:
    upright = [line for line in page if not line.turned]
    if len(upright) < _FEW_LINES:
        return []
    top, bottom = min(line.bottom for line in upright), max(line.bottom for line in upright)
    return [line for line in upright if line.bottom - top < 1 or bottom - line.bottom < 1]


def _mark(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+|\b[ivxl]+\b", "#", line.text), round(line.bottom / 4)


def _continues(group: Sequence[Line], line: Line, style: _Style) -> bool:
    """Whether a line goes on with the paragraph of the lines before it."""
    last = group[-1]
    if last.turned or line.turned:
        return last.turned and line.turned
    if last.hyphen:
        return True
    step = line.bottom - last.bottom
    if _is_heading(group, style) or _is_heading([line], style):
        return _heading_goes_on(group, line, style)
    if abs(step) < 0.8 * max(last.height, line.height) and line.left >= last.right - last.height:
        return True  # a piece of the same line: parts of formulas, cells of a table
    if _is_row(group) or _is_row([line]):
        return False
    if _ITEM.match(line.text) and last.text.endswith((*_SENTENCE_END, ";", ",")):
        return False
    if step > _APART * style.leading or not _alike(last, line):
        return False
    if step < -2 * last.height:  # the next column
        return not last.text.endswith(_SENTENCE_END) and line.text[:1].islower()
    return not (last.text.endswith(_SENTENCE_END) and (_is_short(group, last) or _is_indented(group, line)))


def _is_row(group: Sequence[Line]) -> bool:
    """Whether pieces of one line stand in columns: a table's row, a formula and its number, labels of a figure."""
    shown = [box for line in group for box in line.boxes if box[2] > box[0]]
    gap = _COLUMN_GAP * _height(group)
    level = all(abs(line.bottom - group[0].bottom) < _height(group) for line in group)
    return level and any(right[0] - left[2] > gap for left, right in pairwise(shown))


def _heading_goes_on(group: Sequence[Line], line: Line, style: _Style) -> bool:
    """Whether a line is the next line of the same heading; a number begins another one."""
    last = group[-1]
    if _NUMBERED.match(line.text) or last.bold != line.bold or not _alike(last, line):
        return False
    return _is_heading([*group, line], style) and 0 <= line.bottom - last.bottom < 2 * last.height


def _alike(a: Line, b: Line) -> bool:
    """Whether two lines are of the same type size; bits of formulas between lines do not count."""
    if len(a.chars) <= 4 or len(b.chars) <= 4:
        return True
    return abs(a.height - b.height) <= _SAME * max(a.height, b.height)


def _is_short(group: Sequence[Line], last: Line) -> bool:
    """Whether a line ends well before the longest of its paragraph."""
    return last.right < max(line.right for line in group) - 2 * last.height


def _is_indented(group: Sequence[Line], line: Line) -> bool:
    return line.left > group[-1].left + 0.6 * line.height and group[-1].left <= min(each.left for each in group) + 1


def _is_heading(group: Sequence[Line], style: _Style) -> bool:
    """Whether lines are set apart by type, short, and worded like a heading."""
    text = " ".join(line.text for line in group)
    if len(text) > _MAX_HEADING or len(group) > 3 or group[0].turned or text.endswith((".", ",", ";")):
        return False
    if not _is_wordy(text) or not (text[0].isupper() or text[0].isdigit()):
        return False
    height = _height(group)
    larger = height > _LARGER * style.height and "=" not in text
    titled = _NUMBERED.match(text) or _NAMED.match(text)
    return larger or (all(line.bold for line in group) and (bool(titled) or len(text) <= 80))


def _height(group: Sequence[Line]) -> float:
    """The size of type of lines: the longest one's, for bits of formulas may be of any size."""
    return max(group, key=lambda line: len(line.chars)).height


def _is_wordy(text: str) -> bool:
    """Whether a text is words rather than signs."""
    letters = sum(char.isalpha() or char == " " for char in text)
    return letters >= _WORDY * len(text) and _LONG_WORD.search(text) is not None


def _level(text: str, height: float, style: _Style) -> int:
    """1 for a title, 2 for a section, deeper by the dots of its number; without one, by its type."""
    numbered = _NUMBERED.match(text)
    if numbered:
        return min(2 + numbered.group(1).count("."), 6)
    if height > _LARGEST * style.height or (height > _LARGER * style.height and height >= 0.98 * style.largest):
        return 1
    return 2 if height > _LARGER * style.height or _NAMED.match(text) else 3


def _paragraph(group: Sequence[Line], style: _Style) -> Paragraph:
    """Lines joined to one text: by a blank, or without their hyphen where a word goes on."""
    chars: list[str] = []
    boxes = Boxes()
    for number, line in enumerate(group):
        if number:
            joint = _joint(group[number - 1], line, style.words)
            chars += joint
            boxes.extend_blank(len(joint))
        chars += line.chars
        boxes.extend(line.boxes)
    if group[-1].hyphen:
        chars.append("-")
        boxes.extend_blank(1)
    text = "".join(chars)
    if _is_heading(group, style):
        return Paragraph(text, boxes, "heading", _level(text, _height(group), style))
    if _is_row(group):
        return Paragraph(text, boxes, "table_row")
    return Paragraph(text, boxes, "list" if _ITEM.match(text) else "paragraph")


def _joint(last: Line, line: Line, words: frozenset[str]) -> str:
    """What stands between two lines of a paragraph: a blank, a hyphen that belongs to the word, or nothing.

    A hyphen at a line end is the word's own when the document writes the word with it elsewhere, when the word has
    another one, before a capital or digit, and between two words of the document; else the typesetter put it there.
    """
    if not last.hyphen:
        return "" if last.text.endswith("-") and not last.text.endswith(" -") else " "
    before, after = _LAST_WORD.search(last.text), _FIRST_WORD.match(line.text)
    if not before or not after:
        return "-"
    left, right = before.group().lower(), after.group().lower()
    if left + right in words:
        return ""
    if f"{left}-{right}" in words or "-" in left + right or not after.group()[0].islower():
        return "-"
    both_words = left in words and right in words and min(len(left), len(right)) >= _WHOLE_WORD
    return "-" if both_words else ""
