"""From a character range of an extracted text to its place in the source file, and anchors as compact bytes.

Packed form, little-endian: magic, number of anchors n, bytes of the table, then the table (zlib; n records of seven
int32: start, end, page, line_start, line_end, cell, bytes of boxes; 0 stands for None), then for each anchor with
boxes its (end - start, 4) float32 array (zlib). The arrays are packed one by one so that a place on one page of a
long PDF costs one page.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from indexer.boxes import Boxes, as_boxes
from indexer.errors import StoreCorrupt
from indexer.types import Anchor, Box, Place

_MAGIC = b"ANC1"
_HEADER = struct.Struct("<4sII")
_FIELDS = 7
_A_POINT = 100  # boxes keep hundredths, which float32 tells apart to beyond 100,000 points


def place(anchors: Sequence[Anchor], start: int, end: int) -> Place:
    """Where the characters [start, end) stand; `anchors` are in order, as loaders make them.

    An empty range is the character at `start`. The page is the first in the range that shows any of it. O(log n).
    """
    touched = anchors[_first(anchors, start) : _first(anchors, max(end, start + 1) - 1) + 1]
    if not touched:
        return Place()
    first, last = touched[0], touched[-1]
    page, boxes = first.page, None
    if page is not None:
        page, boxes = _first_visible(touched, start, max(end, start + 1))
    return Place(page, boxes, first.line_start, last.line_end, first.cell)


def pack_anchors(anchors: Sequence[Anchor]) -> bytes:
    """The anchors as bytes; boxes keep two decimals."""
    blobs = [_pack_boxes(anchor.boxes) for anchor in anchors]
    table = np.array(
        [
            (a.start, a.end, a.page or 0, a.line_start or 0, a.line_end or 0, a.cell or 0, len(blob))
            for a, blob in zip(anchors, blobs, strict=True)
        ],
        dtype="<i4",
    ).reshape(len(anchors), _FIELDS)
    # By column, as differences: consecutive lines become runs of equal small numbers, which zlib is good at.
    deltas = np.diff(table, axis=0, prepend=np.zeros((1, _FIELDS), dtype="<i4")).astype("<i4")
    packed = zlib.compress(deltas.T.tobytes(), 6)
    return b"".join([_HEADER.pack(_MAGIC, len(anchors), len(packed)), packed, *blobs])


def unpack_anchors(packed: bytes) -> tuple[Anchor, ...]:
    """The anchors that `pack_anchors` packed; raises StoreCorrupt for other bytes."""
    table, body = _table(packed)
    return tuple(_anchor(table, row, packed, body) for row in range(len(table)))


def place_packed(packed: bytes, start: int, end: int) -> Place:
    """`place(unpack_anchors(packed), start, end)`, unpacking only the anchors that the range touches."""
    table, body = _table(packed)
    if not len(table):
        return Place()
    ends = table[:, 1]
    last_row = len(table) - 1
    first = min(int(np.searchsorted(ends, start, side="right")), last_row)
    last = min(int(np.searchsorted(ends, max(end, start + 1) - 1, side="right")), last_row)
    return place([_anchor(table, row, packed, body) for row in range(first, last + 1)], start, end)


def _first(anchors: Sequence[Anchor], position: int) -> int:
    """Index of the anchor that holds `position`; beyond the last one, the last."""
    return min(bisect_right(anchors, position, key=lambda anchor: anchor.end), max(len(anchors) - 1, 0))


def _first_visible(anchors: Sequence[Anchor], start: int, end: int) -> tuple[int | None, tuple[Box, ...]]:
    """The first page that shows any character of [start, end), and its line boxes; else the first page and none."""
    for anchor in anchors:
        boxes = line_boxes(anchor.boxes[max(start - anchor.start, 0) : max(end - anchor.start, 0)])
        if boxes:
            return anchor.page, boxes
    return anchors[0].page, ()


def line_boxes(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """One box a line of text, around the character boxes in reading order; boxes without area are skipped.

    A character continues the line beside which it stands (raised and lowered signs overlap it, the next column is
    too far), or the line of turned text below or above whose last character it stands.
    """
    lines: list[Box] = []
    last: Box | None = None
    for box in boxes:
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        if last and (_is_beside(lines[-1], box) or _is_along(lines[-1], last, box)):
            line = lines[-1]
            lines[-1] = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
        else:
            lines.append(box)
        last = box
    return tuple(lines)


def _is_beside(line: Box, box: Box) -> bool:
    shared = min(line[3], box[3]) - max(line[1], box[1])
    gap = max(line[0], box[0]) - min(line[2], box[2])
    height = line[3] - line[1]
    return shared >= min(height, box[3] - box[1]) / 2 and gap <= 3 * height


def _is_along(line: Box, last: Box, box: Box) -> bool:
    """Whether a character goes on with a line that runs up or down, which is still as narrow as its characters."""
    width = max(last[2] - last[0], box[2] - box[0])
    shared = min(last[2], box[2]) - max(last[0], box[0])
    gap = max(last[1], box[1]) - min(last[3], box[3])
    return line[2] - line[0] <= 1.5 * width and shared >= width / 2 and gap <= width / 4


def _pack_boxes(boxes: Sequence[Box]) -> bytes:
    if not len(boxes):
        return b""
    edges = np.frombuffer(as_boxes(boxes).edges, np.intc) / _A_POINT
    return zlib.compress(edges.astype("<f4").reshape(-1, 4).T.tobytes(), 6)


def _unpack_boxes(packed: bytes) -> Boxes:
    columns = np.frombuffer(zlib.decompress(packed), dtype="<f4").reshape(4, -1).astype(np.float64)
    edges = np.rint(columns * _A_POINT).T.astype(np.intc)
    return Boxes.of(edges.ravel().data)


def _table(packed: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The (n, 7) records, and (n + 1,) offsets of the packed boxes within `packed`."""
    try:
        magic, n_anchors, size = _HEADER.unpack_from(packed)
        deltas = np.frombuffer(zlib.decompress(packed[_HEADER.size : _HEADER.size + size]), dtype="<i4")
        if magic != _MAGIC:
            raise ValueError(f"magic {magic!r}")
        table = np.cumsum(deltas.reshape(_FIELDS, n_anchors).T, axis=0)
    except (struct.error, zlib.error, ValueError) as error:
        raise StoreCorrupt(f"stored anchors are damaged ({error}): index the document again") from error
    offsets = np.concatenate([[0], np.cumsum(table[:, -1])]) + _HEADER.size + size
    return table, offsets


def _anchor(table: np.ndarray, row: int, packed: bytes, offsets: np.ndarray) -> Anchor:
    start, end, page, line_start, line_end, cell, n_bytes = (int(value) for value in table[row])
    boxes = _unpack_boxes(packed[offsets[row] : offsets[row] + n_bytes]) if n_bytes else ()
    return Anchor(start, end, page or None, line_start or None, line_end or None, cell or None, boxes)
