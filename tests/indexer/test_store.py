"""Transactions: whole or not at all, consistent to read, refused when the database is not ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import numpy as np
import pytest

from indexer.errors import DataFolderUnusable, StoreCorrupt
from indexer.migrations import APPLICATION_ID, STEPS
from indexer.records import Draft, Writing
from indexer.store import DATABASE_NAME, Store
from indexer.types import Chunk, InPart, Place
from tests.indexer.crash.layer import Call, watching

TEXT = "cats purr"


def draft(path: str = "a.txt", text: str = TEXT) -> Draft:
    chunk = Chunk(0, len(text), text)
    return Draft(path, path, "text/plain", text.encode(), f"sha of {text}", 1, text, b"", (chunk,), (Place(),), (text,),
                 (text.encode(),), False)  # fmt: skip


def put(writing: Writing, path: str = "a.txt", text: str = TEXT, document_id: str | None = None) -> str:
    writing.add_vectors([text.encode()], np.ones((1, 4), dtype=np.float32) / 2)
    return writing.put(writing.make_collection("default"), draft(path, text), document_id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def test_what_is_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Store(tmp_path)
    with first.write() as writing:
        document_id = put(writing)
    first.close()
    second = Store(tmp_path)
    with second.read() as reading:
        assert reading.document(document_id).path == "a.txt"
        assert (reading.text(document_id), reading.source(document_id)) == (TEXT, TEXT.encode())
        assert reading.generation() == 1
    second.close()


def test_the_settings_that_durability_rests_on_are_in_force(store: Store) -> None:
    with store.read() as reading:
        settings = {name: reading.connection.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    def interrupted() -> None:
        with store.write() as writing:
            put(writing)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with store.read() as reading:
        assert reading.documents() == ()
        assert reading.collections() == ()
        assert reading.generation() == 0


def test_what_is_missing_of_a_document_is_kept_with_it(store: Store) -> None:
    notices = ("page 3 is an image", "“ü” is not read")
    with store.write() as writing:
        put(writing)
        collection_id = writing.make_collection("default")
        part = writing.put(collection_id, replace(draft("b.txt"), notices=notices))
        assert (writing.n_in_part(), writing.in_part(collection_id)) == (1, (InPart("b.txt", notices),))
    with store.read() as reading:
        assert reading.document(part).notices == notices
        assert [d.notices for d in reading.documents()] == [(), notices]


def test_the_generation_counts_only_what_a_search_can_see(store: Store) -> None:
    with store.write() as writing:
        writing.make_collection("default")
        writing.set_meta("key", "value")
    with store.write() as writing:
        document_id = put(writing)
        put(writing, "b.txt")
    with store.write() as writing:
        writing.touch(document_id, 5)
    with store.read() as reading:
        assert reading.generation() == 1


def test_a_read_sees_one_generation_whatever_is_written_meanwhile(store: Store) -> None:
    with store.write() as writing:
        put(writing, "a.txt")
    with store.read() as before:
        assert len(before.documents()) == 1
        with store.write() as writing:
            put(writing, "b.txt")
        assert (len(before.documents()), before.generation()) == (1, 1)
    with store.read() as after:
        assert (len(after.documents()), after.generation()) == (2, 2)


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(DataFolderUnusable), store.read() as reading:
        reading.connection.execute("DELETE FROM document")


def test_many_threads_read_while_one_writes(store: Store) -> None:
    seen: list[bool] = []

    def read() -> None:
        for _ in range(20):
            with store.read() as reading:
                seen.append(reading.counts()[0] == reading.generation() == len(reading.documents()))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(10):
        with store.write() as writing:
            put(writing, f"{n}.txt")
    for thread in threads:
        thread.join()
    assert seen == [True] * 80


def test_deleting_a_document_leaves_no_trace_of_it_but_its_vector(store: Store) -> None:
    with store.write() as writing:
        document_id = put(writing)
    with store.write() as writing:
        writing.delete(document_id)
        for table in ("document", "document_text", "chunk", "blob", "chunk_fts"):
            assert writing.connection.execute(f"SELECT count(*) FROM {table}").get == 0, table
        assert writing.n_vectors() == 1


def test_a_blob_lives_as_long_as_a_document_of_its_bytes(store: Store) -> None:
    with store.write() as writing:
        first, second = put(writing, "a.txt"), put(writing, "b.txt")
        writing.delete(first)
        assert writing.source(second) == TEXT.encode()
        writing.delete(second)
        assert writing.connection.execute("SELECT count(*) FROM blob").get == 0


def test_replacing_keeps_the_id_and_nothing_of_the_old_words(store: Store) -> None:
    with store.write() as writing:
        document_id = put(writing)
        assert put(writing, "c.txt", "dogs bark", document_id) == document_id
        assert [d.path for d in writing.documents()] == ["c.txt"]
        assert writing.connection.execute("SELECT count(*) FROM chunk_fts WHERE chunk_fts MATCH 'cats'").get == 0


def test_unused_vectors_are_purged_but_for_the_newest(store: Store) -> None:
    with store.write() as writing:
        put(writing)
        writing.add_vectors([b"1", b"2", b"3"], np.eye(3, 4, dtype=np.float32))
        writing.purge_vectors(keep=1)
        assert set(writing.vector_ids([TEXT.encode(), b"1", b"2", b"3"])) == {TEXT.encode(), b"3"}


def test_the_id_of_a_purged_vector_is_never_used_again(store: Store) -> None:
    with store.write() as writing:
        writing.add_vectors([b"1", b"2"], np.eye(2, 4, dtype=np.float32))
        writing.purge_vectors(keep=0)
        assert writing.last_vector_id() == 2
        writing.add_vectors([b"3"], np.eye(1, 4, dtype=np.float32))
        assert writing.vector_ids([b"3"]) == {b"3": 3}


def test_a_full_disk_is_named_and_what_was_there_stays(store: Store) -> None:
    with store.write() as writing:
        document_id = put(writing)
        pages = writing.connection.pragma("page_count")
        writing.connection.pragma("max_page_count", pages + 5)

    def overfill() -> None:
        with store.write() as writing:
            put(writing, "b.txt", "words " * 50_000)

    with pytest.raises(DataFolderUnusable, match=r"is full.*free space"):
        overfill()
    with store.write() as writing:
        assert [d.document_id for d in writing.documents()] == [document_id]
        writing.delete(document_id)
    with store.read() as reading:
        assert (reading.documents(), reading.generation()) == ((), 2)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / DATABASE_NAME))
    connection.pragma("user_version", len(STEPS) + 1)
    connection.close()
    with pytest.raises(DataFolderUnusable, match=f"schema {len(STEPS) + 1} .* upgrade studygpt"):
        Store(tmp_path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database " * 1000)
    with pytest.raises(StoreCorrupt, match=r"is damaged .* restore a backup"):
        Store(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == b"no database " * 1000


class FailingSync:
    """Lets the next sync of SQLite fail once it is `armed`."""

    armed = False

    def __call__(self, call: Call) -> None:
        if self.armed and call.sqlite and call.kind == "sync":
            self.armed = False
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)


def test_after_a_failed_sync_nothing_more_is_written_until_the_folder_is_opened_anew(tmp_path: Path) -> None:
    watch = FailingSync()
    with watching(watch):
        store = Store(tmp_path)
        with store.write() as writing:
            put(writing)
        watch.armed = True
        for name in ("b.txt", "c.txt"):
            with pytest.raises(DataFolderUnusable, match=r"failed to keep .* is safe"), store.write() as writing:
                put(writing, name)
        with store.read() as reading:
            assert [d.path for d in reading.documents()] == ["a.txt"]
        store.close()
    assert (tmp_path / f"{DATABASE_NAME}-wal").stat().st_size > 0  # closing has not carried the log over
    again = Store(tmp_path)
    with again.write() as writing:
        put(writing, "c.txt")
        assert {"a.txt", "c.txt"} <= {d.path for d in writing.documents()}
    again.close()


def test_a_failed_sync_while_the_log_is_carried_over_stops_the_writing_and_loses_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = FailingSync()
    with watching(watch):
        store = Store(tmp_path)
        monkeypatch.setattr("indexer.store.WAL_PAGES", 1)

        def arm(_connection: object, _name: str, pages: int) -> int:
            watch.armed = True
            return store._note_wal(store._writer, "main", pages)

        store._writer.set_wal_hook(arm)  # called between the commit and the carrying over
        with store.write() as writing:
            put(writing)
        with pytest.raises(DataFolderUnusable, match="failed to keep"), store.write() as writing:
            put(writing, "b.txt")
        store.close()
    again = Store(tmp_path)
    with again.read() as reading:
        assert [d.path for d in reading.documents()] == ["a.txt"]
    again.close()


def test_the_log_is_carried_over_once_it_is_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.store.WAL_PAGES", 20)
    for n in range(40):
        with store.write() as writing:
            put(writing, f"{n}.txt", f"words of {n}")
    log = store.path.with_name(f"{DATABASE_NAME}-wal").stat().st_size
    assert log < 60 * 4096


def test_a_database_of_an_older_version_takes_the_steps_it_lacks(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / DATABASE_NAME))
    connection.execute(STEPS[0])
    connection.pragma("user_version", 1)
    connection.execute("INSERT INTO collection (name) VALUES ('kept')")
    connection.execute("INSERT INTO blob VALUES ('ab', x'00')")
    connection.execute("INSERT INTO document VALUES ('id', 1, 'a.pdf', 'A', 't', 'ab', 1, 1, 0, 0, 'now', 0)")
    connection.close()
    store = Store(tmp_path)
    with store.read() as reading:
        assert [c.name for c in reading.collections()] == ["kept"]
        assert reading.document("id").notices == ()
        assert [known.outdated for known in reading.known(1)] == [1]
        assert reading.in_part(1) == ()
        assert reading.connection.pragma("user_version") == len(STEPS)
        assert reading.connection.pragma("application_id") == APPLICATION_ID
    store.close()
