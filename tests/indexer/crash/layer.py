"""What the indexer does to files, seen call by call: SQLite's through a VFS, the index files' through a stand-in for os.

A Watch is told of each call before it happens and may raise in its place. The calls themselves go to real files.
"""

# ruff: noqa: N802  (SQLite names the methods)

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import apsw

from indexer import durable

VFS_NAME = "watched"
_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL


@dataclass(frozen=True, slots=True)
class Call:
    """One call that changes a file, a name or what is durable.

    `kind` is create, write, truncate, sync, unlink, rename or sync_folder; `path` the file or folder, `offset` where a
    write begins or the length a truncation leaves, `data` what is written, `target` the new name of a rename.
    """

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    target: str = ""
    sqlite: bool = True  # whether SQLite makes the call: the error it expects is another one


class Watch(Protocol):
    """Sees every call before it is made."""

    def __call__(self, call: Call) -> None: ...


class _File(apsw.VFSFile):
    def __init__(self, watch: Watch, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._watch = watch
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        created = bool(flags[0] & apsw.SQLITE_OPEN_CREATE) and not os.path.exists(self._path)
        if created and self._path:
            watch(Call("create", self._path))
        # SQLite's unix VFS syncs the folder of a new journal or log with the file's first sync
        self._sync_folder = created and bool(flags[0] & _JOURNALS)
        super().__init__("unix", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        if self._path:
            self._watch(Call("write", self._path, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        if self._path:
            self._watch(Call("truncate", self._path, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        if self._path:
            self._watch(Call("sync", self._path))
            if self._sync_folder:
                self._watch(Call("sync_folder", os.path.dirname(self._path)))
                self._sync_folder = False
        super().xSync(flags)


class _VFS(apsw.VFS):
    def __init__(self, watch: Watch) -> None:
        super().__init__(VFS_NAME, "unix")
        self._watch = watch

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self._watch, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if os.path.exists(filename):
            self._watch(Call("unlink", filename))
            if syncdir:
                self._watch(Call("sync_folder", os.path.dirname(filename)))
        super().xDelete(filename, syncdir)


class _Os:
    """The part of `os` that indexer.durable uses."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._paths: dict[int, str] = {}
        self._at: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        name = os.fspath(path)
        if flags & os.O_CREAT and not os.path.exists(name):
            self._watch(Call("create", name, sqlite=False))
        elif flags & os.O_TRUNC:
            self._watch(Call("truncate", name, 0, sqlite=False))
        fd = os.open(path, flags, mode)
        self._paths[fd], self._at[fd] = name, 0
        return fd

    def write(self, fd: int, data: Any) -> int:
        self._watch(Call("write", self._paths[fd], self._at[fd], bytes(data), sqlite=False))
        n = os.write(fd, data)
        self._at[fd] += n
        return n

    def fsync(self, fd: int) -> None:
        kind = "sync_folder" if os.path.isdir(self._paths[fd]) else "sync"
        self._watch(Call(kind, self._paths[fd], sqlite=False))
        os.fsync(fd)

    def rename(self, source: Any, target: Any) -> None:
        self._watch(Call("rename", os.fspath(source), target=os.fspath(target), sqlite=False))
        os.rename(source, target)

    def unlink(self, path: Any) -> None:
        if os.path.exists(path):
            self._watch(Call("unlink", os.fspath(path), sqlite=False))
        os.unlink(path)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Shows every call of what is opened inside to `watch`."""
    before = apsw.vfs_names()[0]
    vfs = _VFS(watch)
    apsw.set_default_vfs(VFS_NAME)
    set_os: Callable[[Any], None] = lambda value: setattr(durable, "os", value)  # noqa: E731
    set_os(_Os(watch))
    try:
        yield
    finally:
        set_os(os)
        apsw.set_default_vfs(before)
        vfs.unregister()
