"""Another embedding model for the same documents, without a moment in which searching does not work.

The new vectors are made beside the old ones, some at a time, each kept as soon as it is there, while every search
still uses the old model. When none is missing, one transaction puts them in the place of the old ones. A crash before
that costs the texts of one batch; after it, nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.draft import embedded_text, vector_key
from indexer.embed import Embedder
from indexer.records import STORED_DTYPE, Writing
from indexer.store import Store
from indexer.types import Chunk

BATCH_TEXTS = 256
SHADOW_MODEL = "shadow_model"  # meta: the model that the vectors in the making are of

_WITHOUT = "NOT EXISTS (SELECT 1 FROM shadow_vector WHERE shadow_vector.vector_id = chunk.vector_id)"
_MISSING = f"""SELECT vector_id, start, "end", text, headings FROM chunk
    WHERE vector_id > ? AND {_WITHOUT} GROUP BY vector_id ORDER BY vector_id LIMIT ?"""
_COUNT_MISSING = f"SELECT count(DISTINCT vector_id) FROM chunk WHERE {_WITHOUT}"


@dataclass(slots=True)
class Shadow:
    """The vectors of `embedder` in the making beside those of the store."""

    store: Store
    embedder: Embedder

    def fill(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Makes every vector that is missing, and goes on where an earlier call for the same model stopped."""
        with self.store.write() as writing:
            if writing.meta(SHADOW_MODEL) != self.embedder.name:
                writing.connection.execute("DELETE FROM shadow_vector")
                writing.set_meta(SHADOW_MODEL, self.embedder.name)
            total = int(writing.connection.execute(_COUNT_MISSING).get)
        done, last_id = 0, 0
        while rows := self._missing(last_id):
            self._add(rows)
            done, last_id = done + len(rows), rows[-1][0]
            if progress is not None:
                progress(done, max(total, done))

    def take_over(self) -> None:
        """Puts the new vectors in the place of the old ones, in one transaction; nothing may be added meanwhile.

        What is still missing is made first. The generation rises, so every kept vector index is recognised as old.
        """
        self.fill()
        with self.store.write() as writing:
            _swap(writing)
            writing.set_meta("embedding_model", self.embedder.name)
            writing.set_meta("embedding_dim", str(self.embedder.dim))
            writing.set_meta(SHADOW_MODEL, "")
            writing.mark_changed()

    def _missing(self, after: int) -> list[tuple[int, str]]:
        """(vector, the text it is of) for a batch of those above `after` that have no successor yet."""
        with self.store.read() as reading:
            return [
                (vector_id, embedded_text(Chunk(start, end, text, tuple(json.loads(headings)))))
                for vector_id, start, end, text, headings in reading.connection.execute(_MISSING, (after, BATCH_TEXTS))
            ]

    def _add(self, rows: Sequence[tuple[int, str]]) -> None:
        """Embeds these texts and keeps their vectors, but for those that have been removed meanwhile."""
        vectors = self.embedder.encode([text for _, text in rows]).astype(STORED_DTYPE)
        values = [
            (vector_id, vector_key(self.embedder.name, text), vector.tobytes())
            for (vector_id, text), vector in zip(rows, vectors, strict=True)
        ]
        sql = "INSERT INTO shadow_vector SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM vector WHERE vector_id = ?1)"
        with self.store.write() as writing:
            writing.connection.executemany(sql, values)


def _swap(writing: Writing) -> None:
    """New ids above all old ones, so that no index in memory can mistake one for the other."""
    last_id = writing.last_vector_id()
    execute = writing.connection.execute
    execute("INSERT INTO vector (key, data) SELECT key, data FROM shadow_vector ORDER BY vector_id")
    execute(
        """UPDATE chunk SET vector_id = (SELECT new.vector_id
            FROM shadow_vector JOIN vector AS new ON new.key = shadow_vector.key
            WHERE shadow_vector.vector_id = chunk.vector_id)"""
    )
    execute("DELETE FROM vector WHERE vector_id <= ?", (last_id,))  # its shadow goes with it
