"""Chunking by structure: blocks are packed up to a token budget and cut only where a reader would pause. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from indexer.cuts import cut_ranks, nearest
from indexer.headings import heading_words
from indexer.types import Block, BlockKind, Chunk, Extracted

BUDGET_TOKENS = 160
_SMALL = 12  # below a twelfth of the budget a chunk joins a neighbour: alone, its headings are found and tell nothing
_WHOLE_UP_TO: dict[BlockKind, int] = {"code": 4, "formula": 16, "table_row": 16}  # in budgets; the rest: 1
_SECTION_LEVEL = 2  # headings of this level and above always begin a chunk

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece [start, end) that is never cut, under the headings `path`. `level` is a heading's own, else 0;
    `opens` tells that it announces what follows ("... is computed as:")."""

    start: int
    end: int
    tokens: int
    level: int
    path: tuple[str, ...]
    opens: bool


@dataclass(slots=True)
class _Packed:
    """Units of one chunk in the making."""

    units: list[_Unit] = field(default_factory=list)
    tokens: int = 0

    def add(self, units: Sequence[_Unit]) -> None:
        self.units.extend(units)
        self.tokens += sum(unit.tokens for unit in units)


def chunk(extracted: Extracted, *, count_tokens: CountTokens, budget_tokens: int = BUDGET_TOKENS) -> tuple[Chunk, ...]:
    """Chunks of about `budget_tokens`, in order, without overlap; every character but blanks is in exactly one.

    A heading stands in the chunk of the text that follows it, and one of level 1 or 2 always begins a chunk. Deeper
    sections share a chunk only while it is less than half full. Prose over the budget is cut at sentence ends (never
    inside inline formulas or code), else at lines, else at blanks. A code block, a formula or a table row is kept
    whole and may be a chunk over the budget by itself, with two exceptions that keep garbage from filling memory:
    code over 4 budgets is cut between statements, at blank lines, else at lines; a formula or a row over 16 at lines
    or blanks. A heading may come on top of the budget, and so may what would make a chunk of less than a twelfth of it and
    stands under the same headings as a neighbour. `headings` are those that all of the chunk stands under, outermost
    first. `count_tokens` is taken to be additive over blocks; a budget below 1 raises ValueError.
    """
    if budget_tokens < 1:
        raise ValueError(f"budget_tokens is {budget_tokens}, but a chunk needs at least 1")
    packed: list[_Packed] = []
    for group in _groups(_units(extracted, count_tokens, budget_tokens), budget_tokens):
        if not packed or not _joins(group, packed[-1], budget_tokens):
            packed.append(_Packed())
        packed[-1].add(group)
    return tuple(_close(each, extracted.text) for each in _without_small(packed, budget_tokens))


def _without_small(chunks: Sequence[_Packed], budget_tokens: int) -> Iterator[_Packed]:
    """The chunks, small ones with a neighbour whose section they go on with: the one before, or the one that follows if
    there is no such one or the small one announces it."""
    held: _Packed | None = None
    for current in chunks:
        if held is not None and _goes_on(held, current) and _is_left_over(held, current, budget_tokens):
            held.add(current.units)
        else:
            if held is not None:
                yield held
            held = current
    if held is not None:
        yield held


def _is_left_over(before: _Packed, after: _Packed, budget_tokens: int) -> bool:
    """Whether one of the two is too small for a chunk and belongs to the other."""
    if after.tokens * _SMALL < budget_tokens:
        return not after.units[-1].opens
    return before.tokens * _SMALL < budget_tokens


def _goes_on(before: _Packed, after: _Packed) -> bool:
    """Whether the second stands in the section that the first ends in, and begins none of its own."""
    return not after.units[0].level and after.units[0].path == before.units[-1].path


def _joins(group: Sequence[_Unit], current: _Packed, budget_tokens: int) -> bool:
    """Whether a group of units continues the chunk in the making."""
    level = group[0].level
    if level and (level <= _SECTION_LEVEL or 2 * current.tokens >= budget_tokens):
        return False
    return current.tokens + sum(unit.tokens for unit in group) <= budget_tokens


