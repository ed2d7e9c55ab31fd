"""One process a data folder: an advisory lock that the operating system frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from indexer.errors import DataFolderLocked, DataFolderUnusable

LOCK_NAME = "lock"


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
    """Creates `folder` where it is missing and locks it.

    Raises DataFolderUnusable when it is no folder or cannot be written, DataFolderLocked when it is in use.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError as error:
        raise DataFolderUnusable(f"data folder {folder} is a file; name a folder instead") from error
    except NotADirectoryError as error:
        raise DataFolderUnusable(f"data folder {folder} lies inside a file; name a folder instead") from error
    except OSError as error:
        raise DataFolderUnusable(f"data folder {folder} cannot be created: {error.strerror}") from error
    return FolderLock(folder)
