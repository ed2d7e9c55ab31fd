"""What is kept, as plain functions of a transaction: documents, chunks, vectors, and the SQL they need."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt

from indexer.errors import CollectionNotFound, DocumentNotFound
from indexer.types import Chunk, Collection, Document, Hit, InPart, Place

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
STORED_DTYPE = np.dtype("<f2")  # half the space; the cosine of a unit vector to its float16 self is > 0.9999995

_DOCUMENT = """SELECT document_id, name, path, title, media_type, sha256, size_bytes, n_chars, n_chunks, indexed_at,
        notices
    FROM document JOIN collection USING (collection_id)"""
PUT_WORDS = "INSERT INTO chunk_fts (rowid, text, headings, title) VALUES (?, ?, ?, ?)"
READ_AS = 3  # raised whenever a loader or the chunker gives something else for the same bytes (tests/indexer/test_read_as.py)
_KNOWN = f"SELECT document_id, path, sha256, size_bytes, mtime_ns, uploaded, read_as < {READ_AS} FROM document"
_IN_PART = "notices <> '[]'"  # of what is not known, NULL, this is not true


@dataclass(frozen=True, slots=True)
class Draft:
    """A document ready to be stored. Parallel to `chunks`: `places`, `texts` to embed, `keys` of their vectors."""

    path: str
    title: str
    media_type: str
    data: bytes
    sha256: str
    mtime_ns: int | None
    text: str
    anchors: bytes
    chunks: tuple[Chunk, ...]
    places: tuple[Place, ...]
    texts: tuple[str, ...]
    keys: tuple[bytes, ...]
    uploaded: bool
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What a sync needs to know of a stored document."""

    document_id: str
    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int | None
    uploaded: int  # 1: by upload
    outdated: int = 0  # 1: read by a version that would read it otherwise today


