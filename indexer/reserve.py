"""Room on the disk for deletes: a file of no content whose space is given up when a full disk would stop them.

Deleting from SQLite first writes: the changed pages go to the log. A delete never grows the database file, so once the
log has been carried over and cut, the space it took is free again and the reserve is filled anew.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_NAME = "reserve"
LEAST_BYTES = 1 << 20
MOST_BYTES = 32 << 20  # the log of a delete holds each page it changes once: enough for a book of ten thousand chunks
_USELESS = 64 << 10  # less than this is not worth a file


class Reserve:
    """The reserve of `folder`, whose database is the file `database`."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.path = folder / RESERVE_NAME
        self._database = database

    def size(self) -> int:
        """Bytes that are kept."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def is_needed(self) -> bool:
        """Whether the disk has less room left than a delete may take."""
        return free_bytes(self.path.parent) < self._goal()

    def give_up(self) -> None:
        """Frees the room."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def fill(self) -> None:
        """Keeps as much room as a delete may take, but no more than half of what there is: adding needs room as well.

        Does nothing when about that is kept already.
        """
        there = self.size()
        size = min(self._goal(), (free_bytes(self.path.parent) + there) // 2)
        if size >= max(_USELESS, 2 * there):
            with contextlib.suppress(OSError):  # another program was faster
                self._allocate(size)

    def _goal(self) -> int:
        """A delete changes no more pages than the database has."""
        size = self._database.stat().st_size if self._database.exists() else 0
        return min(max(size, LEAST_BYTES), MOST_BYTES)

    def _allocate(self, size: int) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(size // _USELESS):  # a file of holes would keep nothing
                os.write(fd, bytes(_USELESS))
        except OSError:
            os.ftruncate(fd, 0)
            raise
        finally:
            os.close(fd)


def free_bytes(folder: Path) -> int:
    """Bytes that this user can still write on the disk of `folder`."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
