"""Files to index: walking the paths a user names, and reading one file safely."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import LoadError, PathNotFound
from indexer.types import Failure

MAX_FILE_BYTES = 256 << 20  # notes and papers are far smaller; SQLite keeps a value below 1 GB


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index: `path` as the user gave it (a folder's, joined with the name inside it)."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Scan:
    """The files found, in the order of their paths, and what could not be looked at."""

    files: tuple[Found, ...]
    failed: tuple[Failure, ...]


def scan(paths: Sequence[Path], suffixes: frozenset[str]) -> Scan:
    """The files at `paths`: each file named, and in each folder, at any depth, those with one of `suffixes`.

    Hidden files and folders are left out, and symbolic links inside a folder are not followed, so that nothing
    outside of it is read. A file reached twice counts once. Raises PathNotFound before anything is read.
    """
    for path in paths:
        if not path.exists():
            raise PathNotFound(f"{str(path)!r} does not exist; name a file or a folder to index")
    files: dict[str, Found] = {}  # by real path
    failed: list[Failure] = []
    for path in paths:
        names = _walk(path, suffixes, failed) if path.is_dir() else iter([str(path)])
        for name in names:
            try:
                status = os.stat(name.encode("utf-8"))
            except UnicodeEncodeError:
                failed.append(Failure(_shown(name), "the file's name is not valid UTF-8; rename it"))
            except OSError as error:
                failed.append(Failure(name, _reason(error)))
            else:
                files.setdefault(os.path.realpath(name), Found(name, status.st_size, status.st_mtime_ns))
    return Scan(tuple(sorted(files.values(), key=lambda found: found.path)), tuple(failed))


def read_file(path: str) -> bytes:
    """The bytes of a regular file. Raises LoadError with the reason in one line."""
    try:
        # O_NONBLOCK: opening a pipe must not wait for its writer
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise LoadError("not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                raise LoadError(f"larger than {MAX_FILE_BYTES >> 20} MiB ({status.st_size >> 20} MiB)")
            return file.read()
    except OSError as error:
        raise LoadError(_reason(error)) from error


def _walk(folder: Path, suffixes: frozenset[str], failed: list[Failure]) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        failed.append(Failure(_shown(str(error.filename)), _reason(error)))

    for inside, folders, names in os.walk(folder, onerror=unreadable, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(inside, name)
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes and not os.path.islink(path):
                yield path


def _shown(name: str) -> str:
    """The name with bytes that are no UTF-8 written as escapes, so that it can be printed."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
