"""A disk that loses what was not synced: from a record of calls to what could be there after the power went.

POSIX promises no more than this model: a write counts once its file is synced, a name once its folder is. Until then
each write may be kept, lost, or kept in part by sectors, in any order, and so may each change of a name.
"""

from __future__ import annotations

import copy
import os
import random
from dataclasses import dataclass, field

from tests.indexer.crash.layer import Call

SECTOR = 512


@dataclass(slots=True)
class Inode:
    """A file's bytes that are safe, and the changes that are not."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)


@dataclass(slots=True)
class Disk:
    """The state of the disk after the calls it was told of."""

    names: dict[str, Inode] = field(default_factory=dict)  # as programs see them
    safe_names: dict[str, Inode] = field(default_factory=dict)
    pending_names: list[tuple[str, str, Inode | None]] = field(default_factory=list)  # (name gone, name come, file)

    def apply(self, call: Call) -> None:
        """Takes note of one call."""
        if call.kind == "create":
            self.names[call.path] = Inode()
            self.pending_names.append(("", call.path, self.names[call.path]))
        elif call.kind in ("write", "truncate"):
            self.names[call.path].pending.append(call)
        elif call.kind == "sync":
            inode = self.names[call.path]
            for change in inode.pending:
                _change(inode.safe, change, range(0, len(change.data) + SECTOR, SECTOR))
            inode.pending = []
        elif call.kind == "unlink":
            del self.names[call.path]
            self.pending_names.append((call.path, "", None))
        elif call.kind == "rename":
            self.names[call.target] = self.names.pop(call.path)
            self.pending_names.append((call.path, call.target, self.names[call.target]))
        elif call.kind == "sync_folder":
            self._sync_names(call.path)

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """What could be there if the power went now: name -> bytes. `rng` decides what is kept."""
        kept = rng.choice((0.0, 1.0, rng.random(), rng.random()))
        names = dict(self.safe_names)
        for gone, come, inode in self.pending_names:
            if rng.random() < kept:
                _rename(names, gone, come, inode)
        return {name: bytes(self._torn(inode, kept, rng)) for name, inode in names.items()}

    def _torn(self, inode: Inode, kept: float, rng: random.Random) -> bytearray:
        content = copy.copy(inode.safe)
        for change in inode.pending:
            sectors = range(0, max(len(change.data), 1), SECTOR)
            fate = rng.random()
            if fate < kept * 0.8 or kept == 1.0:
                _change(content, change, sectors)
            elif fate < kept:
                _change(content, change, [at for at in sectors if rng.random() < 0.5])
        return content

    def _sync_names(self, folder: str) -> None:
        rest: list[tuple[str, str, Inode | None]] = []
        for gone, come, inode in self.pending_names:
            if os.path.dirname(come or gone) == folder:
                _rename(self.safe_names, gone, come, inode)
            else:
                rest.append((gone, come, inode))
        self.pending_names = rest


def _rename(names: dict[str, Inode], gone: str, come: str, inode: Inode | None) -> None:
    names.pop(gone, None)
    if inode is not None:
        names[come] = inode


def _change(content: bytearray, call: Call, sectors: range | list[int]) -> None:
    """Makes a change, of a write those sectors of it (by their offsets in its data) that are told."""
    if call.kind == "truncate":
        if sectors:
            del content[call.offset :]
            content.extend(bytes(call.offset - len(content)))
        return
    for at in sectors:
        piece = call.data[at : at + SECTOR]
        start = call.offset + at
        content.extend(bytes(max(0, start + len(piece) - len(content))) if piece else b"")
        content[start : start + len(piece)] = piece
