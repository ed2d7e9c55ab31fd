"""What a data folder says, bit for bit, without what depends on the way it came to say it.

Two folders with the same documents have the same dump, whether they were filled at once or through any sequence of
edits, renames, deletes and crashes. Left out: the numbers that rows were given, the times, the count of commits, and
vectors that no chunk uses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from indexer.records import Reading

_DOCUMENTS = """SELECT name, path, title, media_type, sha256, size_bytes, n_chars, n_chunks, uploaded,
        notices, document_id, text, anchors, data
    FROM document JOIN collection USING (collection_id) JOIN document_text USING (document_id) JOIN blob USING (sha256)
    ORDER BY name, path"""
_CHUNKS = """SELECT chunk_id, ordinal, start, "end", text, headings, place, key, data
    FROM chunk JOIN vector USING (vector_id) WHERE document_id = ? ORDER BY ordinal"""


def dump(reading: Reading) -> Iterator[tuple[str, ...]]:
    """The documents in the order of their collections and paths, each followed by its chunks."""
    if reading.counts()[1]:  # an emptied folder still knows its model, a new one not yet
        yield ("embedding", reading.meta("embedding_model") or "", reading.meta("embedding_dim") or "")
    for *facts, document_id, text, anchors, data in reading.connection.execute(_DOCUMENTS):
        yield ("document", json.dumps(facts), _sha256(text.encode("utf-8")), _sha256(anchors), _sha256(data))
        for _, *place, key, vector in reading.connection.execute(_CHUNKS, (document_id,)):
            yield ("chunk", json.dumps(place), key.hex(), _sha256(vector))


def digest(reading: Reading) -> str:
    """sha256 of the dump, in hex: equal for equal documents."""
    total = hashlib.sha256()
    for record in dump(reading):
        total.update(json.dumps(record).encode("ascii") + b"\n")
    return total.hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