def _close(packed: _Packed, text: str) -> Chunk:
    start, end = packed.units[0].start, packed.units[-1].end
    paths = [unit.path for unit in packed.units if not unit.level] or [packed.units[0].path]
    return Chunk(start, end, text[start:end], _common_prefix(paths))


def _common_prefix(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    first, last = min(paths), max(paths)  # what these two share, all between them share
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    return first[:shared]


def _groups(units: Iterator[_Unit], budget_tokens: int) -> Iterator[list[_Unit]]:
    """Units that belong together: headings with what follows them, "...:" with the thing it announces."""
    group: list[_Unit] = []
    tokens = 0
    for unit in units:
        if group and not _holds_on(group[-1], unit, tokens, budget_tokens):
            yield group
            group, tokens = [], 0
        group.append(unit)
        tokens += unit.tokens
    if group:
        yield group


def _holds_on(last: _Unit, unit: _Unit, tokens: int, budget_tokens: int) -> bool:
    """Whether a group of `tokens` that ends in `last` takes in the next unit."""
    if last.level and not unit.level:
        return True
    return (last.level > 0 or (last.opens and not unit.level)) and tokens + unit.tokens <= budget_tokens


def _units(extracted: Extracted, count_tokens: CountTokens, budget_tokens: int) -> Iterator[_Unit]:
    """The blocks as units, each under its heading path, oversize ones in pieces."""
    text = extracted.text
    stack: list[tuple[int, str]] = []
    for block in _covering(extracted.blocks, text):
        if block.kind == "heading":
            while stack and stack[-1][0] >= block.level:
                stack.pop()
            stack.append((block.level, heading_words(text[block.start : block.end])))
        path = tuple(words for _, words in stack if words)
        for start, end, tokens in _pieces(text, block, count_tokens, budget_tokens):
            level = block.level if block.kind == "heading" else 0
            opens = block.kind == "paragraph" and text[end - 1] == ":"
            yield _Unit(start, end, tokens, level, path, opens)


def _covering(blocks: Sequence[Block], text: str) -> Iterator[Block]:
    """The blocks without outer blanks and overlaps, and paragraphs for the text that no block covers."""
    done = 0
    for block in sorted(blocks, key=lambda block: block.start):
        start, end = max(block.start, done), min(block.end, len(text))
        if start >= end:
            continue
        yield from _paragraphs(text, done, start)
        yield from _trimmed(text, Block(block.kind, start, end, block.level))
        done = end
    yield from _paragraphs(text, done, len(text))


def _paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    for part in re.finditer(r"(?:(?!\n[ \t]*\n).)+", text[start:end], re.DOTALL):
        yield from _trimmed(text, Block("paragraph", start + part.start(), start + part.end()))


def _trimmed(text: str, block: Block) -> Iterator[Block]:
    """The block without outer blanks, but its first line's indent is kept; nothing for a blank block."""
    body = text[block.start : block.end]
    if not body.strip():
        return
    start = block.start + len(body) - len(body.lstrip())
    end = block.start + len(body.rstrip())
    start = max(block.start, text.rfind("\n", block.start, start) + 1)
    yield Block(block.kind, start, end, block.level)


def _pieces(text: str, block: Block, count_tokens: CountTokens, budget_tokens: int) -> Iterator[tuple[int, int, int]]:
    """The block as (start, end, tokens), whole or halved at the best cuts until every piece fits."""
    tokens = count_tokens(text[block.start : block.end])
    if tokens <= _WHOLE_UP_TO.get(block.kind, 1) * budget_tokens:
        yield block.start, block.end, tokens
        return
    body = text[block.start : block.end]
    ranks = list(cut_ranks(body, block.kind))
    todo = [(0, len(body))]
    while todo:
        low, high = todo.pop()
        tokens = count_tokens(body[low:high])
        cuts = (nearest(rank, low, high) for rank in ranks)
        cut = next((cut for cut in cuts if cut is not None), None) if tokens > budget_tokens else None
        if cut is None:
            stripped = body[low:high]
            start = low + len(stripped) - len(stripped.lstrip())
            if stripped.strip():
                yield block.start + start, block.start + low + len(stripped.rstrip()), tokens
        else:
            todo += [(cut, high), (low, cut)]
