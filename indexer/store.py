"""The only source of truth: one SQLite database, one writer, many readers."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.migrations import migrate
from indexer.records import Reading, Writing
from indexer.reserve import Reserve

DATABASE_NAME = "studygpt.db"
BUSY_TIMEOUT_MS = 5000
WAL_PAGES = 1000  # pages of the log after which it is carried over into the database
WAL_LIMIT_BYTES = 64 << 20  # the log file is cut back to this once it has been carried over

_UNUSABLE = (
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
)
_SYNC_FAILED = (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC)


class Store:
    """Opens (and creates) the database in `folder`; read and write it through transactions.

    Thread-safe: `write` admits one thread at a time, every `read` has a connection of its own. Raises
    DataFolderUnusable when the file cannot be opened or is of a newer version, StoreCorrupt when it is no database.

    Once the disk has failed to sync, nothing more is written until the folder is opened anew: what a second sync says
    of the same bytes cannot be believed (https://wiki.postgresql.org/wiki/Fsync_Errors). Reading goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE_NAME
        self._writing = threading.Lock()
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()
        self._closed = False
        self._sync_error: apsw.Error | None = None
        self._wal_pages = 0
        self._reserve = Reserve(folder, self.path)
        if self._reserve.is_needed():
            self._reserve.give_up()  # opening takes some room itself
        with self._errors():
            self._writer = connect(self.path)
            self._writer.set_wal_hook(self._note_wal)  # takes the place of SQLite's own, which hides a failed sync
            migrate(self._writer)
        self._reserve.fill()

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
        with self._writing:
            with self._errors(), self._transaction() as writing:
                yield writing
            if self._wal_pages >= WAL_PAGES:
                self._carry_over(apsw.SQLITE_CHECKPOINT_PASSIVE)

    @contextmanager
    def removing(self) -> Iterator[Writing]:
        """A write transaction that only removes: it has room on a full disk as well, in what is kept for it."""
        was_full = self._reserve.is_needed()
        if was_full:
            self._reserve.give_up()
        try:
            with self.write() as writing:
                yield writing
        finally:
            if was_full:
                with self._writing:
                    self._carry_over(apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._reserve.fill()

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

    @contextmanager
    def _transaction(self) -> Iterator[Writing]:
        if self._sync_error is not None:
            raise self._sync_error
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            writing = Writing(self._writer)
            yield writing
            writing.finish()
            self._writer.execute("COMMIT")
        except BaseException as error:
            self._note_failure(error)
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _carry_over(self, mode: int) -> None:
        """Moves the log's pages into the database. What was committed is safe in the log if this fails; a failed
        sync stops the writing, anything else is tried again after a later commit."""
        if self._sync_error is not None:
            return
        try:
            self._writer.wal_checkpoint(mode=mode)
            self._wal_pages = 0
        except (apsw.IOError, apsw.FullError, apsw.BusyError) as error:
            self._note_failure(error)
        self._reserve.fill()

    def _note_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _note_failure(self, error: BaseException) -> None:
        """After a failed sync nothing may carry the log over, nor may the last connection when it closes."""
        if isinstance(error, apsw.Error) and getattr(error, "extendedresult", 0) in _SYNC_FAILED:
            self._sync_error = error
            self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def _reader(self) -> apsw.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self.path)
            connection.pragma("query_only", True)
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            return connection

    def _put_back(self, connection: apsw.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.put(connection)

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        return errors_of(self.path)


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Says in one line what SQLite says of the database at `path` in its own words."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise StoreCorrupt(
            f"the database {path} is damaged ({error}); restore a backup, or remove the folder and index again"
        ) from error
    except _UNUSABLE as error:
        if getattr(error, "extendedresult", 0) in _SYNC_FAILED:
            raise DataFolderUnusable(
                f"the disk failed to keep what was written to {path} ({error}); what was confirmed before is safe: "
                "check the disk, then start studygpt again"
            ) from error
        raise DataFolderUnusable(
            f"the database {path} cannot be read or written ({error}); "
            "check its permissions, the free space, and that no other program holds it"
        ) from error


def connect(path: Path) -> apsw.Connection:
    """A connection with the settings that durability rests on."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")  # a commit survives a power cut; NORMAL loses the last ones
    connection.pragma("foreign_keys", True)
    connection.pragma("cell_size_check", True)
    connection.pragma("trusted_schema", False)
    connection.pragma("journal_size_limit", WAL_LIMIT_BYTES)
    return connection
