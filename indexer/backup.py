"""One file that holds everything, taken while a service runs, and a data folder made from it.

The database holds the documents' bytes as well, so a copy of it is all there is to keep. It is copied in one read
transaction through SQLite's backup interface (https://sqlite.org/backup.html), checked like a data folder, and given
its name last: a backup that has its name is whole and true. Nobody opens the database's files by other means: closing
one would drop the locks that SQLite holds in the same process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from indexer import durable
from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.lock import RESTORING_NAME, claim_any
from indexer.migrations import APPLICATION_ID, migrate
from indexer.store import DATABASE_NAME, connect, errors_of
from indexer.verify import reading_only, verify_database

STEP_PAGES = 1024  # copied between two reports of progress
PageProgress = Callable[[str, int, int], None]  # (what, pages done, pages in all)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or a restore has made: `former` is the folder that keeps what was there before."""

    path: str
    n_documents: int
    n_chunks: int
    size_bytes: int
    content_sha256: str
    former: str | None = None


def backup(folder: Path, target: Path, progress: PageProgress | None = None) -> Copied:
    """Writes everything in the data folder into the new file `target`, whole and checked, or not at all.

    The state is that of the moment it begins; searches and changes go on meanwhile. Raises DataFolderUnusable,
    StoreCorrupt when what was copied is damaged, OSError when `target` cannot be written.
    """
    if target.exists():
        raise FileExistsError(17, "exists already; a backup overwrites nothing, so name a new file", str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(2, "no such folder for the backup", str(target.parent))
    source = folder / DATABASE_NAME
    if not source.is_file():
        raise DataFolderUnusable(f"{folder} holds no index; name the data folder with --data")
    with _beside(target.with_name(f"{target.name}{durable.BESIDE}")) as beside:
        _copy(source, beside, progress)
        copied = _checked(beside, source, target)
        durable.publish(beside, target)
    return copied


def restore(source: Path, folder: Path, progress: PageProgress | None = None) -> Copied:
    """Makes an empty or missing data folder hold what the backup holds. Raises as `replace`, and DataFolderUnusable
    when the folder holds an index.
    """
    if (folder / DATABASE_NAME).exists():
        raise DataFolderUnusable(
            f"{folder} holds an index already; name another folder with --data, or give --replace to set it aside"
        )
    return replace(source, folder, progress)


def replace(source: Path, folder: Path, progress: PageProgress | None = None) -> Copied:
    """Makes the data folder hold what the backup holds; what it held is moved to a folder inside it, and kept.

    The copy is checked before anything is moved. Interrupted, it is finished by the next call; until then the folder
    cannot be opened. Raises DataFolderLocked, DataFolderUnusable, StoreCorrupt when the backup is damaged.
    """
    if not source.is_file():
        raise FileNotFoundError(2, "no such backup", str(source))
    lock = claim_any(folder)
    try:
        with _beside(folder / f"restored{durable.BESIDE}") as beside:
            _copy(source, beside, progress)
            copied = _checked(beside, source, folder / DATABASE_NAME)
            former = _set_aside(folder)
            durable.publish(beside, folder / DATABASE_NAME)
        durable.remove(folder / RESTORING_NAME)
    finally:
        lock.release()
    return Copied(
        str(folder), copied.n_documents, copied.n_chunks, copied.size_bytes, copied.content_sha256,
        None if former is None else str(former),
    )  # fmt: skip


def _copy(source: Path, beside: Path, progress: PageProgress | None) -> None:
    """Copies the database `source` as it is at this moment, logged commits included, into one self-contained file."""
    with errors_of(source), reading_only(source) as reading:
        if reading.connection.pragma("application_id") != APPLICATION_ID:
            raise StoreCorrupt(f"{source} is not studygpt's, or of a version before backups; nothing was copied")
        with errors_of(beside), contextlib.closing(apsw.Connection(str(beside))) as target:
            target.pragma("synchronous", "off")  # synced whole before it gets its name
            with target.backup("main", reading.connection, "main") as copy:
                while not copy.done:
                    copy.step(STEP_PAGES)
                    if progress is not None:
                        progress("copying", copy.page_count - copy.remaining, copy.page_count)
            target.pragma("journal_mode", "delete")  # a log of its own would be a second file


def _checked(beside: Path, source: Path, final: Path) -> Copied:
    """Brings the copy to this version's schema and checks it. Raises StoreCorrupt with the first problem."""
    with errors_of(beside), contextlib.closing(apsw.Connection(str(beside))) as connection:
        migrate(connection)
    outcome = verify_database(beside)
    if not outcome.ok:
        problem = next(problem for check in outcome.checks for problem in check.problems)
        raise StoreCorrupt(f"{source} is damaged, so it was not copied: {problem}; `studygpt verify` tells more")
    with reading_only(beside) as reading:
        n_documents, n_chunks = reading.counts()
    return Copied(str(final), n_documents, n_chunks, beside.stat().st_size, outcome.content_sha256)


def _set_aside(folder: Path) -> Path | None:
    """Moves the database, its log and its vector indexes into a folder of their own; gives that folder, if any.

    Its name stands in a file while this lasts, so that an interrupted restore goes on with the same one and no other
    program takes half a database for a whole one.
    """
    marker = folder / RESTORING_NAME
    if marker.exists():
        former = folder / marker.read_text(encoding="utf-8")
    else:
        number = 1 + sum(1 for _ in folder.glob("former-*"))
        former = folder / f"former-{number}"
        _settle(folder / DATABASE_NAME)
        durable.write_whole(marker, [former.name.encode("utf-8")])
    names = [path for path in folder.iterdir() if path.name.startswith(DATABASE_NAME) or path.suffix == ".index"]
    if not names and not former.is_dir():
        return None
    durable.make_folder(former)
    for path in sorted(names):
        durable.move(path, former / path.name)
    return former


def _settle(path: Path) -> None:
    """Carries a database's log over into its one file, where it can still be read."""
    with contextlib.suppress(apsw.Error):
        if path.exists():
            connect(path).close()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name for a file in the making; it is removed with what SQLite puts beside it unless it was given its name."""
    try:
        yield path
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
