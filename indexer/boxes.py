"""Boxes of characters, four numbers each and nothing more: a long PDF has millions of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias, overload

from indexer.types import Box

_EDGES = 4
_A_POINT = 100
_FARTHEST = 2**31 - 1
Edges: TypeAlias = "array[int] | memoryview"


class Boxes(Sequence[Box]):
    """A sequence of boxes in 16 bytes a box, where a tuple of tuples takes 190. Equal to any sequence of equal boxes.

    Edges are kept to a hundredth of a point, up to 21 million points.
    """

    __slots__ = ("edges",)

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        self.edges: Edges = _hundredths(chain.from_iterable(boxes))  # left, top, right, bottom of one after the other

    @classmethod
    def of(cls, edges: Edges) -> Boxes:
        """Boxes with these edges, in hundredths of a point, which it keeps; slices of a memoryview share its memory."""
        made = cls()
        made.edges = edges
        return made

    def append(self, box: Box) -> None:
        self._own.extend(_hundredths(box))

    def extend(self, boxes: Boxes) -> None:
        """Puts the others at the end."""
        self._own.extend(boxes._own)

    def extend_blank(self, n: int) -> None:
        """Puts `n` boxes of zeros at the end."""
        self._own.extend([0] * (_EDGES * n))

    def pop(self) -> None:
        """Takes the last box away."""
        del self._own[-_EDGES:]

    @property
    def _own(self) -> array[int]:
        if not isinstance(self.edges, array):
            raise TypeError("boxes that share their memory cannot change")
        return self.edges

    def __len__(self) -> int:
        return len(self.edges) // _EDGES

    def __iter__(self) -> Iterator[Box]:
        edges = iter([edge / _A_POINT for edge in self.edges])
        return zip(edges, edges, edges, edges, strict=True)

    @overload
    def __getitem__(self, at: int) -> Box: ...

    @overload
    def __getitem__(self, at: slice) -> Boxes: ...

    def __getitem__(self, at: int | slice) -> Box | Boxes:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            if step != 1:
                return Boxes([self[i] for i in range(start, stop, step)])
            return Boxes.of(self.edges[_EDGES * start : _EDGES * max(start, stop)])
        first = _EDGES * range(len(self))[at]
        left, top, right, bottom = (edge / _A_POINT for edge in self.edges[first : first + _EDGES])
        return left, top, right, bottom

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Boxes):
            return self.edges == other.edges
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(tuple.__eq__, self, other))

    def __repr__(self) -> str:
        return f"Boxes({list(self)!r})"


def _hundredths(edges: Iterable[float]) -> array[int]:
    found = [round(edge * _A_POINT) for edge in edges]
    try:
        return array("i", found)
    except OverflowError:
        return array("i", [max(-_FARTHEST, min(edge, _FARTHEST)) for edge in found])


def as_boxes(boxes: Sequence[Box]) -> Boxes:
    """The boxes as they are, if they are Boxes already."""
    return boxes if isinstance(boxes, Boxes) else Boxes(boxes)
