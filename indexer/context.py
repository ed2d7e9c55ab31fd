"""What stands around a place of a text: the passages before and after a hit, and the headings above."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from indexer.records import Reading
from indexer.types import Chunk, Hit

_AROUND = """SELECT ordinal, start, "end", chunk.text, headings FROM chunk JOIN document USING (document_id)
    WHERE document_id = ?1 AND sha256 = ?2 AND ordinal BETWEEN ?3 - ?4 AND ?3 + ?4 AND ordinal != ?3 ORDER BY ordinal"""
_ABOVE = 'SELECT headings FROM chunk WHERE document_id = ?1 AND start <= ?2 AND "end" > ?2'


@dataclass(frozen=True, slots=True)
class Context:
    """A hit's neighbours in its document, in the order of the text."""

    before: tuple[Chunk, ...]
    after: tuple[Chunk, ...]


def context_of(reading: Reading, hit: Hit, n: int) -> Context:
    """Up to `n` chunks on each side; none when the document is gone or no longer the one that was found."""
    ordinal = int(hit.chunk_id.rpartition("-")[2])
    rows: list[Any] = reading.connection.execute(_AROUND, (hit.document_id, hit.sha256, ordinal, n)).fetchall()
    chunks = [(row[0], Chunk(row[1], row[2], row[3], tuple(json.loads(row[4])))) for row in rows]
    return Context(
        tuple(chunk for at, chunk in chunks if at < ordinal), tuple(chunk for at, chunk in chunks if at > ordinal)
    )


def headings_at(reading: Reading, document_id: str, at: int) -> tuple[str, ...]:
    """The headings, outermost first, of the chunk that holds the character `at`; none where there is no such chunk."""
    row = reading.connection.execute(_ABOVE, (document_id, at)).fetchone()
    return () if row is None else tuple(json.loads(str(row[0])))
