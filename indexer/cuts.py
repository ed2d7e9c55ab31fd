"""Where a text may be cut: sentence ends, line ends, blanks; never inside a formula or inline code. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from indexer.types import BlockKind

# The lengths are bounded so that unclosed openings cost linear time.
_WHOLE = re.compile(
    r"(?P<ticks>`+)[^`].{0,400}?(?<!`)(?P=ticks)(?!`)"
    r"|\$\$.{1,2000}?\$\$"
    r"|(?<![\\$])\$(?![\s$]).{0,400}?(?<![\s\\])\$(?!\d)"
    r"|\\\(.{1,400}?\\\)"
    r"|\\\[.{1,2000}?\\\]"
    r"|\\begin\{(?P<name>\w{1,20}\*?)\}.{0,2000}?\\end\{(?P=name)\}",
    re.DOTALL,
)
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]*_]{0,3}(?:\s+|(?<=[。！？]))(?=[^\sa-z])")
_NO_END = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|cf|vs|etc|resp|approx|Figs?|Eqs?|Secs?|Refs?|Tabs?|Ch|No|Dr|Mr|Mrs|Ms|Prof|St|Jr)|\b[A-Z])\.$"
)
_ITEM = re.compile(r"\n[ \t]*(?=(?:[-*+•]|\d{1,3}[.)])[ \t])")
_LINE = re.compile(r"\n")
_BLANK_LINE = re.compile(r"\n[ \t]*\n(?=[ \t]*\S)")
_STATEMENT = re.compile(r"\n[ \t]*\n(?=[^\s)\]}])")
_OUTER_LINE = re.compile(r"\n(?=[^\s)\]}])")
_BLANK = re.compile(r"\s+")


def cut_ranks(text: str, kind: BlockKind) -> Iterator[list[int]]:
    """Positions where a block of that kind may be cut, the best kind of position first, each list ascending.

    Prose is cut at sentence ends, then lines, then blanks; code between statements, then at any line; the rest at
    lines. The last two ranks, blanks and then any character, are for texts that offer nothing better.
    """
    whole = [match.span() for match in _WHOLE.finditer(text)] if kind in ("paragraph", "list") else []
    allowed = _outside(whole)
    if kind == "code":
        for pattern in (_STATEMENT, _BLANK_LINE, _OUTER_LINE):
            yield _ends(pattern, text)
    elif kind in ("paragraph", "list"):
        yield allowed(_ends(_ITEM, text)) if kind == "list" else []
        yield allowed(sentence_ends(text))
    yield allowed(_ends(_LINE, text))
    yield allowed(_ends(_BLANK, text))
    yield allowed(range(1, len(text)))


def sentence_ends(text: str) -> list[int]:
    """Positions where a sentence after the first begins; abbreviations and initials end none."""
    return [
        match.end()
        for match in _SENTENCE_END.finditer(text)
        if not _NO_END.search(text, max(0, match.start() - 12), match.start() + 1)
    ]


def nearest(positions: Sequence[int], low: int, high: int) -> int | None:
    """The position strictly between `low` and `high` that is nearest their middle, or None."""
    first, last = bisect_right(positions, low), bisect_left(positions, high)
    if first >= last:
        return None
    middle = (low + high) // 2
    after = bisect_left(positions, middle, first, last)
    candidates = positions[max(first, after - 1) : min(last, after + 1)]
    return min(candidates, key=lambda position: abs(position - middle))


def _ends(pattern: re.Pattern[str], text: str) -> list[int]:
    return [match.end() for match in pattern.finditer(text)]


def _outside(spans: Sequence[tuple[int, int]]) -> Callable[[Iterable[int]], list[int]]:
    """A filter that keeps the positions that cut none of `spans`."""
    starts = [start for start, _ in spans]

    def keep(positions: Iterable[int]) -> list[int]:
        kept = []
        for position in positions:
            index = bisect_left(starts, position) - 1  # the last span that begins before the position
            if index < 0 or spans[index][1] <= position:
                kept.append(position)
        return kept

    return keep
