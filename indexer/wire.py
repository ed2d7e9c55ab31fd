"""What a parser process answers, as bytes that its reader need not trust.

Little-endian: magic, then the lengths of three sections, then the sections: a JSON object, the text in UTF-8, and the
edges of the boxes as int32, in hundredths of a point. The JSON holds the rest of an Extracted by the names of its
fields; anchors and blocks by column, a column of equal values as that value. Reading checks every type against the
field's own, and every range, and takes so many notices of so many characters only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import le
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from indexer.boxes import Boxes, Edges, as_boxes
from indexer.errors import LoadError
from indexer.types import Anchor, Block, Extracted

_HEADER = struct.Struct("<4sQQQ")
_DOCUMENT, _REFUSAL = b"DOC3", b"ERR1"
_HEAD_LIMIT = 64 << 20  # JSON grows when it is read, up to twentyfold
_LARGEST = 2**31 - 1  # of a page, a line, an offset
_EDGE_BYTES = 4
_FEW = 1 << 20  # rows are about parts of the text, but some parts may be empty
_REASON_CHARS = 500
_APART = ("text", "anchors", "blocks", "notices")
MAX_NOTICES = 16
MAX_NOTICE_CHARS = 500

T = TypeVar("T", Anchor, Block)


class Garbled(Exception):
    """The bytes are no answer that a parser of ours gives."""


def encode(extracted: Extracted) -> bytes:
    """A document as bytes. Raises LoadError for a text that is not valid Unicode."""
    rest = {field.name: getattr(extracted, field.name) for field in fields(Extracted) if field.name not in _APART}
    anchors = _columns(Anchor, extracted.anchors)
    anchors["boxes"] = [len(anchor.boxes) for anchor in extracted.anchors]
    boxes = [as_boxes(anchor.boxes).edges for anchor in extracted.anchors]
    blocks = _packed(_columns(Block, extracted.blocks))
    head = {"rest": rest, "anchors": _packed(anchors), "blocks": blocks, "notices": extracted.notices}
    try:
        text = extracted.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LoadError("holds characters that are not valid Unicode; save it again as UTF-8") from error
    return _framed(_DOCUMENT, json.dumps(head).encode("ascii"), text, *boxes)


def encode_refusal(kind: str, reason: str) -> bytes:
    """The name of an error's class and its reason as bytes."""
    return _framed(_REFUSAL, json.dumps({"kind": kind, "reason": reason}).encode("ascii"))


def decode(answer: bytes | bytearray) -> Extracted | tuple[str, str]:
    """The document, or (kind, reason) of a refusal, the reason in one printable line. Raises Garbled.

    The document's boxes share the answer's memory.
    """
    try:
        return _decoded(memoryview(answer).toreadonly())
    except (ValueError, TypeError, KeyError, struct.error, RecursionError) as error:
        raise Garbled(f"{type(error).__name__}: {error}") from error


def checked_notices(values: object) -> tuple[str, ...]:
    """The notices in `values` as JSON gives them: few, short, each in one printable line. Raises ValueError."""
    if not isinstance(values, list) or len(values) > MAX_NOTICES:
        raise ValueError("the notices are no list, or too many")
    if not all(
        isinstance(each, str) and 0 < len(each) <= MAX_NOTICE_CHARS and one_line(each) == each for each in values
    ):
        raise ValueError("a notice is no short line of text")
    return tuple(values)


