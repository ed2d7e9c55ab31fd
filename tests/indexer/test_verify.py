"""Every promise of a data folder can be seen to break, and a whole one keeps them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from indexer.dump import digest
from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.index import Index
from indexer.migrations import STEPS
from indexer.store import DATABASE_NAME
from indexer.verify import verify
from tests.indexer.crash.model import open_index

NOTES = {f"note{n}.md": f"# Note {n}\n\nThe thing{n} is unlike the others.\n".encode() for n in range(4)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with open_index(folder) as index:
        fill(index)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "data"))


def fill(index: Index) -> None:
    for name, data in NOTES.items():
        index.add(name, data)
    index.search("thing0")


def change(folder: Path, sql: str) -> None:
    """Changes the database as no transaction of ours would."""
    connection = apsw.Connection(str(folder / DATABASE_NAME))
    connection.execute(sql)
    connection.close()


def broken(folder: Path) -> dict[str, str]:
    """The first problem of each broken promise."""
    return {check.name: check.problems[0] for check in verify(folder).checks if check.n_problems}


def test_a_whole_folder_keeps_every_promise_and_all_is_counted(folder: Path) -> None:
    outcome = verify(folder)
    assert outcome.ok
    assert {check.name: check.n for check in outcome.checks} == {
        "database": 1, "sources": 4, "documents": 4, "vectors": 8, "words": 48, "snapshots": 1,
    }  # fmt: skip
    assert all(check.promise and check.remedy for check in outcome.checks)


@pytest.mark.parametrize(
    ("sql", "name", "problem"),
    [
        ("UPDATE blob SET data = x'00' WHERE rowid = 1", "sources", "have the sha256"),
        ("INSERT INTO blob VALUES ('ab', x'00')", "sources", "have the sha256"),
        ("UPDATE document SET n_chars = 3 WHERE path = 'note0.md'", "documents", "not as long as noted"),
        ("UPDATE document_text SET text = upper(text)", "documents", "is not the characters"),
        ("UPDATE document_text SET anchors = x'00'", "documents", "anchors are damaged"),
        ("UPDATE document SET n_chunks = 2 WHERE path = 'note0.md'", "documents", "not the 2 noted"),
        ("UPDATE chunk SET start = start + 1", "documents", "is not the characters"),
        ("UPDATE chunk SET ordinal = 3 WHERE chunk_id = 1", "documents", "has chunks [3]"),
        ("UPDATE chunk SET place = 'x' WHERE chunk_id = 1", "documents", "cannot be read"),
        ("UPDATE document SET notices = '[7]'", "documents", "is said to be missing of it cannot be read"),
        ("UPDATE document SET notices = 'x'", "documents", "is said to be missing of it cannot be read"),
        ("DELETE FROM vector WHERE vector_id = 1", "database", "belongs to no vector"),
        ("UPDATE vector SET data = zeroblob(32) WHERE vector_id = 1", "vectors", "has the length 0.0, not 1"),
        ("UPDATE vector SET data = x'007e' WHERE vector_id = 1", "vectors", "has 1 numbers, not 16"),
        ("UPDATE chunk SET vector_id = 2 WHERE chunk_id = 1", "vectors", "chunk 1 has no vector, or that of other"),
        ("DELETE FROM chunk_fts WHERE rowid = 2", "words", "where the chunks have"),
        ("INSERT INTO chunk_fts (rowid, text, headings, title) VALUES (9, 'x', '', '')", "words", "of chunk 9"),
        ("DROP TRIGGER chunk_deleted; DELETE FROM chunk WHERE chunk_id = 1", "words", "of chunk 1"),
        ("PRAGMA application_id = 0", "database", "does not say that it is studygpt's"),
        ("UPDATE meta SET value = '3' WHERE key = 'generation'", "snapshots", "later than the database's"),
    ],
)
def test_each_promise_can_be_seen_to_break(folder: Path, sql: str, name: str, problem: str) -> None:
    change(folder, sql)
    assert problem in broken(folder)[name]


def test_an_infinite_number_in_a_vector_is_found(folder: Path) -> None:
    change(folder, "UPDATE vector SET data = CAST(x'007c' || substr(data, 3) AS BLOB) WHERE vector_id = 1")
    assert "has the length inf" in broken(folder)["vectors"]


def test_a_page_of_noise_is_found(folder: Path) -> None:
    path = folder / DATABASE_NAME
    data = bytearray(path.read_bytes())
    data[8192:12288] = bytes(range(256)) * 16
    path.write_bytes(data)
    assert _is_found(folder)


def _is_found(folder: Path) -> bool:
    try:
        return "database" in broken(folder)
    except StoreCorrupt:
        return True


def test_a_damaged_snapshot_is_a_problem_that_costs_nothing(folder: Path) -> None:
    path = folder / "vectors.index"
    path.write_bytes(path.read_bytes()[:-1])
    (check,) = [check for check in verify(folder).checks if check.n_problems]
    assert (check.name, "nothing is lost" in check.remedy) == ("snapshots", True)


def test_an_old_snapshot_is_a_note_and_so_is_one_set_aside(folder: Path) -> None:
    (folder / "vectors.index.corrupt").write_bytes(b"x")
    change(folder, "UPDATE meta SET value = '9' WHERE key = 'generation'")
    outcome = verify(folder)
    assert outcome.ok
    assert [note.split()[0] for note in outcome.checks[-1].notes] == ["vectors.index", "vectors.index.corrupt"]
    assert "brought up to date when it is used" in outcome.checks[-1].notes[0]
    change(folder, "UPDATE meta SET value = 'another' WHERE key = 'embedding_model'")
    [note, _] = verify(folder).checks[-1].notes
    assert note.endswith("built again when it is used")


def test_many_problems_are_counted_and_the_first_told(folder: Path) -> None:
    change(folder, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "
                   "INSERT INTO blob SELECT 'no' || i, zeroblob(i) FROM n")  # fmt: skip
    (check,) = [check for check in verify(folder).checks if check.n_problems]
    assert (check.n_problems, len(check.problems)) == (100, 10)


def test_it_can_be_run_beside_a_service_and_changes_nothing(folder: Path) -> None:
    with open_index(folder) as index:
        index.add("more.txt", b"more words")
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"}
        assert verify(folder).ok
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"} == before
        index.add("again.txt", b"again")


def test_equal_documents_give_equal_content_whatever_happened_before(folder: Path, tmp_path: Path) -> None:
    with open_index(tmp_path / "other") as index:
        index.add("gone.txt", b"soon gone")
        for name in sorted(NOTES, reverse=True):
            index.add(name, b"first version")
        fill(index)
        index.remove(next(d.document_id for d in index.documents() if d.path == "gone.txt"))
    assert verify(tmp_path / "other").content_sha256 == verify(folder).content_sha256
    with open_index(tmp_path / "other") as index:
        index.add("note0.md", b"another")
        with index._store.read() as reading:
            assert digest(reading) != verify(folder).content_sha256


def test_a_folder_without_an_index_and_one_of_another_version_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataFolderUnusable, match="holds no index; name the data folder"):
        verify(tmp_path)
    change(folder, f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(DataFolderUnusable, match="upgrade studygpt"):
        verify(folder)
    change(folder, "PRAGMA user_version = 1")
    with pytest.raises(DataFolderUnusable, match="run `studygpt status` once"):
        verify(folder)
