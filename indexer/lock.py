"""One process a data folder: an advisory lock that the operating system frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from indexer.durable import make_folder, sweep
from indexer.errors import DataFolderLocked, DataFolderUnusable
from indexer.mounts import file_system, is_network

LOCK_NAME = "lock"
RESTORING_NAME = "restoring"  # is there while a restore puts its files in place


class FolderLock:
    """Holds `folder` for this process until `release`; raises DataFolderLocked when another holder lives.

    `flock` belongs to the open file, so a second opening in the same process is refused as well.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_NAME
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderUnusable(f"data folder {folder} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise DataFolderLocked(
                f"data folder {folder} is in use by process {holder}; stop that process or choose another folder"
            ) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, str(os.getpid()).encode("ascii"))

    def release(self) -> None:
        """Frees the folder; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def claim(folder: Path) -> FolderLock:
    """Creates `folder` where it is missing, locks it and removes what interrupted writes have left.

    Raises DataFolderUnusable when it is no folder, cannot be written, is on a network file system or half restored,
    DataFolderLocked when it is in use.
    """
    lock = claim_any(folder)
    if (folder / RESTORING_NAME).exists():
        lock.release()
        raise DataFolderUnusable(
            f"a restore into {folder} was interrupted; run `studygpt restore FILE --replace` again with the same backup"
        )
    sweep(folder)
    return lock


def claim_any(folder: Path) -> FolderLock:
    """`claim` for a restore, which may find its own half-done work and leaves every file alone."""
    try:
        make_folder(folder)
    except FileExistsError as error:
        raise DataFolderUnusable(f"data folder {folder} is a file; name a folder instead") from error
    except NotADirectoryError as error:
        raise DataFolderUnusable(f"data folder {folder} lies inside a file; name a folder instead") from error
    except OSError as error:
        raise DataFolderUnusable(f"data folder {folder} cannot be created: {error.strerror}") from error
    kind = file_system(folder)
    if is_network(kind):
        raise DataFolderUnusable(
            f"data folder {folder} is on a network file system ({kind}), where a database gets damaged; "
            "choose a folder on a disk of this machine"
        )
    return FolderLock(folder)
