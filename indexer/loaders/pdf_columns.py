"""Two columns of text on a PDF page, read one after the other, whatever the order in which the page draws them. Pure.

Most programs draw a column at a time, and PDFium keeps that order. Some draw across the page, line by line: then each
line holds the words of both columns. Such a page has a gutter, a strip that hardly any line crosses, with running
words on both sides; a table has short cells there, and a list of contents has numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from indexer.loaders.pdf_page import Line

_GAP = 0.9  # times the height of type: wider than between words
_BIN = 2.0  # points
_MIDDLE = (0.3, 0.7)  # of the width of the text: where the gutter is looked for
_MAX_CROSSING = 0.2  # share of the lines that may cross the gutter: titles, wide figures
_MIN_LINES = 6  # of each column
_MIN_CHARS = 15  # of a column's usual line
_WORDY = 0.7  # share of letters and blanks in a column
_SWITCHES = 5  # from one column to the other, from which on the order is taken to be wrong

_Span = tuple[float, float]


def in_columns(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page in reading order; as they are where there are no two columns, or they are in order."""
    upright = [line for line in lines if not line.turned and line.right > line.left]
    gutter = _gutter(upright)
    if gutter is None:
        return list(lines)
    pieces = [piece for line in upright for piece in _split(line, gutter)]
    sides = [_side(piece, gutter) for piece in pieces]
    columns = [[piece for piece, side in zip(pieces, sides, strict=True) if side == wanted] for wanted in (-1, 1)]
    if not all(_is_running_text(column) for column in columns):
        return list(lines)
    within = [side for piece, side in zip(pieces, sides, strict=True) if side and len(piece.chars) >= _MIN_CHARS]
    if sum(a != b for a, b in pairwise(within)) < _SWITCHES:
        return list(lines)
    return _ordered(pieces, gutter) + [line for line in lines if line.turned or line.right <= line.left]


def _is_running_text(column: Sequence[Line]) -> bool:
    """Whether the lines of a column are many, long and mostly letters, as those of a table's cells are not."""
    if len(column) < _MIN_LINES or median(len(line.chars) for line in column) < _MIN_CHARS:
        return False
    letters = sum(char.isalpha() or char == " " for line in column for char in line.chars)
    return letters >= _WORDY * sum(len(line.chars) for line in column)


def _gutter(lines: Sequence[Line]) -> _Span | None:
    """The widest strip near the middle that few lines cross, or None."""
    if len(lines) < _MIN_LINES:
        return None
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    n_bins = int((right - left) / _BIN) + 1
    changes = [0] * (n_bins + 1)  # of the number of lines with ink, from one bin to the next
    for line in lines:
        for start, end in _ink(line):
            changes[int((start - left) / _BIN)] += 1
            changes[min(int((end - left) / _BIN) + 1, n_bins)] -= 1
    n_crossing, best, begun = 0, (0, 0), None
    first, last = int(_MIDDLE[0] * n_bins), int(_MIDDLE[1] * n_bins)
    for number in range(n_bins):
        n_crossing += changes[number]
        is_free = first <= number < last and n_crossing <= _MAX_CROSSING * len(lines)
        begun = (number if begun is None else begun) if is_free else None
        if begun is not None and number + 1 - begun > best[1] - best[0]:
            best = (begun, number + 1)
    height = median(line.height for line in lines)
    if (best[1] - best[0]) * _BIN < _GAP * height:
        return None
    return left + best[0] * _BIN, left + best[1] * _BIN


def _ink(line: Line) -> list[_Span]:
    """The stretches of a line that hold words, apart by more than a blank."""
    spans: list[_Span] = []
    for box in line.boxes:
        if box[2] <= box[0]:
            continue
        if spans and box[0] - spans[-1][1] <= _GAP * line.height:
            spans[-1] = (spans[-1][0], max(spans[-1][1], box[2]))
        else:
            spans.append((box[0], box[2]))
    return [(max(start, line.left), end) for start, end in spans]


def _side(line: Line, gutter: _Span) -> int:
    """-1 for the left column, 1 for the right one, 0 for a line that stands in both."""
    middle = (gutter[0] + gutter[1]) / 2
    return -1 if line.right <= middle else 1 if line.left >= middle else 0


def _split(line: Line, gutter: _Span) -> list[Line]:
    """The line, or its parts on both sides of the gutter if none of its words stands in the gutter."""
    middle = (gutter[0] + gutter[1]) / 2
    if _side(line, gutter) or any(start < middle < end for start, end in _ink(line)):
        return [line]
    shown = [number for number, box in enumerate(line.boxes) if box[2] > box[0]]
    cut = next(number for number in shown if line.boxes[number][0] >= middle)
    if any(line.boxes[number][0] < middle for number in shown if number > cut):
        return [line]
    return [_part(line, 0, cut), _part(line, cut, len(line.chars))]


def _part(line: Line, start: int, end: int) -> Line:
    """A stretch of a line as a line: without outer blanks, and without the hyphen at the end of a broken word."""
    while start < end and line.chars[start] == " ":
        start += 1
    while start < end and line.chars[end - 1] == " ":
        end -= 1
    is_broken = end - start > 1 and line.chars[end - 1] == "-" and line.chars[end - 2].isalpha()
    whole = end == len(line.chars)
    stop = end - 1 if is_broken and not whole else end
    hyphen = line.hyphen if whole else is_broken
    return Line(line.chars[start:stop], line.boxes[start:stop], line.indices[start:stop], hyphen, line.bold)


def _ordered(pieces: Sequence[Line], gutter: _Span) -> list[Line]:
    """From the top: each line across both columns, and between two of them the left column, then the right one."""
    ordered: list[Line] = []
    band: list[Line] = []
    for piece in sorted(pieces, key=lambda piece: (piece.bottom, piece.left)):
        if _side(piece, gutter):
            band.append(piece)
        else:
            ordered += [*sorted(band, key=lambda piece: _side(piece, gutter)), piece]
            band = []
    return ordered + sorted(band, key=lambda piece: _side(piece, gutter))
