"""BM25 over the chunks, through SQLite's FTS5 in the same database, so it is always in step with them."""

from __future__ import annotations

import re

from indexer.records import Reading

MAX_TERMS = 64  # distinct terms of a query that are looked up; the rest of a very long query is ignored

STOPWORDS = frozenset(
    """a about am an and are as at be been being but by can could did do does doing for from had has have having he her
    hers him his how i if in into is it its itself me my no nor not of on or our ours she should so such than that the
    their theirs them then there these they this those to too us was we were what when where which while who whom why
    will with would you your yours""".split()
)


def query_terms(query: str) -> list[str]:
    """The distinct words of a query without its stopwords; all of its words when it has no others."""
    words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))
    return ([word for word in words if word not in STOPWORDS] or words)[:MAX_TERMS]


def match_expression(query: str) -> str | None:
    """The FTS5 expression that finds any of the query's terms, or None when it has none.

    Each term stands in double quotes (https://sqlite.org/fts5.html#fts5_strings), so no input is taken for syntax.
    """
    terms = query_terms(query)
    return " OR ".join(f'"{term}"' for term in terms) if terms else None


def search_bm25(reading: Reading, query: str, n: int, collection_id: int | None = None) -> dict[int, float]:
    """Chunk id -> BM25 score (higher-better, above 0) of the `n` best chunks, best first.

    A chunk's words, its headings and its document's title count alike: what a passage is about is often named only
    above it. k1 = 1.2 and b = 0.75, which FTS5 has built in (https://sqlite.org/fts5.html#the_bm25_function).
    """
    expression = match_expression(query)
    if expression is None:
        return {}
    sql = """SELECT chunk_id, -rank FROM chunk_fts CROSS JOIN chunk ON chunk_id = chunk_fts.rowid
        CROSS JOIN document USING (document_id)
        WHERE chunk_fts MATCH ?1 AND (?2 IS NULL OR collection_id = ?2) ORDER BY rank, chunk_id LIMIT ?3"""
    return dict(reading.connection.execute(sql, (expression, collection_id, n)))
