"""reStructuredText: the source characters as they stand; structure by a scan of the source.

Nothing is executed, included or read from elsewhere: directives are only recognised by name, and what would be included
is said to be missing. The grammar is the docutils specification's (sections, literal blocks, grid and simple tables,
doctests, directives).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from indexer.headings import heading_words
from indexer.loaders.decode import decode, title_of
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, to_blocks
from indexer.loaders.missing import named
from indexer.types import BlockKind, Extracted

_RULE = re.compile(r"([!-/:-@[-`{-~])\1+\s*$")
_DIRECTIVE = re.compile(r"\s*\.\. +([\w-]+(?::[\w-]+)*)::")
_INCLUDED = re.compile(r"[ \t]*\.\. +(?:literal)?include::[ \t]*([^<\s][^\n]*)")  # those in <...> are docutils' own
_LITERAL: dict[str, BlockKind] = {
    "math": "formula",
    "code": "code",
    "code-block": "code",
    "sourcecode": "code",
    "highlight": "code",
    "parsed-literal": "code",
    "testcode": "code",
    "doctest": "code",
    "testoutput": "output",
}
_ITEM = re.compile(r"\s*(?:[-*+•]|#\.|\(?(?:\d{1,3}|[A-Za-z])[.)]|:[^:\s][^:]*:)\s")
_GRID_LINE = re.compile(r"\s*\+[-=+]+\+\s*$")
_SIMPLE_LINE = re.compile(r"\s*={2,}(?: +={2,})+\s*$")


def load(name: str, data: bytes) -> Extracted:
    """The text of an RST file; the title is its first section's. Raises LoadError."""
    text = decode(data)
    lines = [line.expandtabs(8) for line in text.split("\n")]
    found = list(_scan(lines))
    headings = ("\n".join(lines[block.first : block.last]) for block in found if block.kind == "heading")
    title = heading_words(next(headings, "")) or title_of(name)
    included = [directive[1] for line in lines if (directive := _INCLUDED.match(line))]
    missing = f"includes {named(included)}: not a part of this document, but one of its own if it is indexed as well"
    return Extracted(text, title, "text/x-rst", line_anchors(text), to_blocks(found, line_starts(text)),
                     (missing,) if included else ())  # fmt: skip


def _scan(lines: Sequence[str]) -> Iterator[LineBlock]:
    styles: list[str] = []  # a section's level is the place at which its style first appeared
    number = 0
    while number < len(lines):
        if not lines[number].strip():
            number += 1
        elif heading := _heading(lines, number, styles):
            yield heading
            number = heading.last
        else:
            blocks, number = _body(lines, number)
            yield from blocks


def _heading(lines: Sequence[str], number: int, styles: list[str]) -> LineBlock | None:
    """The section title that begins at a line, with its underline and overline, or None."""
    over = bool(_RULE.match(lines[number]))
    title, under = lines[number + over : number + over + 1], lines[number + over + 1 : number + over + 2]
    if not title or not under or not title[0].strip() or not _RULE.match(under[0]):
        return None
    if over and lines[number].rstrip() != under[0].rstrip():
        return None
    rule = under[0].rstrip()
    if _RULE.match(title[0]) or len(rule) < min(4, len(title[0].strip())) or (title[0][0].isspace() and not over):
        return None
    style = rule[0] * (1 + over)
    if style not in styles:
        styles.append(style)
    return LineBlock("heading", number, number + over + 2, min(styles.index(style) + 1, 6))


def _end_of_run(lines: Sequence[str], first: int) -> int:
    """The first blank line after `first`."""
    end = first + 1
    while end < len(lines) and lines[end].strip():
        end += 1
    return end


def _body(lines: Sequence[str], first: int) -> tuple[list[LineBlock], int]:
    """The blocks that the run of lines from `first` on begins with, and the line after them."""
    directive = _DIRECTIVE.match(lines[first])
    kind = _LITERAL.get(directive.group(1)) if directive else None
    if kind:
        last = _end_of_indented(lines, first + 1, _indent(lines[first]))
        return [LineBlock(kind, first, last)], last
    end = _end_of_run(lines, first)
    if directive:
        return _rows_or_runs(lines, first, end), end
    if any(_GRID_LINE.match(line) for line in lines[first:end]):
        return list(_grid_rows(lines, first, end)), end
    if _SIMPLE_LINE.match(lines[first]):
        return [LineBlock("table_row", number, number + 1) for number in range(first, end)], end
    if lines[first].lstrip().startswith(">>> "):
        return [LineBlock("code", first, end)], end
    blocks = _rows_or_runs(lines, first, end)
    if lines[end - 1].rstrip().endswith("::"):
        last = _end_of_indented(lines, end, _indent(lines[end - 1]))
        if last > end:
            return [*blocks, LineBlock("code", end, last)], last
    return blocks, end


def _rows_or_runs(lines: Sequence[str], first: int, end: int) -> list[LineBlock]:
    """A run as list items, each with its wrapped lines, or as one paragraph."""
    items = [number for number in range(first, end) if _ITEM.match(lines[number])]
    if not items:
        return [LineBlock("paragraph", first, end)]
    blocks = [LineBlock("paragraph", first, items[0])] if items[0] > first else []
    return blocks + [LineBlock("list", begun, last) for begun, last in zip(items, [*items[1:], end], strict=True)]


def _grid_rows(lines: Sequence[str], first: int, end: int) -> Iterator[LineBlock]:
    """The rows of a grid table; each keeps the rule under it, the first the one above it as well."""
    begun = first
    for number in range(first + 1, end):
        if _GRID_LINE.match(lines[number]):
            yield LineBlock("table_row", begun, number + 1)
            begun = number + 1
    if begun < end:
        yield LineBlock("paragraph", begun, end)


def _end_of_indented(lines: Sequence[str], first: int, indent: int) -> int:
    """The line after the last of the lines from `first` on that are indented deeper than `indent`."""
    last = number = first
    while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) > indent):
        number += 1
        if lines[number - 1].strip():
            last = number
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
