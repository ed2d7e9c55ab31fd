"""Words for what a loader leaves out of the user's content: numbers and names in sentences, of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from indexer.wire import one_line

_MOST_RANGES = 20
_MOST_NAMES = 5
_NAME_CHARS = 60


def numbered(noun: str, numbers: Iterable[int]) -> str:
    """The noun with its numbers, those in a row as a range: "page 3", "pages 3-7 and 12"; of very many the first."""
    ranges = _ranges(sorted(set(numbers)))
    n_more = sum(last - first + 1 for first, last in ranges[_MOST_RANGES:])
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_MOST_RANGES]]
    plural = "" if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else "s"
    return f"{noun}{plural} {_listed(parts, n_more)}"


def named(names: Sequence[str]) -> str:
    """Names from the document in quotation marks, shortened, the first few."""
    distinct = list(dict.fromkeys(one_line(name) for name in names))
    shown = [f'"{name if len(name) <= _NAME_CHARS else name[:_NAME_CHARS] + "..."}"' for name in distinct[:_MOST_NAMES]]
    return _listed(shown, len(distinct) - len(shown))


def counted(n: int, noun: str) -> str:
    """So many of something: "1 chart", "3 charts"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """The parts with commas, and "and" before the last."""
    return _listed(parts, 0)


def _listed(parts: Sequence[str], n_more: int) -> str:
    whole = [*parts, f"{n_more:,} more"] if n_more else list(parts)
    return " and ".join([*([", ".join(whole[:-1])] if whole[:-1] else []), *whole[-1:]])


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
