"""Whoever changes how documents are read has to say so, or indexes that exist would not equal ones made afresh."""

from __future__ import annotations

import hashlib

from indexer.chunk import chunk
from indexer.loaders import load
from indexer.places import pack_anchors
from indexer.records import READ_AS
from tests.indexer.fuzz.seeds import PARSERS

KINDS = ("md", "txt", "rst", "html", "ipynb", "tex", "py", "c", "js", "csv", "srt", "vtt", "docx")
BODY = b"\n\nOne more paragraph of words.\n\nSmall.\n\nAnother paragraph that goes on for a while, so that it is cut.\n"


def digest() -> str:
    """sha256 of what the loaders and the chunker make of one small file of each kind."""
    total = hashlib.sha256()
    for kind in KINDS:
        parser = PARSERS[kind]
        data = parser.seeds[0] + (BODY if kind in ("md", "txt", "rst") else b"")
        extracted = load(f"a{parser.suffix}", data)
        chunks = chunk(extracted, count_tokens=lambda text: len(text.split()), budget_tokens=24)
        total.update(repr((extracted.text, extracted.title, extracted.notices, chunks)).encode())
        total.update(pack_anchors(extracted.anchors))
    return total.hexdigest()[:16]


def test_a_change_of_what_is_read_raises_its_number() -> None:
    known = {3: "515018a2f0228f6b"}
    assert known[READ_AS] == digest(), (
        "the same bytes are read otherwise than before: raise READ_AS in indexer/records.py, so that the next sync reads what "
        "is stored again, and put the new digest here under the new number"
    )
