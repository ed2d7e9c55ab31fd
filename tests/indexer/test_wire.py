"""A parser's answer comes back as it was, and nothing else comes back as a document."""

from __future__ import annotations

import json
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import LoadError
from indexer.loaders import load
from indexer.types import Anchor, Block, Extracted
from indexer.wire import Garbled, decode, encode, encode_refusal, one_line
from tests.indexer.loaders.documents import FILES

BOXES = ((0.0, 1.5, 2.25, 3.0), (0.01, 0.1, 612.0, (2**31 - 1) / 100))
WHOLE = Extracted(
    "ab\n\U0001f600",
    "Títle",
    "application/pdf",
    (Anchor(0, 2, page=1, boxes=BOXES), Anchor(2, 4, page=2, line_start=3, line_end=3, cell=7)),
    (Block("heading", 0, 2, 1), Block("paragraph", 2, 4)),
    ("page 3 is an image: “señal” is not read", "2 attached files are not read"),
)


def test_every_field_comes_back() -> None:
    assert decode(encode(WHOLE)) == WHOLE


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_any_document_comes_back(file: tuple[str, bytes]) -> None:
    extracted = load(*file)
    assert decode(encode(extracted)) == extracted


def test_half_a_character_is_refused_before_it_is_sent() -> None:
    with pytest.raises(LoadError, match="not valid Unicode"):
        encode(Extracted("\ud800", "t", "text/plain", (), ()))


def test_a_refusal_keeps_its_kind_and_its_reason_in_one_short_line() -> None:
    assert decode(encode_refusal("LoadError", "no\n\x1b[31mway " + "x" * 9999)) == (
        "LoadError",
        f"no [31mway {'x' * 489}...",
    )


def test_a_reason_is_made_one_line() -> None:
    assert one_line("a\tb\r\nc\u202e\x00 d") == "a b c d"


def altered(**changes: object) -> bytes:
    """The answer for WHOLE with other values in its JSON, by dotted names."""
    answer = encode(WHOLE)
    magic, n_head, n_text, n_boxes = struct.unpack_from("<4sQQQ", answer)
    head = json.loads(answer[28 : 28 + n_head])
    for name, value in changes.items():
        *path, last = name.split("__")
        inside = head
        for key in path:
            inside = inside[key]
        inside[last] = value
    packed = json.dumps(head).encode()
    return struct.pack("<4sQQQ", magic, len(packed), n_text, n_boxes) + packed + answer[28 + n_head :]


def test_the_answer_that_is_altered_in_these_tests_is_right_without_a_change() -> None:
    assert decode(altered()) == WHOLE


@pytest.mark.parametrize(
    "changes",
    [
        {"anchors__start": [0, -1]},
        {"anchors__start": [2, 0]},
        {"anchors__start": [0, 2.0]},
        {"anchors__start": [0, "2"]},
        {"anchors__start": [0, True]},
        {"anchors__start": [0]},
        {"anchors__end": [2, 5]},
        {"anchors__end": [2, 1]},
        {"anchors__page": [1, 2**31]},
        {"anchors__page": [1, {}]},
        {"anchors__boxes": [1, 0]},
        {"anchors__boxes": [2, 2]},
        {"anchors__boxes": [0, 0]},
        {"anchors__n": 10**9},
        {"anchors__n": -1},
        {"anchors__n": "2"},
        {"blocks__kind": ["heading", "script"]},
        {"blocks__level": [1, None]},
        {"blocks__start": None},
        {"blocks": []},
        {"notices": None},
        {"notices": "abc"},
        {"notices": [7]},
        {"notices": [""]},
        {"notices": ["two\nlines"]},
        {"notices": ["\x1b[2J"]},
        {"notices": ["\ud800"]},
        {"notices": ["x" * 501]},
        {"notices": ["page 1"] * 17},
        {"rest__title": 7},
        {"rest__title": "\ud800"},
        {"rest": {}},
    ],
    ids=str,
)
def test_values_that_no_loader_gives_are_garbled(changes: dict[str, object]) -> None:
    with pytest.raises(Garbled):
        decode(altered(**changes))


def test_half_an_edge_is_garbled() -> None:
    answer = encode(WHOLE)
    *lengths, n_boxes = struct.unpack_from("<4sQQQ", answer)
    with pytest.raises(Garbled):
        decode(struct.pack("<4sQQQ", *lengths, n_boxes - 2) + answer[28:-2])


def test_the_boxes_of_a_document_share_its_answer_and_cannot_be_changed() -> None:
    answer = bytearray(encode(WHOLE))
    document = decode(answer)
    assert isinstance(document, Extracted)
    edges = document.anchors[0].boxes.edges  # type: ignore[attr-defined]
    assert (edges.obj, edges.readonly) == (answer, True)


def test_any_other_bytes_are_garbled_or_a_document_and_never_anything_else() -> None:
    rng, answer = random.Random(5), encode(WHOLE)
    for _ in range(3000):
        bytes_ = bytearray(answer)
        for _ in range(rng.choice((1, 2, 8))):
            bytes_[rng.randrange(len(bytes_))] = rng.randrange(256)
        try:
            said = decode(bytes(bytes_[: rng.choice((len(bytes_), rng.randrange(len(bytes_))))]))
        except Garbled:
            continue
        assert isinstance(said, Extracted)
        encode(said)


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_bytes_from_nowhere_are_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        decode(b"DOC3" + data)
