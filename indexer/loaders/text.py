"""Plain text: the characters as they stand, paragraphs by blank lines."""

from __future__ import annotations

from indexer.loaders.decode import decode, title_of
from indexer.loaders.lines import LineBlock, line_anchors, line_starts, paragraphs, to_blocks
from indexer.types import Extracted

_WRAPPED_AT_MOST = 200  # characters; a longer line is a paragraph that its editor did not wrap


def load(name: str, data: bytes) -> Extracted:
    """The text of a plain text file, verbatim but for its line ends; raises LoadError."""
    text = decode(data)
    lines = text.split("\n")
    blocks = [part for block in paragraphs(lines) for part in _unwrapped(block, lines)]
    return Extracted(text, title_of(name), "text/plain", line_anchors(text), to_blocks(blocks, line_starts(text)))


def _unwrapped(block: LineBlock, lines: list[str]) -> list[LineBlock]:
    """The block, or one block a line where the lines are whole paragraphs."""
    if all(len(line) <= _WRAPPED_AT_MOST for line in lines[block.first : block.last]):
        return [block]
    return [LineBlock(block.kind, number, number + 1) for number in range(block.first, block.last)]
