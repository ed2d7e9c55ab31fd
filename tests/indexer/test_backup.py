"""A backup is whole and true or not there; restoring loses nothing, wherever it is interrupted."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import apsw
import pytest

from indexer import backup as module
from indexer.backup import backup, replace, restore
from indexer.errors import DataFolderLocked, DataFolderUnusable, StoreCorrupt
from indexer.migrations import STEPS
from indexer.store import DATABASE_NAME
from indexer.verify import verify
from tests.indexer.crash.model import open_index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_index(tmp_path / "data") as index:
        for n in range(4):
            index.add(f"note{n}.txt", f"thing{n} alpha".encode())
    return tmp_path / "data"


def documents(folder: Path) -> list[str]:
    with open_index(folder) as index:
        return [d.path for d in index.documents()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_backed_up_is_restored_elsewhere_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    made = backup(folder, tmp_path / "monday")
    assert (made.n_documents, made.path, made.former) == (4, str(tmp_path / "monday"), None)
    assert names(tmp_path) == ["data", "monday"]
    restored = restore(tmp_path / "monday", tmp_path / "new")
    assert restored.content_sha256 == made.content_sha256 == verify(folder).content_sha256
    assert verify(tmp_path / "new").ok
    with open_index(tmp_path / "new") as index:
        assert index.search("thing2").hits[0].path == "note2.txt"


def test_it_is_one_file_of_one_moment_while_others_write(folder: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            index.add("changing.txt", f"version {n}".encode())
            n += 1

    with open_index(folder) as index:
        writer = threading.Thread(target=write)
        writer.start()
        made = [backup(folder, tmp_path / f"{n}.backup") for n in range(3)]
        stop.set()
        writer.join()
    assert all(copied.n_documents in (4, 5) for copied in made)
    assert documents(folder)[0] == "changing.txt"


def test_a_backup_overwrites_nothing_and_leaves_nothing_when_it_fails(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="name a new file"):
        backup(folder, tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        backup(folder, tmp_path / "none" / "b")
    with pytest.raises(DataFolderUnusable, match="holds no index"):
        backup(tmp_path / "none", tmp_path / "b")
    assert (tmp_path / "mine").read_text() == "mine"
    assert names(tmp_path) == ["data", "mine"]


def test_what_is_damaged_is_not_copied(folder: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(folder / DATABASE_NAME))
    connection.execute("UPDATE blob SET data = x'00'")
    connection.close()
    with pytest.raises(StoreCorrupt, match="is damaged, so it was not copied: the bytes kept as"):
        backup(folder, tmp_path / "b")
    assert names(tmp_path) == ["data"]


def test_a_restore_refuses_what_is_no_backup_and_a_folder_that_is_not_empty(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b")
    with pytest.raises(DataFolderUnusable, match=r"holds an index already; .*--replace"):
        restore(tmp_path / "b", folder)
    (tmp_path / "text").write_bytes(b"no database " * 1000)
    with pytest.raises(StoreCorrupt):
        restore(tmp_path / "text", tmp_path / "new")
    apsw.Connection(str(tmp_path / "other.db")).execute("CREATE TABLE t (x)")
    with pytest.raises(StoreCorrupt, match="is not studygpt's"):
        restore(tmp_path / "other.db", tmp_path / "new")
    with pytest.raises(FileNotFoundError, match="no such backup"):
        restore(tmp_path / "none", tmp_path / "new")
    assert not (tmp_path / "new" / DATABASE_NAME).exists()


def test_replacing_keeps_what_was_there(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b")
    with open_index(folder) as index:
        index.add("later.txt", b"later than the backup")
    former = replace(tmp_path / "b", folder).former
    assert "later.txt" not in documents(folder)
    assert former is not None
    assert "later.txt" in documents(Path(former))
    assert replace(tmp_path / "b", folder).former == str(folder / "former-2")


def test_a_folder_in_use_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b")
    with open_index(folder), pytest.raises(DataFolderLocked):
        replace(tmp_path / "b", folder)


def test_an_interrupted_replacement_cannot_be_opened_and_is_finished_by_the_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(folder, tmp_path / "b")
    with open_index(folder) as index:
        index.add("later.txt", b"later than the backup")
    whole, move = shutil.copytree(folder, tmp_path / "whole"), module.durable.move
    for at in range(1, 8):
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        left = iter(range(at))

        def dying(source: Path, target: Path, left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            move(source, target)

        monkeypatch.setattr(module.durable, "move", dying)
        try:
            replace(tmp_path / "b", folder)
        except KeyboardInterrupt:
            with pytest.raises(
                DataFolderUnusable, match="was interrupted; run `studygpt restore FILE --replace` again"
            ):
                open_index(folder)
        monkeypatch.setattr(module.durable, "move", move)
        if not (folder / DATABASE_NAME).exists() or (folder / "restoring").exists():
            assert replace(tmp_path / "b", folder).former == str(folder / "former-1")
        assert "later.txt" not in documents(folder)
        assert "later.txt" in documents(folder / "former-1")


def test_a_backup_of_an_older_schema_is_brought_up_to_date(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b")
    connection = apsw.Connection(str(tmp_path / "b"))
    connection.execute("DROP TABLE shadow_vector")
    for column in ("notices", "read_as"):
        connection.execute(f"ALTER TABLE document DROP COLUMN {column}")
    connection.pragma("user_version", 1)
    connection.close()
    assert restore(tmp_path / "b", tmp_path / "new").n_documents == 4
    connection = apsw.Connection(str(tmp_path / "new" / DATABASE_NAME))
    assert connection.pragma("user_version") == len(STEPS)
    assert connection.execute("SELECT count(*) FROM document WHERE read_as = 0").get == 4  # read anew by a sync
