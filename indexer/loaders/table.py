"""Tables in text files (.csv, .tsv): rows in groups, each group under the table's header, each row with its line.

A row says little without the names of its columns, so the header is written again above each group; its place is
always the first line. Format: RFC 4180, with comma, semicolon or tab between cells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import decode, title_of
from indexer.types import Anchor, Block, Extracted

_GROUP_CHARS = 500  # about one passage
_GROUP_HEADERS = 2  # a group's rows take at least so many times the header's space: the text at most doubles
_SNIFFED_LINES = 20
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?%?$")
_CELL_SEPARATOR = " | "

_Row = tuple[int, int, str]  # first and last line, words


def load(name: str, data: bytes) -> Extracted:
    """The rows of a table, cells apart by " | ", blank rows left out; raises LoadError."""
    text = decode(data)
    is_tabbed = PurePosixPath(name.lower()).suffix == ".tsv"
    rows = list(_rows(text, "\t" if is_tabbed else _separator(text)))
    if not rows:
        raise EmptyDocument("the table has no cell with text")
    header = rows[0] if len(rows) > 1 and _is_header(rows[0][2], rows[1][2]) else None
    parts: list[str] = []
    anchors: list[Anchor] = []
    blocks: list[Block] = []
    n_chars = 0
    for group in _groups(rows[1:] if header else rows, header):
        start = n_chars
        for number, (first, last, words) in enumerate(group, 1):
            parts.append(words + ("\n" if number < len(group) else "\n\n"))
            anchors.append(Anchor(n_chars, n_chars + len(parts[-1]), line_start=first, line_end=last))
            n_chars += len(parts[-1])
        blocks.append(Block("table_row", start, n_chars))
    media_type = "text/tab-separated-values" if is_tabbed else "text/csv"
    return Extracted("".join(parts), title_of(name), media_type, tuple(anchors), tuple(blocks))


def _separator(text: str) -> str:
    """The character that splits the first lines that are not blank most evenly into the most cells."""
    written = (line for line in text.split("\n") if line.strip())
    head = list(islice(written, _SNIFFED_LINES))
    counts = {sign: [line.count(sign) for line in head] for sign in ",;\t"}
    return max(counts, key=lambda sign: (min(counts[sign], default=0), counts[sign][:1]))


def _rows(text: str, separator: str) -> Iterator[_Row]:
    reader = csv.reader((line + "\n" for line in text.split("\n")), delimiter=separator)
    last = 0
    try:
        for cells in reader:
            first, last = last + 1, reader.line_num
            words = _CELL_SEPARATOR.join(" ".join(cell.split()) for cell in cells).rstrip(" |")
            if words:
                yield first, last, words
    except csv.Error as error:
        raise LoadError(
            f"the table cannot be read from line {last + 1} on ({error}): is a quote not closed?"
        ) from error


def _is_header(first: str, second: str) -> bool:
    """Whether the first row names columns: no number in it, no cell empty or twice, unless it is like the second."""
    names = first.split(_CELL_SEPARATOR)
    if len(set(names)) < len(names) or not all(names) or any(_NUMBER.match(name) for name in names):
        return False
    return len(names) > 1 or bool(_NUMBER.match(second))


def _groups(rows: Sequence[_Row], header: _Row | None) -> Iterator[list[_Row]]:
    """Rows in groups of about a passage, each begun by the header."""
    begun = [header] if header else []
    budget = max(_GROUP_CHARS, _GROUP_HEADERS * len(header[2]) if header else 0)
    group, size = list(begun), 0
    for row in rows:
        if size and size + len(row[2]) > budget:
            yield group
            group, size = list(begun), 0
        group.append(row)
        size += len(row[2])
    if size or not rows:
        yield group
