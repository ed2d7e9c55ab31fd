"""Which file system a folder is on, and whether a database may live there.

A network file system promises neither that a lock excludes nor that shared memory is shared, and SQLite's log needs both
(https://sqlite.org/wal.html, "all processes must be on the same host"): such a database is damaged sooner or later.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    """9p afs afp beegfs ceph cifs coda davfs fakeowner fuse gpfs glusterfs lustre ncpfs nfs nfs4 orangefs prl_fs smb2 smb3
    smbfs vboxsf vmhgfs""".split()
)
LOCAL_FUSE = frozenset("encfs exfat fuse-overlayfs fuse2fs gocryptfs mergerfs ntfs-3g zfs".split())


def is_network(kind: str) -> bool:
    """Whether a file system of this name (`nfs4`, `fuse.sshfs`) is, or may be, on another machine."""
    family, _, program = kind.partition(".")
    return kind in NETWORK if not program else family == "fuse" and program not in LOCAL_FUSE


def file_system(folder: Path, mounts: str | None = None) -> str:
    """The name of the file system that `folder` is on, or "" where the system does not tell (not Linux).

    `mounts` is the text of /proc/self/mountinfo (proc_pid_mountinfo(5)), read when it is not given.
    """
    if mounts is None:
        if not MOUNTS.is_file():
            return ""
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
    path = os.path.realpath(folder)
    depth, found = -1, ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        at = _unescape(fields.split(" ")[4])
        if _holds(at, path) and len(at) >= depth:  # of two mounts on one folder the later one hides the other
            depth, found = len(at), rest.split(" ")[0]
    return found


def _holds(mount: str, path: str) -> bool:
    return path == mount or path.startswith(mount.rstrip("/") + "/")


def _unescape(text: str) -> str:
    """Blanks and backslashes stand there as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
