"""Which documents a search may show: a collection, a path, a type, a time; as one condition in the database's words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from indexer.records import Ids, Reading
from indexer.types import EVERYTHING, Filter

_NS = 1_000_000_000
_MAX_NS = 2**63 - 1


class Scope:
    """A filter inside one transaction. Raises CollectionNotFound when its collection is unknown."""

    def __init__(self, reading: Reading, filter: Filter) -> None:
        self._reading = reading
        self.filter = filter
        self.is_all = filter == EVERYTHING
        conditions: list[str] = []
        self.values: list[Any] = []
        for condition, values in _conditions(reading, filter):
            conditions.append(condition)
            self.values += values
        self.condition = " AND ".join(conditions) or "1"

    def vectors(self) -> Ids:
        """The ids of the vectors that the admitted documents' chunks use, in order."""
        sql = f"SELECT DISTINCT vector_id FROM document CROSS JOIN chunk USING (document_id) WHERE {self.condition}"
        return self._ids(sql, *self.values)

    def vectors_matching(self, expression: str) -> Ids:
        """Of `vectors`, those of chunks that fulfil the FTS5 expression."""
        sql = f"""SELECT DISTINCT vector_id FROM chunk_fts CROSS JOIN chunk ON chunk_id = chunk_fts.rowid
            CROSS JOIN document USING (document_id) WHERE chunk_fts MATCH ? AND {self.condition}"""
        return self._ids(sql, expression, *self.values)

    def chunks_of(self, vector_ids: Iterable[int], required: str | None = None) -> dict[int, int]:
        """Chunk id -> vector id, of the admitted chunks (that fulfil the FTS5 expression) with one of these vectors."""
        match = "" if required is None else "AND chunk_id IN (SELECT rowid FROM chunk_fts WHERE chunk_fts MATCH ?)"
        sql = f"""SELECT chunk_id, vector_id FROM json_each(?) CROSS JOIN chunk ON vector_id = value
            CROSS JOIN document USING (document_id) WHERE {self.condition} {match}"""
        values = [json.dumps(list(vector_ids)), *self.values, *([] if required is None else [required])]
        return dict(self._reading.connection.execute(sql, values))

    def _ids(self, sql: str, *values: Any) -> Ids:
        rows: list[Any] = self._reading.connection.execute(sql, values).fetchall()
        return np.sort(np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)))


def _conditions(reading: Reading, filter: Filter) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """(SQL about a row of `document`, its values) for all that the filter asks."""
    if filter.collection is not None:
        yield "collection_id = ?", (reading.collection_id(filter.collection),)
    if filter.path is not None:
        yield "(document.path GLOB ? OR document.path GLOB '*/' || ?)", (filter.path, filter.path)
    if filter.type is not None and "/" in filter.type:
        yield "media_type GLOB ?", (filter.type.lower(),)
    elif filter.type is not None:
        suffix = "." + filter.type.lower().removeprefix(".")
        yield "substr(lower(document.path), -length(?)) = ?", (suffix, suffix)
    if filter.modified_since is not None:
        at = _ns(filter.modified_since)
        yield "CASE WHEN mtime_ns IS NULL THEN indexed_at >= ? ELSE mtime_ns >= ? END", (_iso(at), at)
    if filter.added_since is not None:
        yield "indexed_at >= ?", (_iso(_ns(filter.added_since)),)


def _ns(time: datetime) -> int:
    """Nanoseconds since 1970, within what the database can compare with: the years 1678 to 2262."""
    seconds, rest = divmod((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp(), 1)
    return max(-_MAX_NS, min(int(seconds) * _NS + round(rest * _NS), _MAX_NS))


def _iso(ns: int) -> str:
    """The time as `indexed_at` is kept: whole seconds, so that what was indexed within this one counts."""
    return datetime.fromtimestamp(max(ns, 0) // _NS, UTC).isoformat(timespec="seconds")
