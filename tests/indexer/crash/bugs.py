"""Faults planted in the indexer, each a mistake that has lost somebody's data; the harness has to find every one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import apsw

from indexer import durable, search, snapshot, store, sync
from indexer.draft import make_draft
from indexer.records import Draft, Writing
from indexer.snapshot import Header, read_snapshot
from indexer.store import Store

Plant = Callable[[], AbstractContextManager[Any]]
_connect = store.connect
_execute = apsw.Connection.execute
_put_chunks = Writing._put_chunks


def _with_pragma(name: str, value: object) -> Plant:
    """Every connection with another setting."""

    def connect(path: Path) -> apsw.Connection:
        connection = _connect(path)
        connection.pragma(name, value)
        return connection

    return lambda: patch.object(store, "connect", connect)


class _LateCommit:
    """Confirms each transaction at once and commits it only before the next one."""

    @contextmanager
    def __call__(self, owner: Store) -> Iterator[Writing]:
        if owner._writer.in_transaction:
            owner._writer.execute("COMMIT")
        owner._writer.execute("BEGIN IMMEDIATE")
        writing = Writing(owner._writer)
        yield writing
        writing.finish()


def _late_commit() -> AbstractContextManager[Any]:
    late = _LateCommit()
    return patch.object(Store, "_transaction", lambda self: late(self))


def _two_transactions() -> AbstractContextManager[Any]:
    """The document in one transaction, its chunks in the next."""

    def put_chunks(self: Writing, document_id: str, draft: Draft) -> None:
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN IMMEDIATE")
        _put_chunks(self, document_id, draft)

    return patch.object(Writing, "_put_chunks", put_chunks)


@contextmanager
def _words_later() -> Iterator[None]:
    """The lexical index in a transaction of its own, after the chunks'."""
    late: list[tuple[object, ...]] = []

    def write(self: Store) -> Any:
        return _then_words(self, late)

    with patch("indexer.records.PUT_WORDS", "SELECT ?, ?, ?, ?"), patch.object(Store, "write", write):
        yield


_write = Store.write


@contextmanager
def _then_words(owner: Store, _late: list[tuple[object, ...]]) -> Iterator[Writing]:
    with _write(owner) as writing:
        yield writing
    sql = """SELECT chunk_id, chunk.text, '', title FROM chunk JOIN document USING (document_id)
        WHERE chunk_id NOT IN (SELECT id FROM chunk_fts_docsize)"""
    with _write(owner) as writing:
        rows = writing.connection.execute(sql).fetchall()
        writing.connection.executemany("INSERT INTO chunk_fts (rowid, text, headings, title) VALUES (?, ?, ?, ?)", rows)


def _unsynced(path: Path, parts: Any) -> None:
    """A snapshot written beside and renamed, never synced."""
    beside = path.with_suffix(".tmp")
    _write_all(beside, parts)
    durable.os.rename(beside, path)
    durable.sync(path.parent)


def _in_place(path: Path, parts: Any) -> None:
    """A snapshot written over the old one."""
    _write_all(path, parts)
    durable.sync(path)
    durable.sync(path.parent)


def _name_unsynced(path: Path, parts: Any) -> None:
    """A snapshot whose rename is not synced."""
    beside = path.with_suffix(".tmp")
    _write_all(beside, parts)
    durable.sync(beside)
    durable.os.rename(beside, path)


def _write_all(path: Path, parts: Any) -> None:
    fd = durable.os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for part in parts:
        durable.os.write(fd, part)
    durable.os.close(fd)


def _blob_by_name() -> AbstractContextManager[Any]:
    """Bytes kept under a digest that is not theirs."""

    def draft(name: str, *rest: Any, **more: Any) -> Draft:
        return replace(make_draft(name, *rest, **more), sha256=hashlib.sha256(name.encode()).hexdigest())

    return patch.object(sync, "make_draft", draft)


class _AnyHeader(Header):
    """Equal to every other."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def _old_snapshot_trusted() -> AbstractContextManager[Any]:
    """A snapshot taken for the database's whatever its generation."""

    def read(path: Path) -> tuple[Header, bytes]:
        header, payload = read_snapshot(path)
        return _AnyHeader(header.generation, header.model, header.last_id), payload

    return patch.object(search, "read_snapshot", read)


@contextmanager
def _full_is_success() -> Iterator[None]:
    """A full disk, or a failed write, taken for success."""
    transaction = Store._transaction

    @contextmanager
    def forgiving(self: Store) -> Iterator[Writing]:
        began = False
        try:
            with transaction(self) as writing:
                began = True
                yield writing
        except (apsw.FullError, apsw.IOError):
            if not began:
                raise

    with patch.object(Store, "_transaction", forgiving):
        yield


def _sync_retried() -> AbstractContextManager[Any]:
    """Writing goes on after a failed sync."""
    return patch.object(Store, "_note_failure", lambda self, error: None)


def _snapshot_as(write: Any) -> Plant:
    return lambda: patch.object(snapshot, "write_whole", write)


FOUND_BY_CUTS: dict[str, Plant] = {
    "synchronous=OFF": _with_pragma("synchronous", "off"),
    "synchronous=NORMAL": _with_pragma("synchronous", "normal"),
    "confirmed before COMMIT": _late_commit,
    "a document and its chunks in two transactions": _two_transactions,
    "the lexical index outside the transaction": _words_later,
    "a snapshot that is not synced": _snapshot_as(_unsynced),
    "a snapshot written in place": _snapshot_as(_in_place),
    "a snapshot whose name is not synced": _snapshot_as(_name_unsynced),
    "bytes under a digest that is not theirs": _blob_by_name,
    "the generation not raised": lambda: patch.object(Writing, "finish", lambda self: None),
    "deletes that do not cascade": _with_pragma("foreign_keys", False),
    "an old snapshot taken for the present one": _old_snapshot_trusted,
}
FOUND_BY_FAULTS: dict[str, Plant] = {
    "a failed write taken for success": _full_is_success,
    "writing on after a failed sync": _sync_retried,
}


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """The indexer with one of the faults."""
    with ExitStack() as undo:
        undo.enter_context(plant())
        yield