def one_line(text: str) -> str:
    """The text without control characters and cut to what a report can hold."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * _REASON_CHARS]).split())
    return line if len(line) <= _REASON_CHARS else f"{line[:_REASON_CHARS]}..."


def _framed(magic: bytes, head: bytes, text: bytes = b"", *boxes: Edges) -> bytes:
    n_boxes = sum(_EDGE_BYTES * len(edges) for edges in boxes)
    return b"".join([_HEADER.pack(magic, len(head), len(text), n_boxes), head, text, *boxes])


def _columns(kind: type[T], rows: Sequence[T]) -> dict[str, list[Any]]:
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(kind) if field.name != "boxes"}


def _packed(columns: dict[str, list[Any]]) -> dict[str, Any]:
    n = len(next(iter(columns.values())))
    return {"n": n, **{name: c[0] if n and c.count(c[0]) == n else c for name, c in columns.items()}}


def _decoded(answer: memoryview) -> Extracted | tuple[str, str]:
    magic, n_head, n_text, n_boxes = _HEADER.unpack_from(answer)
    if _HEADER.size + n_head + n_text + n_boxes != len(answer) or n_head > _HEAD_LIMIT:
        raise ValueError("the lengths do not agree")
    text_at, boxes_at = _HEADER.size + n_head, _HEADER.size + n_head + n_text
    head = json.loads(bytes(answer[_HEADER.size : text_at]))
    if magic == _REFUSAL:
        return _string(head["kind"]), one_line(_string(head["reason"]))
    if magic != _DOCUMENT:
        raise ValueError(f"unknown magic {magic!r}")
    text = str(answer[text_at:boxes_at], "utf-8")
    anchors = _anchors(head["anchors"], answer[boxes_at:].cast("i"), len(text))
    blocks = tuple(map(Block, *_checked(Block, head["blocks"], len(text)).values()))
    notices = checked_notices(head["notices"])
    return Extracted(**{**_rest(head["rest"]), "text": text, "anchors": anchors, "blocks": blocks, "notices": notices})


def _anchors(packed: dict[str, Any], boxes: memoryview, n_chars: int) -> tuple[Anchor, ...]:
    """The anchors, each with its share of the boxes."""
    columns = _checked(Anchor, packed, n_chars)
    if not all(map(le, columns["start"], columns["start"][1:])):
        raise ValueError("anchors are out of order")
    counts = columns["boxes"]
    if any(
        count not in (0, end - start)
        for start, end, count in zip(columns["start"], columns["end"], counts, strict=True)
    ):
        raise ValueError("boxes and characters do not agree")
    if 4 * sum(counts) != len(boxes):
        raise ValueError("the number of boxes does not agree")
    every, done, shares = Boxes.of(boxes), 0, []
    for count in counts:
        shares.append(every[done : done + count])
        done += count
    columns["boxes"] = shares
    return tuple(map(Anchor, *columns.values()))


def _checked(kind: type[T], packed: dict[str, Any], n_chars: int) -> dict[str, list[Any]]:
    """The columns in the order of the fields, each as long as the others and of its field's type."""
    n = packed["n"]
    if type(n) is not int or not 0 <= n <= max(n_chars, _FEW):
        raise ValueError(f"{n!r} rows")
    columns: dict[str, list[Any]] = {}
    for name, allowed in _types(kind).items():
        value = packed[name]
        column = value if isinstance(value, list) else [value] * n
        if len(column) != n or not _fits(column, allowed):
            raise ValueError(f"column {name!r} does not fit")
        columns[name] = column
    if n and (min(columns["start"]) < 0 or max(columns["end"]) > n_chars):
        raise ValueError("a range is out of the text")
    if not all(map(le, columns["start"], columns["end"])):
        raise ValueError("a range ends before it starts")
    return columns


def _fits(column: Iterable[Any], allowed: frozenset[Any]) -> bool:
    """Whether each value is of one of the types, or one of the words, in `allowed`; numbers are 0 to 2^31 - 1."""
    values = set(column)
    numbers = [value for value in values if type(value) in (int, float)]
    if not all(0 <= number <= _LARGEST for number in numbers):
        return False
    return all(type(value) in allowed or (type(value) is str and value in allowed) for value in values)


def _types(kind: type) -> dict[str, frozenset[Any]]:
    """By field: the types that its values may have, or the words; the boxes are counted."""
    hints = get_type_hints(kind)
    return {
        field.name: frozenset({int}) if field.name == "boxes" else frozenset(_alternatives(hints[field.name]))
        for field in fields(kind)
    }


def _alternatives(hint: Any) -> Iterable[Any]:
    if get_origin(hint) is Literal or isinstance(hint, UnionType):
        return [
            part
            for each in get_args(hint)
            for part in ([each] if isinstance(each, (str, type)) else _alternatives(each))
        ]
    return [hint] if hint in (int, str, float, bool, NoneType) else []


def _rest(values: dict[str, Any]) -> dict[str, Any]:
    """The plain fields of the document."""
    names = [field.name for field in fields(Extracted) if field.name not in _APART]
    hints = get_type_hints(Extracted)
    if any(not _fits([values[name]], frozenset(_alternatives(hints[name]))) for name in names):
        raise ValueError("a field does not fit")
    rest = {name: values[name] for name in names}
    for value in rest.values():
        if isinstance(value, str):
            value.encode("utf-8")
    return rest


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in the place of a string")
    return value
