"""Files to index: walking the paths a user names, and reading one file safely.

Inside a folder every name is opened relative to the open folder above it and no link is followed, so that whoever can
write there, even while it is walked, cannot lead the walk out of it.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexer.errors import LoadError, PathNotFound
from indexer.types import Failure

MAX_FILE_BYTES = 256 << 20  # notes and papers are far smaller; SQLite keeps a value below 1 GB
MAX_DEPTH = 100  # folders inside each other; the walk holds one descriptor for each
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # opening a pipe must not wait for its writer

_NOT_REGULAR = "not a regular file"
_LINKED = "has another name outside of the folder (a hard link); put a copy in its place, or name the file itself"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index: `path` as the user gave it (a folder's, joined with the name inside it).

    `root` is the folder that was walked, empty for a file that was named itself; `n_names` its names in there.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    root: str = ""
    n_names: int = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """The files found, in the order of their paths, and what could not be looked at."""

    files: tuple[Found, ...]
    failed: tuple[Failure, ...]


def scan(paths: Sequence[Path], suffixes: frozenset[str]) -> Scan:
    """The files at `paths`: each file named, and in each folder, at any depth, those with one of `suffixes`.

    Hidden files and folders are left out, symbolic links inside a folder are not followed, and a file there that has
    another name (hard link) out of it is refused, so that nothing outside is read. A file reached twice counts once.
    Raises PathNotFound before anything is read.
    """
    check_paths(paths)
    walk = _Walk(suffixes)
    for path in paths:
        if path.is_dir():
            walk.folder(str(path))
        else:
            walk.file(str(path))
    return walk.result()


def scan_changed(
    paths: Sequence[Path], changed: Sequence[str], suffixes: frozenset[str]
) -> tuple[tuple[str, ...], Scan]:
    """`changed`, absolute paths of files and folders, as a scan of `paths` names them, and what it finds there.

    Paths that lie in none of `paths` are left out; where there is nothing any more nothing is found.
    """
    walk, names = _Walk(suffixes), []
    roots = [(path, os.path.abspath(path)) for path in paths]
    for place in changed:
        inside = [
            (path, root) for path, root in roots if place == root or place.startswith(root.rstrip(os.sep) + os.sep)
        ]
        for path, root in inside[:1]:  # `scan` too finds a file by the first path that leads to it
            name = os.path.relpath(place, root)
            names.append(str(path) if name == os.curdir else os.path.join(str(path), name))
            if name != os.curdir:
                walk.inside(str(path), name)
            elif path.is_dir():
                walk.folder(str(path))
            else:
                walk.file(str(path))
    return tuple(names), walk.result()


def check_paths(paths: Sequence[Path]) -> None:
    """Raises PathNotFound for the first of `paths` that does not exist."""
    for path in paths:
        if not path.exists():
            raise PathNotFound(f"{str(path)!r} does not exist; name a file or a folder to index")


def read_file(path: str) -> bytes:
    """The bytes of a regular file that the user named. Raises LoadError with the reason in one line."""
    return read_found(Found(path, 0, 0))


def read_found(found: Found) -> bytes:
    """The bytes of a regular file as the walk found it: no link on the way from its root is followed.

    Raises LoadError with the reason in one line.
    """
    try:
        with open(_open_file(found), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise LoadError(_NOT_REGULAR)
            if found.root and status.st_nlink > found.n_names:
                raise LoadError(_LINKED)
            data = b"" if status.st_size > MAX_FILE_BYTES else file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise LoadError(_reason(error)) from error
    size_bytes = max(status.st_size, len(data))
    if size_bytes > MAX_FILE_BYTES:
        raise LoadError(f"larger than {MAX_FILE_BYTES >> 20} MiB ({size_bytes >> 20} MiB)")
    return data


def _open_file(found: Found) -> int:
    """A descriptor of the file; raises OSError for a symbolic link below the root."""
    if not found.root:
        return os.open(found.path, _FILE)
    *folders, name = os.path.relpath(found.path, found.root).split(os.sep)
    fd = _open_folder(found.root, folders)
    try:
        return os.open(name, _FILE | os.O_NOFOLLOW, dir_fd=fd)
    finally:
        os.close(fd)


def _open_folder(root: str, names: Sequence[str]) -> int:
    """A descriptor of the folder `names` below `root`, each name opened in the one before it."""
    fd = os.open(root, _FOLDER)
    for name in names:
        try:
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
        finally:
            os.close(fd)
        fd = inner
    return fd


@dataclass(slots=True)
class _Walk:
    """Files found so far, by real path, with the file's identity and its number of names."""

    suffixes: frozenset[str]
    files: dict[str, tuple[Found, os.stat_result]] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)

    def file(self, path: str) -> None:
        """A file that the user named, whatever it is."""
        try:
            self._add(path, os.path.realpath(path), os.stat(path.encode("utf-8")), "")
        except UnicodeEncodeError:
            self._fail_name(path)
        except OSError as error:
            self._fail(path, _reason(error))

    def folder(self, root: str) -> None:
        """All that is in a folder."""
        self._enter(root, os.path.realpath(root), [])

    def inside(self, root: str, name: str) -> None:
        """The file or folder `name` in `root`, if a walk of `root` would come to it."""
        *folders, last = parts = name.split(os.sep)
        if any(part.startswith(".") or not part for part in parts):
            return
        real = os.path.realpath(root)
        try:
            fd = _open_folder(root, folders)
        except OSError:  # gone, or no folder any more: a walk would not come here either
            return
        try:
            status = os.stat(last, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._enter(root, real, parts)
            elif self._wanted(last) and not stat.S_ISLNK(status.st_mode):
                self._take(root, real, parts, status)
        except FileNotFoundError:
            return
        except OSError as error:
            self._fail(os.path.join(root, name), _reason(error))
        finally:
            os.close(fd)

    def result(self) -> Scan:
        """The files in order; those in folders that have a name elsewhere are failures."""
        names = Counter((status.st_dev, status.st_ino) for _, status in self.files.values() if status.st_nlink > 1)
        files = []
        for found, status in self.files.values():
            n_names = names.get((status.st_dev, status.st_ino), 1)
            if found.root and status.st_nlink > n_names:
                self._fail(found.path, _LINKED)
            else:
                files.append(Found(found.path, found.size_bytes, found.mtime_ns, found.root, n_names))
        return Scan(tuple(sorted(files, key=lambda found: found.path)), tuple(self.failed))

    def _enter(self, root: str, real: str, parts: list[str]) -> None:
        path = os.path.join(root, *parts)
        if len(parts) > MAX_DEPTH:
            self._fail(path, f"more than {MAX_DEPTH} folders deep; name the folder itself to index it")
            return
        try:
            fd = _open_folder(root, parts)
        except OSError as error:
            self._fail(path, _reason(error))
            return
        try:
            self._list(fd, root, real, parts)
        except OSError as error:
            self._fail(path, _reason(error))
        finally:
            os.close(fd)

    def _list(self, fd: int, root: str, real: str, parts: list[str]) -> None:
        """Takes in what the open folder holds."""
        with os.scandir(fd) as listing:
            entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        for entry in entries:
            below = [*parts, entry.name]
            if entry.is_dir(follow_symlinks=False):
                self._enter(root, real, below)
            elif self._wanted(entry.name) and not entry.is_symlink():
                try:
                    self._take(root, real, below, os.stat(entry.name, dir_fd=fd, follow_symlinks=False))
                except OSError as error:
                    self._fail(os.path.join(root, *below), _reason(error))

    def _take(self, root: str, real: str, parts: list[str], status: os.stat_result) -> None:
        path = os.path.join(root, *parts)
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            self._fail_name(path)
            return
        if stat.S_ISREG(status.st_mode):
            self._add(path, os.path.join(real, *parts), status, root)
        else:
            self._fail(path, _NOT_REGULAR)

    def _wanted(self, name: str) -> bool:
        return os.path.splitext(name)[1].lower() in self.suffixes

    def _add(self, path: str, real: str, status: os.stat_result, root: str) -> None:
        self.files.setdefault(real, (Found(path, status.st_size, status.st_mtime_ns, root), status))

    def _fail(self, path: str, reason: str) -> None:
        self.failed.append(Failure(_shown(path), reason))

    def _fail_name(self, path: str) -> None:
        self._fail(path, "the file's name is not valid UTF-8; rename it")


def _shown(name: str) -> str:
    """The name with bytes that are no UTF-8 written as escapes, so that it can be printed."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