class Reading:
    """Queries inside one transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def meta(self, key: str) -> str | None:
        """A setting of the data folder."""
        value: str | None = self._value("SELECT value FROM meta WHERE key = ?", key)
        return value

    def generation(self) -> int:
        """The number of commits that changed what a search can see."""
        return int(self.meta("generation") or 0)

    def collection_id(self, name: str) -> int:
        """Raises CollectionNotFound."""
        found = self._value("SELECT collection_id FROM collection WHERE name = ?", name)
        if found is None:
            names = ", ".join(c.name for c in self.collections()) or "none yet"
            raise CollectionNotFound(f"no collection named {name!r} (there are: {names}); index files into it first")
        return int(found)

    def collections(self) -> tuple[Collection, ...]:
        """All collections, by name."""
        sql = """SELECT name, count(document_id), coalesce(sum(n_chunks), 0)
            FROM collection LEFT JOIN document USING (collection_id) GROUP BY collection_id ORDER BY name"""
        return tuple(Collection(*row) for row in self.connection.execute(sql))

    def documents(self, collection_id: int | None = None) -> tuple[Document, ...]:
        """Documents of one collection or of all, by collection and path."""
        sql = f"{_DOCUMENT} WHERE ?1 IS NULL OR collection_id = ?1 ORDER BY name, path"
        return tuple(_document(row) for row in self.connection.execute(sql, (collection_id,)))

    def in_part(self, collection_id: int) -> tuple[InPart, ...]:
        """The documents of a collection that were read in part, by path."""
        sql = f"SELECT path, notices FROM document WHERE collection_id = ? AND {_IN_PART} ORDER BY path"
        found = self.connection.execute(sql, (collection_id,))
        return tuple(InPart(path, unpack_notices(notices)) for path, notices in found)

    def n_in_part(self) -> int:
        """How many documents were read in part."""
        return int(self._value(f"SELECT count(*) FROM document WHERE {_IN_PART}"))

    def document(self, document_id: str) -> Document:
        """Raises DocumentNotFound."""
        row = self.connection.execute(f"{_DOCUMENT} WHERE document_id = ?", (document_id,)).fetchone()
        if row is None:
            raise DocumentNotFound(f"no document {document_id!r}; list the documents to see which there are")
        return _document(row)

    def known(self, collection_id: int) -> tuple[Known, ...]:
        """The documents of a collection as a sync compares them with files."""
        sql = f"{_KNOWN} WHERE collection_id = ? ORDER BY path"
        return tuple(Known(*row) for row in self.connection.execute(sql, (collection_id,)))

    def known_at(self, collection_id: int, path: str) -> tuple[Known, ...]:
        """Of `known`, the document at `path` and, if that was a folder, those below it."""
        sql = (
            f"{_KNOWN} WHERE collection_id = ?1 AND (path = ?2 OR path > ?2 || '/' AND path < ?2 || '0') ORDER BY path"
        )
        return tuple(Known(*row) for row in self.connection.execute(sql, (collection_id, path)))

    def find(self, collection_id: int, path: str) -> Known | None:
        """The document at `path`, if any."""
        row = self.connection.execute(
            f"{_KNOWN} WHERE collection_id = ? AND path = ?", (collection_id, path)
        ).fetchone()
        return None if row is None else Known(*row)

    def text(self, document_id: str) -> str:
        """The extracted text. Raises DocumentNotFound."""
        return str(self._of_document("SELECT text FROM document_text WHERE document_id = ?", document_id))

    def anchors(self, document_id: str) -> bytes:
        """The packed anchors. Raises DocumentNotFound."""
        return bytes(self._of_document("SELECT anchors FROM document_text WHERE document_id = ?", document_id))

    def source(self, document_id: str) -> bytes:
        """The original bytes. Raises DocumentNotFound."""
        sql = "SELECT data FROM document JOIN blob USING (sha256) WHERE document_id = ?"
        return bytes(self._of_document(sql, document_id))

    def counts(self, collection_id: int | None = None) -> tuple[int, int]:
        """(documents, chunks) of one collection or of all."""
        sql = "SELECT count(*), coalesce(sum(n_chunks), 0) FROM document WHERE ?1 IS NULL OR collection_id = ?1"
        n_documents, n_chunks = self.connection.execute(sql, (collection_id,)).get
        return int(n_documents), int(n_chunks)

    def vector_ids(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """The ids of those vectors that are stored."""
        found = {key: self._value("SELECT vector_id FROM vector WHERE key = ?", key) for key in set(keys)}
        return {key: vector_id for key, vector_id in found.items() if vector_id is not None}

    def last_vector_id(self) -> int:
        """The highest id ever given, 0 before the first; it does not fall when vectors are deleted."""
        return int(self._value("SELECT seq FROM sqlite_sequence WHERE name = 'vector'") or 0)

    def n_vectors(self) -> int:
        """How many vectors are stored, in use or not."""
        return int(self._value("SELECT count(*) FROM vector"))

    def vectors_after(self, vector_id: int, limit: int = -1) -> tuple[Ids, Vectors]:
        """Ids (n,) and vectors (n, dim) of the first `limit` (or all) above `vector_id`, in the order of their ids."""
        sql = "SELECT vector_id, data FROM vector WHERE vector_id > ? ORDER BY vector_id LIMIT ?"
        rows: list[tuple[Any, ...]] = self.connection.execute(sql, (vector_id, limit)).fetchall()
        ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        flat = np.frombuffer(b"".join(row[1] for row in rows), dtype=STORED_DTYPE)
        return ids, flat.astype(np.float32).reshape(len(rows), -1 if rows else 0)

    def hits(self, scores: Mapping[int, float]) -> list[Hit]:
        """The chunks of these ids with their scores, best first; equal scores by path and place in the text."""
        sql = """SELECT chunk_id, document_id || '-' || ordinal, document_id, name, document.path, title, sha256,
                start, "end", text, headings, place
            FROM json_each(?) JOIN chunk ON chunk_id = value
            JOIN document USING (document_id) JOIN collection USING (collection_id)"""
        hits = [_hit(row, scores) for row in self.connection.execute(sql, (json.dumps(list(scores)),))]
        return sorted(hits, key=lambda hit: (-hit.score, hit.collection, hit.path, hit.start))

    def _value(self, sql: str, *values: Any) -> Any:
        row = self.connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def _of_document(self, sql: str, document_id: str) -> Any:
        value = self._value(sql, document_id)
        if value is None:
            raise DocumentNotFound(f"no document {document_id!r}; list the documents to see which there are")
        return value


class Writing(Reading):
    """Queries and changes inside one write transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._changed = False

    def finish(self) -> None:
        """Raises the generation if anything was changed that a search can see."""
        if self._changed:
            self.set_meta("generation", str(self.generation() + 1))

    def mark_changed(self) -> None:
        """Says that a search could see a change made here by other means."""
        self._changed = True

    def set_meta(self, key: str, value: str) -> None:
        """Keeps a setting of the data folder."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def make_collection(self, name: str) -> int:
        """The id of the collection, made if it is new."""
        self.connection.execute("INSERT INTO collection (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
        return self.collection_id(name)

    def add_vectors(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keeps `vectors[i]` under `keys[i]`; keys already there are left alone."""
        rows = [(key, row.tobytes()) for key, row in zip(keys, vectors.astype(STORED_DTYPE), strict=True)]
        self.connection.executemany("INSERT INTO vector (key, data) VALUES (?, ?) ON CONFLICT DO NOTHING", rows)

    def purge_vectors(self, keep: int) -> None:
        """Deletes vectors that no chunk uses, but for the `keep` newest."""
        sql = """DELETE FROM vector WHERE vector_id IN (
            SELECT vector_id FROM vector WHERE vector_id NOT IN (SELECT vector_id FROM chunk)
            ORDER BY vector_id DESC LIMIT -1 OFFSET ?)"""
        self.connection.execute(sql, (keep,))

    def put(self, collection_id: int, draft: Draft, document_id: str | None = None) -> str:
        """Stores a document and gives its id, anew or in the place of `document_id`; its vectors must be there."""
        if document_id is None:
            document_id = secrets.token_hex(8)
        else:
            self.discard(document_id)
        self.connection.execute("INSERT INTO blob VALUES (?, ?) ON CONFLICT DO NOTHING", (draft.sha256, draft.data))
        self.connection.execute(
            "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (document_id, collection_id, draft.path, draft.title, draft.media_type, draft.sha256, len(draft.data),
             draft.mtime_ns, len(draft.text), len(draft.chunks), datetime.now(UTC).isoformat(timespec="seconds"),
             int(draft.uploaded), json.dumps(draft.notices), READ_AS),
        )  # fmt: skip
        self.connection.execute("INSERT INTO document_text VALUES (?, ?, ?)", (document_id, draft.text, draft.anchors))
        self._put_chunks(document_id, draft)
        self._changed = True
        return document_id

    def delete(self, document_id: str) -> None:
        """Removes a document and everything that only it used. Raises DocumentNotFound."""
        self.document(document_id)
        self.discard(document_id)

    def discard(self, document_id: str) -> None:
        """Removes a document if it is still there."""
        sha256 = self._value("SELECT sha256 FROM document WHERE document_id = ?", document_id)
        self.connection.execute("DELETE FROM document WHERE document_id = ?", (document_id,))
        sql = "DELETE FROM blob WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM document WHERE sha256 = ?1)"
        self.connection.execute(sql, (sha256,))
        self._changed = self._changed or sha256 is not None

    def touch(self, document_id: str, mtime_ns: int | None) -> None:
        """Notes the time of a file whose content was found unchanged."""
        self.connection.execute("UPDATE document SET mtime_ns = ? WHERE document_id = ?", (mtime_ns, document_id))

    def _put_chunks(self, document_id: str, draft: Draft) -> None:
        vector_ids = self.vector_ids(draft.keys)
        rows = zip(draft.chunks, draft.places, draft.keys, strict=True)
        for ordinal, (chunk, place, key) in enumerate(rows):
            self.connection.execute(
                """INSERT INTO chunk (document_id, ordinal, start, "end", text, headings, place, vector_id)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                (document_id, ordinal, chunk.start, chunk.end, chunk.text, json.dumps(chunk.headings),
                 _pack_place(place), vector_ids[key]),
            )  # fmt: skip
            words = (self.connection.last_insert_rowid(), chunk.text, " ".join(chunk.headings), draft.title)
            self.connection.execute(PUT_WORDS, words)


def _pack_place(place: Place) -> str:
    return json.dumps([place.page, place.boxes, place.line_start, place.line_end, place.cell])


def unpack_place(packed: str) -> Place:
    """The place that a chunk was stored with."""
    page, boxes, line_start, line_end, cell = json.loads(packed)
    return Place(page, None if boxes is None else tuple(map(tuple, boxes)), line_start, line_end, cell)


def unpack_notices(packed: str | None) -> tuple[str, ...]:
    """The notices that a document was stored with; none where they are not known."""
    return () if packed is None else tuple(json.loads(packed))


def _document(row: Sequence[Any]) -> Document:
    # the query's columns, in their order
    values = [*row[:-1], unpack_notices(row[-1])]
    return Document(*values)


def _hit(row: Sequence[Any], scores: Mapping[int, float]) -> Hit:
    # the query's columns, in their order
    values = [*row[1:10], tuple(json.loads(row[10])), scores[row[0]], unpack_place(row[11])]
    return Hit(*values)
