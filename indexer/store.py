"""The only source of truth: one SQLite database, one writer, many readers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.migrations import migrate
from indexer.records import Reading, Writing

DATABASE_NAME = "studygpt.db"
BUSY_TIMEOUT_MS = 5000
WAL_LIMIT_BYTES = 64 << 20  # the log file is cut back to this after a checkpoint

_UNUSABLE = (
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
)


class Store:
    """Opens (and creates) the database in `folder`; read and write it through transactions.

    Thread-safe: `write` admits one thread at a time, every `read` has a connection of its own. Raises
    DataFolderUnusable when the file cannot be opened or is of a newer version, StoreCorrupt when it is no database.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE_NAME
        self._writing = threading.Lock()
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()
        self._closed = False
        with self._errors():
            self._writer = _connect(self.path)
            migrate(self._writer)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A read transaction: everything read inside is of one generation, whatever is written meanwhile."""
        with self._errors():
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                yield Reading(connection)
            finally:
                if connection.in_transaction:  # SQLite ends it by itself after some errors
                    connection.execute("ROLLBACK")
                self._put_back(connection)

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """A write transaction: durable once the block has ended, undone whole when it raises.

        The generation rises by one when the block changed what a search could see.
        """
        with self._writing, self._errors():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                writing = Writing(self._writer)
                yield writing
                writing.finish()
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def size_bytes(self) -> int:
        """Bytes of the database and its log on the disk."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Closes every idle connection; a read still running closes its own when it ends."""
        self._closed = True
        with self._writing:
            while not self._idle.empty():
                self._idle.get_nowait().close()
            self._writer.close()

    def _reader(self) -> apsw.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = _connect(self.path)
            connection.pragma("query_only", True)
            return connection

    def _put_back(self, connection: apsw.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.put(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Says in one line what SQLite says in its own words."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise StoreCorrupt(
                f"the database {self.path} is damaged ({error}); restore a backup, or remove the folder and index again"
            ) from error
        except _UNUSABLE as error:
            raise DataFolderUnusable(
                f"the database {self.path} cannot be read or written ({error}); "
                "check its permissions, the free space, and that no other program holds it"
            ) from error


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")  # a commit survives a power cut; NORMAL loses the last ones
    connection.pragma("foreign_keys", True)
    connection.pragma("cell_size_check", True)
    connection.pragma("trusted_schema", False)
    connection.pragma("journal_size_limit", WAL_LIMIT_BYTES)
    return connection
