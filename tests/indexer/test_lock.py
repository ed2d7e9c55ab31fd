"""A data folder has one holder, and says who."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.errors import DataFolderLocked, DataFolderUnusable
from indexer.lock import RESTORING_NAME, claim, claim_any


def test_a_second_claim_is_refused_with_the_holder_and_the_remedy(tmp_path: Path) -> None:
    lock = claim(tmp_path / "data")
    with pytest.raises(DataFolderLocked, match=f"{tmp_path / 'data'} is in use by process {os.getpid()}; stop"):
        claim(tmp_path / "data")
    lock.release()
    claim(tmp_path / "data").release()


def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    holder = "import sys, os; from pathlib import Path; from indexer.lock import claim; claim(Path(sys.argv[1])); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", holder, str(tmp_path)], check=False).returncode == 9
    claim(tmp_path).release()


def test_a_claim_removes_what_interrupted_writes_have_left(tmp_path: Path) -> None:
    (tmp_path / "vectors.tmp").write_bytes(b"half")
    claim(tmp_path).release()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_folder_that_is_half_restored_is_refused_and_freed(tmp_path: Path) -> None:
    (tmp_path / RESTORING_NAME).write_text("former-1")
    with pytest.raises(DataFolderUnusable, match="interrupted; run `studygpt restore FILE --replace` again"):
        claim(tmp_path)
    claim_any(tmp_path).release()


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataFolderUnusable, match="is a file; name a folder"):
        claim(tmp_path / "file")
    with pytest.raises(DataFolderUnusable, match="lies inside a file"):
        claim(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataFolderUnusable, match="cannot be written"):
        claim(tmp_path)
    with pytest.raises(DataFolderUnusable, match="cannot be created"):
        claim(tmp_path / "data")


def test_a_folder_on_a_read_only_system_is_refused() -> None:
    with pytest.raises(DataFolderUnusable, match="/proc/studygpt cannot be created"):
        claim(Path("/proc/studygpt"))
