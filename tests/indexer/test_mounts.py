"""A data folder on a network file system is recognised by its mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import lock
from indexer.errors import DataFolderUnusable
from indexer.mounts import file_system, is_network

MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /home/me/remote rw - fuse.sshfs me@host:/ rw
31 27 0:41 / /mnt/team\040share rw - nfs4 host:/export rw
32 31 8:1 / /mnt/team\040share/disk rw master:2 - xfs /dev/sda1 rw
33 27 0:42 / /over rw - ext4 /dev/sdb rw
34 27 0:43 / /over rw - cifs //host/share rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/data", "ext4"),
        ("/home/me/remote", "fuse.sshfs"),
        ("/home/me/remote/data", "fuse.sshfs"),
        ("/home/me/remotely", "ext4"),
        ("/mnt/team share/data", "nfs4"),
        ("/mnt/team share/disk/data", "xfs"),
        ("/over/data", "cifs"),
    ],
)
def test_the_innermost_and_latest_mount_counts(folder: str, kind: str) -> None:
    assert file_system(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse", "fuse.sshfs", "fuse.rclone"])
def test_network_file_systems_are_refused(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["", "ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "fuse.gocryptfs"])
def test_local_ones_are_not(kind: str) -> None:
    assert not is_network(kind)


def test_this_machine_is_asked_when_no_mounts_are_given(tmp_path: Path) -> None:
    assert not is_network(file_system(tmp_path))


def test_a_claim_on_a_network_folder_names_the_file_system_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "file_system", lambda folder: file_system(Path("/home/me/remote"), MOUNTS))
    with pytest.raises(DataFolderUnusable, match=r"network file system \(fuse.sshfs\).*choose a folder on a disk"):
        lock.claim(tmp_path)
