"""Another embedding model takes over at once, and until then searching goes on with the former one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from indexer import shadow
from indexer.embed import DoneOf, Vectors
from indexer.errors import EmbeddingModelError
from indexer.index import Index
from indexer.verify import verify
from tests.indexer.crash.model import Direct
from tests.indexer.fakes import HashEmbedder

OLD, NEW = HashEmbedder("old", 16), HashEmbedder("new", 24)


class Interrupted(HashEmbedder):
    """Stops after some texts."""

    def encode(self, texts: Sequence[str], progress: DoneOf | None = None) -> Vectors:
        if len(self.encoded) >= 4:
            raise KeyboardInterrupt
        return super().encode(texts, progress)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(shadow, "BATCH_TEXTS", 4)
    with Index.open(tmp_path, embedder=OLD, parsers=Direct()) as index:
        for n in range(10):
            index.add(f"{n}.txt", f"thing{n} alpha".encode())
        yield index


def open_with(folder: Path, embedder: HashEmbedder) -> Index:
    return Index.open(folder, embedder=embedder, parsers=Direct())


def test_afterwards_the_index_equals_one_made_with_the_new_model(index: Index, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    index.change_model(NEW, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 10), (8, 10), (10, 10)]
    assert (index.status().embedding_model, index.search("thing3", mode="dense").hits[0].path) == ("new", "3.txt")
    with open_with(tmp_path / "fresh", NEW) as fresh:
        for n in range(10):
            fresh.add(f"{n}.txt", f"thing{n} alpha".encode())
    assert verify(tmp_path).ok
    assert verify(tmp_path).content_sha256 == verify(tmp_path / "fresh").content_sha256


def test_the_folder_belongs_to_the_new_model_from_then_on(index: Index, tmp_path: Path) -> None:
    index.change_model(NEW)
    index.add("more.txt", b"more things")
    index.close()
    with pytest.raises(EmbeddingModelError, match="built with the embedding model 'new', not 'old'"):
        open_with(tmp_path, OLD)
    with open_with(tmp_path, NEW) as again:
        assert again.search("more", mode="dense").hits[0].path == "more.txt"


def test_the_same_model_again_changes_nothing(index: Index) -> None:
    generation = index.generation
    index.change_model(HashEmbedder("old", 16))
    assert index.generation == generation


def test_interrupted_it_goes_on_where_it_stopped_and_nothing_has_changed_meanwhile(
    index: Index, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        index.change_model(Interrupted("new", 24))
    assert index.search("thing7", mode="dense").hits[0].path == "7.txt"
    assert verify(tmp_path).ok
    again = HashEmbedder("new", 24)
    index.change_model(again)
    assert len(again.encoded) == 6
    assert verify(tmp_path).ok


def test_a_third_model_begins_anew(index: Index, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        index.change_model(Interrupted("new", 24))
    third = HashEmbedder("third", 8)
    index.change_model(third)
    assert (len(third.encoded), verify(tmp_path).ok) == (10, True)


def test_documents_that_come_and_go_meanwhile_are_there_or_not_with_the_new_model(index: Index, tmp_path: Path) -> None:
    ids = {d.path: d.document_id for d in index.documents()}

    class Busy(HashEmbedder):
        def encode(self, texts: Sequence[str], progress: DoneOf | None = None) -> Vectors:
            if not self.encoded:
                index.remove(ids["0.txt"])
                index.remove(ids["9.txt"])
                index.add("added.txt", b"beta gamma")
            return super().encode(texts, progress)

    index.change_model(Busy("new", 24))
    assert index.search("beta", mode="dense").hits[0].path == "added.txt"
    assert [d.path for d in index.documents()] == [*(f"{n}.txt" for n in range(1, 9)), "added.txt"]
    assert verify(tmp_path).ok


def test_no_search_fails_or_is_wrong_while_the_model_changes(index: Index) -> None:
    wrong: list[str] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            found = index.search("thing5", n=1, mode="dense").hits
            if [hit.path for hit in found] != ["5.txt"]:
                wrong.append(str(found))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(6):
        index.change_model(HashEmbedder(f"model {n}", 16 + n))
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
