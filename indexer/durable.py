"""Files that are whole or not there, whenever the power goes: the only file here that renames or syncs.

A name is durable once its folder is synced, a file's bytes once the file is (POSIX fsync). Nothing is retried after a
failed sync: the system may have dropped the bytes and say nothing of it the second time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

BESIDE = ".tmp"  # suffix of a file that is being written; one that a crash has left is swept at the next start


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Replaces the file at `path`: afterwards, even after a power cut, it is the old one or the new one, whole.

    Raises OSError; then the old one is there and nothing is left beside it.
    """
    beside = path.with_suffix(BESIDE)
    with _removed_on_error(beside):
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            for part in parts:
                _write_all(fd, part)
            os.fsync(fd)
        finally:
            os.close(fd)
        move(beside, path)


def publish(beside: Path, path: Path) -> None:
    """Gives a finished file its name, in the place of what had it; both survive a power cut or neither does."""
    sync(beside)
    move(beside, path)


def move(source: Path, target: Path) -> None:
    """Renames, durably. What was at `target` is gone."""
    os.rename(source, target)
    sync(target.parent)
    if source.parent != target.parent:
        sync(source.parent)


def remove(path: Path) -> None:
    """Removes a file if it is there, durably."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        sync(path.parent)


def sync(path: Path) -> None:
    """Returns once the file, or the folder with its names, is on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Makes the folder and those above it, for this user alone, durably. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in missing:
        sync(folder.parent)


def sweep(folder: Path) -> None:
    """Removes what interrupted writes have left, where it can; call it only while nothing is being written there."""
    for left in folder.glob(f"*{BESIDE}"):
        with contextlib.suppress(OSError):
            remove(left)


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _write_all(fd: int, data: bytes) -> None:
    """A write may take less than it is given, without an error."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
