"""The vector index is a cache: whatever becomes of its file, a search finds what the database holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer import search, sync
from indexer.errors import CollectionNotFound
from indexer.index import Index
from indexer.search import SNAPSHOT_NAME
from indexer.snapshot import read_snapshot
from tests.indexer.fakes import HashEmbedder

NOTES = {"cats.md": "cats purr softly", "dogs.md": "dogs bark loudly", "fish.md": "fish swim deeply"}


def open_index(folder: Path) -> Index:
    return Index.open(folder, embedder=HashEmbedder())


def paths(index: Index, query: str, **options: object) -> list[str]:
    return [hit.path for hit in index.search(query, **options).hits]  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_index(tmp_path) as index:
        for name, text in NOTES.items():
            index.add(name, text.encode(), collection="fish" if name == "fish.md" else "land")
        index.search("cats")
    return tmp_path


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    with open_index(folder) as index:
        yield index


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_every_mode_finds_the_words_best_first(index: Index, mode: str) -> None:
    hits = index.search("dogs bark", mode=mode).hits  # type: ignore[arg-type]
    assert hits[0].path == "dogs.md"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_hit_is_a_slice_of_its_document(index: Index) -> None:
    for hit in index.search("cats dogs fish").hits:
        assert hit.text == index.text(hit.document_id)[hit.start : hit.end]
        assert hit.sha256 == index.document(hit.document_id).sha256
        assert hit.place == index.locate(hit.document_id, hit.start, hit.end)


def test_hybrid_finds_what_only_one_side_finds(index: Index) -> None:
    assert paths(index, "bark", mode="bm25") == ["dogs.md"]
    assert set(paths(index, "bark", mode="hybrid")) == set(NOTES)


def test_only_the_collection_asked_for_is_searched(index: Index) -> None:
    for mode in ("hybrid", "dense", "bm25"):
        assert paths(index, "cats dogs fish", collection="fish", mode=mode) == ["fish.md"]


def test_an_unknown_collection_is_named_beside_those_there_are(index: Index) -> None:
    with pytest.raises(CollectionNotFound, match=r"no collection named 'sea' \(there are: fish, land\)"):
        index.search("cats", collection="sea")


def test_an_empty_query_and_an_empty_index_find_nothing(index: Index, tmp_path: Path) -> None:
    assert paths(index, "  ") == paths(index, "cats", n=0) == []
    with open_index(tmp_path / "new") as new:
        assert paths(new, "cats") == []


def test_half_a_character_in_a_query_does_no_harm(index: Index) -> None:
    assert paths(index, "cats \ud800 purr")[0] == "cats.md"


def test_a_search_without_vectors_asks_nothing_of_the_model(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with Index.open(tmp_path, embedder=embedder) as index:
        index.search("cats")
        index.search("cats", mode="bm25")
    assert embedder.encoded == []


def test_a_search_sees_what_was_written_before_it_and_not_what_was_removed(index: Index) -> None:
    document = index.add("birds.md", b"birds sing sweetly", collection="land")
    result = index.search("birds", mode="dense")
    assert (result.hits[0].path, result.generation) == ("birds.md", index.generation)
    index.remove(document.document_id)
    assert "birds.md" not in paths(index, "birds", n=100)


def test_the_file_serves_the_next_opening(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object) -> None:
        raise AssertionError("rebuilt although the file is whole")

    monkeypatch.setattr(search.Searcher, "_build", build)
    with open_index(folder) as index:
        assert paths(index, "cats")[0] == "cats.md"


def test_a_damaged_file_is_set_aside_and_rebuilt(folder: Path) -> None:
    file = folder / SNAPSHOT_NAME
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with open_index(folder) as index:
        assert paths(index, "cats")[0] == "cats.md"
    assert (folder / f"{SNAPSHOT_NAME}.corrupt").read_bytes() == damaged
    assert read_snapshot(file)[0].generation == 3


def test_a_missing_file_is_rebuilt(folder: Path) -> None:
    (folder / SNAPSHOT_NAME).unlink()
    with open_index(folder) as index:
        assert paths(index, "cats")[0] == "cats.md"
    assert (folder / SNAPSHOT_NAME).exists()


def test_a_file_of_an_older_generation_is_not_believed(folder: Path) -> None:
    stale = (folder / SNAPSHOT_NAME).read_bytes()
    with open_index(folder) as index:
        index.add("cats.md", b"cows moo gently", collection="land")
    (folder / SNAPSHOT_NAME).write_bytes(stale)
    with open_index(folder) as index:
        assert paths(index, "cows moo", mode="dense")[0] == "cats.md"


def test_a_folder_where_the_file_cannot_be_written_still_closes(folder: Path) -> None:
    (folder / SNAPSHOT_NAME).unlink()
    (folder / SNAPSHOT_NAME).with_suffix(".tmp").mkdir()
    with open_index(folder) as index:
        assert paths(index, "cats")[0] == "cats.md"


def test_an_index_that_is_mostly_waste_is_rebuilt(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SPARE_IDS", 0)
    monkeypatch.setattr(sync, "KEEP_VECTORS", 0)
    for n in range(8):
        index.add("cats.md", f"cats number {n}".encode(), collection="land")
        index.sync([], collection="empty")
        assert paths(index, f"cats number {n}", mode="dense")[0] == "cats.md"
    assert index._searcher._index is not None
    assert len(index._searcher._index) <= 2 * 3


def test_more_hits_than_candidates_can_be_asked_for(tmp_path: Path) -> None:
    with open_index(tmp_path) as index:
        index.add_texts([(str(n), f"cats number {n}") for n in range(150)])
        for mode in ("hybrid", "dense", "bm25"):
            assert len(paths(index, "cats", n=140, mode=mode)) == 140
            assert len(paths(index, "cats", n=500, mode=mode)) == 150


def test_equal_scores_are_ordered_by_path(tmp_path: Path) -> None:
    with open_index(tmp_path) as index:
        for name in ("c.md", "a.md", "b.md"):
            index.add(name, b"the very same words")
        assert paths(index, "same words", n=2) == ["a.md", "b.md"]


def test_searches_go_on_while_a_job_writes(index: Index) -> None:
    stop, failures = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            result = index.search("cats purr softly", collection="land", n=50)
            if result.hits[0].path != "cats.md" or any(hit.collection != "land" for hit in result.hits):
                failures.append(result)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(15):
        index.add(f"{n}.md", f"note number {n} of many".encode(), collection="land" if n % 2 else "fish")
        if n % 3 == 2:
            index.remove(index.add("gone.md", b"gone soon", collection="land").document_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
