"""BM25 over the chunks, through SQLite's FTS5 in the same database, so it is always in step with them."""

from __future__ import annotations

import re

from indexer.records import Reading

# FTS5's bm25() has k1 = 1.2 and b = 0.75 built in; only the columns' weights can be chosen. Words of the headings and
# the title count like words of the text: what a passage is about is often named only there.
TEXT_WEIGHT, HEADINGS_WEIGHT, TITLE_WEIGHT = 1.0, 1.0, 1.0
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
    """Chunk id -> BM25 score (higher-better, above 0) of the `n` best chunks, best first."""
    expression = match_expression(query)
    if expression is None:
        return {}
    sql = """SELECT chunk_fts.rowid, -bm25(chunk_fts, ?, ?, ?) AS score
        FROM chunk_fts JOIN chunk ON chunk_id = chunk_fts.rowid JOIN document USING (document_id)
        WHERE chunk_fts MATCH ? AND (?5 IS NULL OR collection_id = ?5)
        ORDER BY score DESC, chunk_id LIMIT ?6"""
    values = (TEXT_WEIGHT, HEADINGS_WEIGHT, TITLE_WEIGHT, expression, collection_id, n)
    return dict(reading.connection.execute(sql, values))
