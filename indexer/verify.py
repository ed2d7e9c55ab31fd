"""Every promise of a data folder, checked against its bytes: what `studygpt verify` runs, and every crash test.

Nothing is changed and no lock is taken, so it can run beside a service: all is read in one transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from indexer.draft import embedded_text, vector_key
from indexer.dump import digest
from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.migrations import APPLICATION_ID, STEPS
from indexer.places import unpack_anchors
from indexer.records import STORED_DTYPE, Reading, unpack_place
from indexer.snapshot import read_snapshot
from indexer.store import BUSY_TIMEOUT_MS, DATABASE_NAME, errors_of
from indexer.types import Chunk
from indexer.wire import checked_notices
from indexer.words import compare_words

MAX_PROBLEMS = 10  # of each check that are told; the rest is counted
UNIT_TOLERANCE = 0.01  # float16 keeps a unit vector's length to 0.001
_REBUILT = "nothing is lost: it is set aside and built again from the database when the folder is next opened"
_RESTORE = "restore a backup with `studygpt restore FILE --replace`, or index the documents into a new folder"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, how many things were looked at, what breaks it (the first few), and what to do then."""

    name: str
    promise: str
    n: int
    n_problems: int
    problems: tuple[str, ...]
    remedy: str
    notes: tuple[str, ...] = ()  # what is worth knowing and no problem


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks; `content_sha256` is equal for folders that hold the same documents, "" when they cannot be read."""

    checks: tuple[Check, ...]
    content_sha256: str

    @property
    def ok(self) -> bool:
        """Whether every promise is kept."""
        return not any(check.n_problems for check in self.checks)


NOTE = "note: "
Problems = Iterator[str | None]
"""What a check goes through: None for a thing that is as it should be, else the problem, or a note."""

CheckSpec = tuple[str, str, str, Callable[[Reading], Problems]]
"""Name, promise, remedy, and what goes through the things it is about."""


def verify(folder: Path, progress: Callable[[str, int, int], None] | None = None) -> Verification:
    """Checks the data folder. Raises DataFolderUnusable when it holds no index of this version."""
    path = folder / DATABASE_NAME
    if not path.is_file():
        raise DataFolderUnusable(f"{folder} holds no index; name the data folder with --data")
    return _verify(path, (*DATABASE_CHECKS, (*_SNAPSHOTS, lambda reading: _snapshots(reading, folder))), progress)


def verify_database(path: Path) -> Verification:
    """Checks one database file, as a backup is."""
    return _verify(path, DATABASE_CHECKS, None)


def _verify(path: Path, checks: Iterable[CheckSpec], progress: Callable[[str, int, int], None] | None) -> Verification:
    with reading_only(path) as reading:
        _check_version(path, reading)
        done: list[Check] = []
        checks = tuple(checks)
        for name, promise, remedy, problems in checks:
            if progress is not None:
                progress(name, len(done), len(checks))
            done.append(_run(name, promise, remedy, problems(reading)))
            if name == "database" and done[-1].n_problems:  # pages that contradict each other prove nothing more
                return Verification(tuple(done), "")
        return Verification(tuple(done), digest(reading))


@contextmanager
def reading_only(path: Path) -> Iterator[Reading]:
    """One read transaction on the database at `path`, without the lock and without leave to change anything."""
    with errors_of(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)  # a log may have to be recovered
        try:
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.pragma("cell_size_check", True)
            connection.pragma("trusted_schema", False)
            connection.execute("BEGIN")
            yield Reading(connection)
        finally:
            connection.close(True)


def _check_version(path: Path, reading: Reading) -> None:
    version = reading.connection.pragma("user_version")
    if version > len(STEPS):
        raise DataFolderUnusable(f"{path} has schema {version}, of a newer studygpt; upgrade studygpt to check it")
    if version < len(STEPS):
        raise DataFolderUnusable(
            f"{path} has schema {version} of an older studygpt; run `studygpt status` once, which brings it up to date"
        )


def _run(name: str, promise: str, remedy: str, problems: Problems) -> Check:
    n, n_problems = 0, 0
    told: list[str] = []
    notes: list[str] = []
    try:
        for problem in problems:
            n += 1
            if problem is not None and problem.startswith(NOTE):
                notes.append(problem.removeprefix(NOTE))
            elif problem is not None:
                n_problems += 1
                told.append(problem)
    except (apsw.CorruptError, ValueError) as error:  # a text that is no UTF-8, headings that are no JSON
        n_problems += 1
        told.append(f"a row cannot be read: {error}")
    return Check(name, promise, n, n_problems, tuple(told[:MAX_PROBLEMS]), remedy, tuple(notes))


def _database(reading: Reading) -> Problems:
    connection = reading.connection
    if connection.pragma("application_id") != APPLICATION_ID:
        yield "the file does not say that it is studygpt's"
    for (line,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})"):  # FTS5's own check included
        yield None if line == "ok" else str(line)
    for table, rowid, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {rowid} of {table} belongs to no {parent}"


def _blobs(reading: Reading) -> Problems:
    for sha256, data in reading.connection.execute("SELECT sha256, data FROM blob"):
        found = hashlib.sha256(data).hexdigest()
        yield None if found == sha256 else f"the bytes kept as {sha256} have the sha256 {found}"
    unused = "SELECT sha256 FROM blob WHERE sha256 NOT IN (SELECT sha256 FROM document)"
    for (sha256,) in reading.connection.execute(unused):
        yield f"no document has the bytes {sha256}"


def _documents(reading: Reading) -> Problems:
    sql = """SELECT document_id, path, n_chars, n_chunks, size_bytes, length(data), text, anchors, notices
        FROM document LEFT JOIN document_text USING (document_id) LEFT JOIN blob USING (sha256)"""
    for row in reading.connection.execute(sql):
        document_id, path, n_chars, n_chunks, size_bytes, n_bytes, text, anchors, notices = row
        if text is None or n_bytes != size_bytes or len(text) != n_chars:
            yield f"{path}: its text or its bytes are not as long as noted"
        else:
            yield (
                _anchor_problem(path, anchors, n_chars)
                or _notice_problem(path, notices)
                or _chunk_problem(reading, document_id, path, text, n_chunks)
            )
    unused = "SELECT count(*) FROM document_text WHERE document_id NOT IN (SELECT document_id FROM document)"
    if reading.connection.execute(unused).get:
        yield "there are texts without a document"


def _anchor_problem(path: str, packed: bytes, n_chars: int) -> str | None:
    try:
        anchors = unpack_anchors(packed)
    except StoreCorrupt as error:
        return f"{path}: {error}"
    at = 0
    for anchor in anchors:
        if not at <= anchor.start <= anchor.end <= n_chars:
            return f"{path}: the anchor of the characters {anchor.start} to {anchor.end} is out of order or of the text"
        at = anchor.start
    return None


def _notice_problem(path: str, packed: str | None) -> str | None:
    try:
        checked_notices(json.loads(packed or "[]"))
    except ValueError as error:
        return f"{path}: what is said to be missing of it cannot be read ({error})"
    return None


def _chunk_problem(reading: Reading, document_id: str, path: str, text: str, n_chunks: int) -> str | None:
    sql = 'SELECT ordinal, start, "end", text, headings, place FROM chunk WHERE document_id = ? ORDER BY ordinal'
    rows: list[Any] = reading.connection.execute(sql, (document_id,)).fetchall()
    if [row[0] for row in rows] != list(range(n_chunks)):
        return f"{path}: has chunks {[row[0] for row in rows]}, not the {n_chunks} noted"
    for ordinal, start, end, words, headings, place in rows:
        if not 0 <= start < end <= len(text) or text[start:end] != words:
            return f"{path}: chunk {ordinal} is not the characters {start} to {end} of the text"
        json.loads(headings)
        unpack_place(place)
    return None


def _vectors(reading: Reading) -> Problems:
    dim = int(reading.meta("embedding_dim") or 0)
    for vector_id, key, data in reading.connection.execute("SELECT vector_id, key, data FROM vector"):
        vector = np.frombuffer(data, dtype=STORED_DTYPE) if len(data) % STORED_DTYPE.itemsize == 0 else np.zeros(0)
        length = float(np.linalg.norm(vector.astype(np.float32)))
        if len(vector) != dim or len(key) != hashlib.sha256().digest_size:
            yield f"vector {vector_id} has {len(vector)} numbers, not {dim}, or no key"
        else:
            yield None if abs(length - 1) < UNIT_TOLERANCE else f"vector {vector_id} has the length {length}, not 1"
    yield from _keys(reading, reading.meta("embedding_model") or "")


def _keys(reading: Reading, model: str) -> Problems:
    """Each chunk has the vector of its own words."""
    sql = """SELECT chunk_id, start, "end", text, headings, key FROM chunk LEFT JOIN vector USING (vector_id)"""
    for chunk_id, start, end, text, headings, key in reading.connection.execute(sql):
        words = embedded_text(Chunk(start, end, text, tuple(json.loads(headings))))
        yield None if key == vector_key(model, words) else f"chunk {chunk_id} has no vector, or that of other words"


def _words(reading: Reading) -> Problems:
    n_words, problem = compare_words(reading.connection)
    yield from (None for _ in range(n_words - (problem is not None)))
    if problem is not None:
        yield problem


def _snapshots(reading: Reading, folder: Path) -> Problems:
    for path in sorted(folder.glob("*.index")):
        try:
            header, _ = read_snapshot(path)
        except FileNotFoundError:  # a service has replaced it meanwhile
            continue
        except StoreCorrupt as error:
            yield str(error)
            continue
        generation = reading.generation()
        if header.generation > generation or header.last_id > reading.last_vector_id():
            yield f"{path.name} is of generation {header.generation}, later than the database's {generation}"
        elif header.model != reading.meta("embedding_model"):
            yield f"{NOTE}{path.name} has vectors of {header.model}: built again when it is used"
        elif header.generation != generation:
            behind = f"of generation {header.generation}, the database of {generation}"
            yield f"{NOTE}{path.name} is {behind}: brought up to date when it is used"
        else:
            yield None
    for path in sorted(folder.glob("*.corrupt")):
        yield f"{NOTE}{path.name} was set aside because it was damaged; remove it when nobody wants to look at it"


DATABASE_CHECKS: tuple[CheckSpec, ...] = (
    ("database", "pages, indexes and references are whole", _RESTORE, _database),
    ("sources", "every document's bytes have the sha256 they are kept under", _RESTORE, _blobs),
    (
        "documents",
        "every chunk is the slice of the text that it claims, every anchor leads into it",
        _RESTORE,
        _documents,
    ),
    ("vectors", "every chunk has the vector of its words, of the right size and length", _RESTORE, _vectors),
    ("words", "the lexical index holds the words of the chunks and no others", _RESTORE, _words),
)
_SNAPSHOTS = ("snapshots", "every kept vector index is whole, and of this database or recognised as old", _REBUILT)
