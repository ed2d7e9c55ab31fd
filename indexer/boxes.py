"""Boxes of characters, four numbers each and nothing more: a long PDF has millions of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import overload

from indexer.types import Box

_EDGES = 4


class Boxes(Sequence[Box]):
    """A sequence of boxes in 32 bytes a box, where a tuple of tuples takes 190. Equal to any sequence of equal boxes."""

    __slots__ = ("edges",)

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        self.edges = array("d", chain.from_iterable(boxes))  # left, top, right, bottom of one after the other

    @classmethod
    def of(cls, edges: array[float]) -> Boxes:
        """Boxes with these edges, which it keeps."""
        made = cls()
        made.edges = edges
        return made

    def append(self, box: Box) -> None:
        self.edges.extend(box)

    def pop(self) -> None:
        """Takes the last box away."""
        del self.edges[-_EDGES:]

    def __len__(self) -> int:
        return len(self.edges) // _EDGES

    def __iter__(self) -> Iterator[Box]:
        edges = iter(self.edges)
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
        left, top, right, bottom = self.edges[first : first + _EDGES]
        return left, top, right, bottom

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Boxes):
            return self.edges == other.edges
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(tuple.__eq__, self, other))

    def __repr__(self) -> str:
        return f"Boxes({list(self)!r})"


def as_boxes(boxes: Sequence[Box]) -> Boxes:
    """The boxes as they are, if they are Boxes already."""
    return boxes if isinstance(boxes, Boxes) else Boxes(boxes)
