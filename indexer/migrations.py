"""The database schema as numbered steps; `PRAGMA user_version` counts the steps a database has taken."""

from __future__ import annotations

import apsw

from indexer.errors import DataFolderUnusable

# A vector belongs to a text, not to a chunk: equal texts share one, a rename or a re-added file computes none.
# AUTOINCREMENT: an id is never used twice, so an old vector index can hold ids too many but never a wrong one.
# `chunk_fts` keeps no copy of the text (content=''); the trigger keeps it in step with `chunk`, cascades included.
_STEP_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('generation', '0');

CREATE TABLE collection (collection_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE blob (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;

CREATE TABLE document (
    document_id TEXT PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collection,
    path TEXT NOT NULL,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blob,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER,            -- NULL: not known well enough to tell an unchanged file by it
    n_chars INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL,
    indexed_at TEXT NOT NULL,
    uploaded INTEGER NOT NULL,   -- 1: handed over by name, 0: read from a file at `path`
    UNIQUE (collection_id, path)
) STRICT;
CREATE INDEX document_sha256 ON document (sha256);

CREATE TABLE document_text (
    document_id TEXT PRIMARY KEY REFERENCES document ON DELETE CASCADE,
    text TEXT NOT NULL,
    anchors BLOB NOT NULL
) STRICT;

CREATE TABLE vector (
    vector_id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,    -- sha256 of model and text
    data BLOB NOT NULL           -- float16, little-endian
) STRICT;

CREATE TABLE chunk (
    chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL REFERENCES document ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    text TEXT NOT NULL,
    headings TEXT NOT NULL,      -- JSON array
    place TEXT NOT NULL,         -- JSON array: the fields of Place
    vector_id INTEGER NOT NULL REFERENCES vector,
    UNIQUE (document_id, ordinal)
) STRICT;
CREATE INDEX chunk_vector ON chunk (vector_id);

CREATE VIRTUAL TABLE chunk_fts USING fts5 (
    text, headings, title,
    content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunk_deleted AFTER DELETE ON chunk BEGIN
    DELETE FROM chunk_fts WHERE rowid = old.chunk_id;
END;
"""

# The header says whose file this is, which a backup is recognised by. `shadow_vector` holds vectors of the embedding
# model to come, each beside the one that it will replace.
APPLICATION_ID = 0x53475054  # "SGPT"
_STEP_2 = f"""
PRAGMA application_id = {APPLICATION_ID};

CREATE TABLE shadow_vector (
    vector_id INTEGER PRIMARY KEY REFERENCES vector ON DELETE CASCADE,
    key BLOB NOT NULL,
    data BLOB NOT NULL
) STRICT;
"""

# JSON array of sentences; NULL: read by a version that did not say what it left out.
_STEP_3 = "ALTER TABLE document ADD COLUMN notices TEXT;"

# The READ_AS (indexer/records.py) that a document was read with; below today's it is read again when it is synced.
_STEP_4 = "ALTER TABLE document ADD COLUMN read_as INTEGER NOT NULL DEFAULT 0;"

STEPS = (_STEP_1, _STEP_2, _STEP_3, _STEP_4)


def migrate(connection: apsw.Connection) -> None:
    """Brings the database to the newest schema, all steps in one transaction.

    Raises DataFolderUnusable for a database written by a newer version.
    """
    version = connection.pragma("user_version")
    if version > len(STEPS):
        raise DataFolderUnusable(
            f"{connection.filename} has schema {version} and this studygpt knows up to {len(STEPS)}; "
            "upgrade studygpt or choose another data folder"
        )
    if version == len(STEPS):
        return
    with connection:
        for step in STEPS[version:]:
            connection.execute(step)
        connection.pragma("user_version", len(STEPS))
