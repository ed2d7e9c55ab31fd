"""Lines of a text: where they begin, their anchors, and blocks given as line ranges.

A line ends at "\\n" and nowhere else (not at form feeds or U+2028), so that numbers agree with every editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexer.types import Anchor, Block, BlockKind

_NEWLINE = re.compile(r"\n")


@dataclass(frozen=True, slots=True)
class LineBlock:
    """A block that covers the lines [first, last) of a text, both from 0."""

    kind: BlockKind
    first: int
    last: int
    level: int = 0


def line_starts(text: str) -> list[int]:
    """Offset of the first character of each line, and at the end `len(text)`; the last line may lack its "\\n"."""
    starts = [0]
    starts.extend(match.end() for match in _NEWLINE.finditer(text))
    if starts[-1] != len(text):
        starts.append(len(text))
    return starts


def line_anchors(text: str, first_line: int = 1) -> tuple[Anchor, ...]:
    """One anchor a line, its "\\n" included; line 1 of `text` is line `first_line` of the source file."""
    starts = line_starts(text)
    return tuple(
        Anchor(start, end, line_start=number, line_end=number)
        for number, (start, end) in enumerate(pairwise(starts), first_line)
    )


def to_blocks(found: Iterable[LineBlock], starts: Sequence[int], offset: int = 0) -> tuple[Block, ...]:
    """Character blocks, in order and without overlap, of line blocks; a later block loses the lines it shares.

    `starts` are the line starts of the text; `offset` is added to every character position.
    """
    blocks: list[Block] = []
    done = 0
    for block in sorted(found, key=lambda block: (block.first, block.last)):
        first, last = max(block.first, done), min(block.last, len(starts) - 1)
        if first >= last:
            continue
        blocks.append(Block(block.kind, starts[first] + offset, starts[last] + offset, block.level))
        done = last
    return tuple(blocks)


def paragraphs(lines: Sequence[str], kind: BlockKind = "paragraph", first: int = 0) -> list[LineBlock]:
    """Runs of non-blank lines as blocks; `first` is the number, from 0, of the first line."""
    found: list[LineBlock] = []
    begun: int | None = None
    for number, line in enumerate(lines, first):
        if line.strip():
            begun = number if begun is None else begun
        elif begun is not None:
            found.append(LineBlock(kind, begun, number))
            begun = None
    if begun is not None:
        found.append(LineBlock(kind, begun, first + len(lines)))
    return found
