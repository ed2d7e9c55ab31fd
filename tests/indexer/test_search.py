"""The vector index is a cache: whatever becomes of its file, a search finds what the database holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

import pytest

from indexer import search, sync
from indexer.errors import CollectionNotFound
from indexer.index import Index
from indexer.query import plain
from indexer.search import SNAPSHOT_NAME
from indexer.snapshot import read_snapshot
from indexer.types import Filter
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


def test_a_score_does_not_depend_on_how_many_candidates_each_side_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each side's own list may end before a hit of the other: its score there counts nevertheless."""
    words = [f"word{i}" for i in range(24)]
    with open_index(tmp_path) as index:
        for i in range(24):  # the more "cats" the better for BM25; the vectors know only how much else there is
            index.add(f"{i}.txt", " ".join(["cats"] * (1 + i) + words[: (7 * i) % 24]).encode(), collection="a")
        every = {hit.path: hit.score for hit in index.search("cats word1 word2", n=24).hits}
        monkeypatch.setattr(search, "N_CANDIDATES", 3)
        few = {hit.path: hit.score for hit in index.search("cats word1 word2", n=3).hits}
        of_dense = paths(index, "cats word1 word2", n=3, mode="dense")
        assert not set(of_dense) <= set(paths(index, "cats word1 word2", n=3, mode="bm25"))
        monkeypatch.setattr(search, "LARGE", 24)  # from here on the words are not walked through again
        large = {hit.path: hit.score for hit in index.search("cats word1 word2", n=3).hits}
    assert few == pytest.approx({path: every[path] for path in few})
    assert large != few


def test_only_the_collection_asked_for_is_searched(index: Index) -> None:
    for mode in ("hybrid", "dense", "bm25"):
        assert paths(index, "cats dogs fish", filter=Filter("fish"), mode=mode) == ["fish.md"]


def test_an_unknown_collection_is_named_beside_those_there_are(index: Index) -> None:
    with pytest.raises(CollectionNotFound, match=r"no collection named 'sea' \(there are: fish, land\)"):
        index.search("cats", filter=Filter("sea"))


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


def test_a_file_of_another_database_is_not_believed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    with open_index(other) as index:
        for name in ("x.md", "y.md", "z.md"):
            index.add(name, f"letters {name} and more".encode())
        index.search("letters")
    (folder / SNAPSHOT_NAME).write_bytes((other / SNAPSHOT_NAME).read_bytes())
    with open_index(folder) as index:
        hit = index.search("cats purr softly", mode="dense").hits[0]
        assert (hit.path, hit.score) == ("cats.md", pytest.approx(1, abs=1e-3))


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


def test_copies_of_a_better_hit_give_way(tmp_path: Path) -> None:
    with open_index(tmp_path) as index:
        for name in ("a.md", "b.md", "c.md"):
            index.add(name, b"cats purr softly at night")
        index.add("d.md", b"cats purr")
        hits = index.search("cats purr softly at night", n=4).hits
    assert [hit.path for hit in hits] == ["a.md", "d.md", "b.md", "c.md"]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_headings_alone_give_way_to_what_stands_under_them(tmp_path: Path) -> None:
    text = (
        "# The chain rule\n\n&nbsp;\n\n## Use\n\nThe chain rule is for long chains, where one thing hangs on another.\n"
    )
    with Index.open(tmp_path, embedder=HashEmbedder()) as index:
        index.add("a.md", text.encode())
        hits = index.search("the chain rule").hits
        assert ["&nbsp;" in hit.text for hit in hits] == [False, True]
        assert hits[1].score < hits[0].score


def test_what_a_query_demands_holds_for_both_sides(index: Index) -> None:
    index.add("both.md", b"cats bark at dogs", collection="land")
    for mode in ("hybrid", "dense", "bm25"):
        assert set(paths(index, "cats -bark", mode=mode)) == {"cats.md"}
        assert set(paths(index, '"dogs bark"', mode=mode)) == {"dogs.md"}
        assert set(paths(index, "cats AND dogs OR swim", mode=mode)) == {"both.md", "fish.md"}
    assert len(index.search(plain('"dogs bark"')).hits) == 4


class Large:
    """Four texts over many directions, so that a few hundred vectors have neighbours to find."""

    texts: ClassVar = [(f"{i % 7}/{i}.txt", f"w{i % 13} w{i % 29} w{i % 31} w{i % 5} word{i}") for i in range(400)]
    queries: ClassVar = [f"w{i % 13} w{i % 29} w{i % 31}" for i in range(0, 400, 9)]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(search, "LARGE", 300)
    with open_index(tmp_path) as index:
        index.add_texts(Large.texts)
        yield index


def test_a_large_index_searches_cells_and_misses_next_to_nothing(
    large: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert large.status().vector_index.endswith("cells")
    monkeypatch.undo()
    with open_index(tmp_path / "exact") as exact:
        exact.add_texts(Large.texts)
        right = {q: set(paths(exact, q, mode="dense")) for q in Large.queries}
    same = sum(len(right[q] & set(paths(large, q, mode="dense"))) for q in Large.queries)
    assert same >= 0.97 * 10 * len(Large.queries)


def test_a_large_index_is_kept_and_grows(large: Index, tmp_path: Path) -> None:
    kind = large.status().vector_index
    large.close()
    with open_index(tmp_path) as index:
        index.add("new.md", b"quokkas smile")
        hit = index.search("quokkas smile", mode="dense").hits[0]
        assert (hit.path, index.status().vector_index) == ("new.md", kind)
        index.remove(hit.document_id)
        assert "new.md" not in paths(index, "quokkas smile", n=50)


@pytest.mark.parametrize("mode", ["hybrid", "dense", "bm25"])
def test_a_filtered_search_is_the_whole_one_filtered(large: Index, mode: str) -> None:
    """The slow twin: every hit there is, and only then the filter."""
    for query in Large.queries[:6]:
        for path in ("3/*", "*/7?.txt", "nowhere/*", "*/11.txt"):
            everything = large.search(query, n=2000, mode=mode).hits  # type: ignore[arg-type]
            expected = [hit.score for hit in everything if fnmatchcase(hit.path, path)][:10]
            hits = large.search(query, n=10, filter=Filter(path=path), mode=mode).hits  # type: ignore[arg-type]
            assert all(fnmatchcase(hit.path, path) for hit in hits)
            if mode != "hybrid":  # whose scores are shares of the best hit's
                assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-5)


def test_searches_go_on_while_a_job_writes(index: Index) -> None:
    stop, failures = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            result = index.search("cats purr softly", filter=Filter("land"), n=50)
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
