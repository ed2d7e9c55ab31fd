"""BM25 over the chunks, through SQLite's FTS5 in the same database, so it is always in step with them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from indexer.filter import Scope
from indexer.query import Query
from indexer.records import Reading


def search_bm25(reading: Reading, query: Query, n: int, scope: Scope) -> dict[int, float]:
    """Chunk id -> BM25 score (higher-better, above 0) of the `n` best chunks in `scope`, best first.

    A chunk's words, its headings and its document's title count alike: what a passage is about is often named only
    above it. k1 = 1.2 and b = 0.75, which FTS5 has built in (https://sqlite.org/fts5.html#the_bm25_function).
    """
    if query.ranked is None:
        return {}
    required, values = "", [query.ranked]
    if query.required is not None:
        required = "AND chunk_fts.rowid IN (SELECT rowid FROM chunk_fts WHERE chunk_fts MATCH ?)"
        values.append(query.required)
    if scope.is_all:
        sql = f"""SELECT rowid, -rank FROM chunk_fts WHERE chunk_fts MATCH ? {required} ORDER BY rank, rowid LIMIT ?"""
    else:
        sql = f"""SELECT chunk_id, -rank FROM chunk_fts CROSS JOIN chunk ON chunk_id = chunk_fts.rowid
            CROSS JOIN document USING (document_id)
            WHERE chunk_fts MATCH ? {required} AND {scope.condition} ORDER BY rank, chunk_id LIMIT ?"""
    return dict(reading.connection.execute(sql, (*values, *scope.values, n)))


def bm25_of(reading: Reading, query: Query, chunks: Iterable[int]) -> dict[int, float]:
    """The scores that `search_bm25` gives these chunks, however many others are better; none for those without a word of
    the query, or where nothing is ranked."""
    wanted = json.dumps(list(chunks))
    if query.ranked is None or wanted == "[]":
        return {}
    # "+": one walk over what matches, scoring only the wanted ones; else FTS5 begins anew for each of them
    sql = """SELECT rowid, -rank FROM chunk_fts WHERE chunk_fts MATCH ?
        AND +rowid IN (SELECT value FROM json_each(?))"""
    return dict(reading.connection.execute(sql, (query.ranked, wanted)))
