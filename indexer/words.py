"""Whether the lexical index says exactly what the chunks say: compared, word by word, with one made of them anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest

import apsw

from indexer.records import PUT_WORDS

# Vocabulary tables (https://sqlite.org/fts5.html#the_fts5vocab_virtual_table_module): a row for each word at each place
_VOCABULARY = "CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'chunk_fts', 'instance')"
_WORDS = "SELECT term, doc, col, offset FROM temp.words"
_CHUNKS = """SELECT chunk_id, chunk.text, headings, title FROM chunk JOIN document USING (document_id)
    ORDER BY chunk_id"""


def compare_words(connection: apsw.Connection) -> tuple[int, str | None]:
    """How many words were compared, and the first difference, if there is one, in a line.

    Takes the memory of a batch and a temporary file as large as the lexical index. `connection` must be able to make
    temporary tables.
    """
    fresh = apsw.Connection("")  # a file of its own, gone with the connection
    try:
        fresh.execute(connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'chunk_fts'").get)
        with fresh:
            fresh.executemany(PUT_WORDS, _chunk_words(connection))
        return _compare(connection, fresh)
    finally:
        fresh.close()


def _chunk_words(connection: apsw.Connection) -> Iterator[tuple[int, str, str, str]]:
    """What is said of each chunk to the lexical index when it is stored."""
    for chunk_id, text, headings, title in connection.execute(_CHUNKS):
        yield chunk_id, text, " ".join(json.loads(headings)), title


def _compare(ours: apsw.Connection, fresh: apsw.Connection) -> tuple[int, str | None]:
    for connection in (ours, fresh):
        connection.execute(_VOCABULARY)
    n_words = 0
    for n_words, (stored, expected) in enumerate(zip_longest(_words(ours), _words(fresh)), 1):
        if stored != expected:
            return n_words, f"the lexical index has {_tell(stored)} where the chunks have {_tell(expected)}"
    return n_words, None


def _words(connection: apsw.Connection) -> Iterator[tuple[str, int, str, int]]:
    yield from connection.execute(_WORDS)


def _tell(word: tuple[str, int, str, int] | None) -> str:
    return "nothing more" if word is None else f"{word[0]!r} in the {word[2]} of chunk {word[1]}"
