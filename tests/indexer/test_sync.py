"""A sync does what has changed and nothing else, and afterwards equals a fresh index of the same files."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexer import sync
from indexer.errors import EmbeddingModelError, PathNotFound
from indexer.index import Index
from indexer.records import Vectors
from indexer.types import Filter, Progress, SyncReport
from tests.indexer.fakes import HashEmbedder

TOPICS = ["gradient", "attention", "tokenizer", "retrieval", "embedding", "optimizer", "perceptron", "softmax"]


def note(*topics: str) -> str:
    sections = (f"## About {topic}\n\nThe {topic} is a thing of its own, unlike the rest.\n" for topic in topics)
    return "# Notes\n\n" + "\n".join(sections)


def counts(report: SyncReport) -> dict[str, int]:
    """The counts of a report that are not 0, without the time it took."""
    names = ("files", "added", "updated", "renamed", "removed", "unchanged", "embedded")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, topic in zip("abc", TOPICS, strict=False):
        (folder / f"{name}.md").write_text(note(topic))
    return folder


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def index(tmp_path: Path, embedder: HashEmbedder) -> Iterator[Index]:
    with Index.open(tmp_path / "data", embedder=embedder) as index:
        yield index


def test_the_first_sync_adds_and_the_second_does_nothing(index: Index, notes: Path, embedder: HashEmbedder) -> None:
    first = index.sync([notes])
    assert counts(first) == {"files": 3, "added": 3, "embedded": len(embedder.encoded)}
    assert first.chunks == first.embedded > 0
    generation = index.generation
    assert counts(index.sync([notes])) == {"files": 3, "unchanged": 3}
    assert index.generation == generation


def test_only_the_new_words_of_an_edit_are_embedded(index: Index, notes: Path, embedder: HashEmbedder) -> None:
    index.sync([notes])
    before = index.documents()
    embedder.encoded.clear()
    (notes / "a.md").write_text(note("gradient", "momentum"))
    assert counts(index.sync([notes])) == {"files": 3, "updated": 1, "unchanged": 2, "embedded": 1}
    assert len(embedder.encoded) == 1
    assert "momentum" in embedder.encoded[0]
    assert [d.document_id for d in index.documents()] == [d.document_id for d in before]
    assert index.search("momentum", mode="bm25").hits[0].path == str(notes / "a.md")


def test_a_rename_embeds_nothing_and_keeps_the_id(index: Index, notes: Path, embedder: HashEmbedder) -> None:
    index.sync([notes])
    ids = {d.path: d.document_id for d in index.documents()}
    embedder.encoded.clear()
    (notes / "sub").mkdir()
    (notes / "a.md").rename(notes / "sub" / "z.md")
    assert counts(index.sync([notes])) == {"files": 3, "renamed": 1, "unchanged": 2}
    assert embedder.encoded == []
    after = {d.path: d.document_id for d in index.documents()}
    assert after[str(notes / "sub" / "z.md")] == ids[str(notes / "a.md")]
    assert index.search("gradient", mode="bm25").hits[0].path == str(notes / "sub" / "z.md")


def test_a_deleted_file_is_gone_and_comes_back_for_nothing(index: Index, notes: Path) -> None:
    index.sync([notes])
    (notes / "a.md").unlink()
    assert counts(index.sync([notes])) == {"files": 2, "removed": 1, "unchanged": 2}
    assert index.search("gradient", mode="bm25").hits == ()
    (notes / "a.md").write_text(note("gradient"))
    assert counts(index.sync([notes])) == {"files": 3, "added": 1, "unchanged": 2}


def test_a_file_touched_but_not_changed_is_unchanged(index: Index, notes: Path) -> None:
    index.sync([notes])
    os.utime(notes / "a.md", ns=(10**18, 10**18))
    generation = index.generation
    assert counts(index.sync([notes])) == {"files": 3, "unchanged": 3}
    assert index.generation == generation


def test_an_edit_within_one_tick_of_the_clock_is_noticed(index: Index, notes: Path) -> None:
    """The same size and the same time, so shortly after the first sync that the time proves nothing."""
    index.sync([notes])
    status = (notes / "a.md").stat()
    (notes / "a.md").write_text(note("gradient").replace("unlike", "beside"))
    os.utime(notes / "a.md", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counts(index.sync([notes]))["updated"] == 1


def test_an_old_file_is_known_by_its_size_and_time_without_being_read(index: Index, notes: Path) -> None:
    for file in notes.iterdir():
        os.utime(file, ns=(10**18, 10**18))
    index.sync([notes])
    (notes / "a.md").write_text("?" * (notes / "a.md").stat().st_size)
    os.utime(notes / "a.md", ns=(10**18, 10**18))
    assert counts(index.sync([notes])) == {"files": 3, "unchanged": 3}


def test_what_is_missing_of_a_document_is_told_at_every_look_until_it_is_there(index: Index, notes: Path) -> None:
    (notes / "paper.tex").write_text("Words.\n\\input{one}\n")
    (notes / "bad.tex").write_bytes(b"\xff\xfe\xfd")
    missing = [("paper.tex", 'includes "one": not a part of')]

    def told(report: SyncReport) -> list[tuple[str, str]]:
        return [(Path(each.path).name, each.notices[0][: len(missing[0][1])]) for each in report.in_part]

    assert told(index.sync([notes])) == missing
    assert told(index.sync([notes])) == missing
    assert told(index.refresh([notes], [str(notes / "a.md")])) == []
    assert told(index.refresh([notes], [str(notes / "paper.tex")])) == missing
    assert [d.notices != () for d in index.documents()] == [False, False, False, True]
    assert index.status().n_in_part == 1
    (notes / "paper.tex").write_text("Words, and one.\n")
    assert told(index.sync([notes])) == []
    assert index.status().n_in_part == 0


def test_what_an_earlier_version_has_read_is_read_again_once_and_embeds_nothing(index: Index, notes: Path) -> None:
    for file in notes.iterdir():
        os.utime(file, ns=(10**18, 10**18))
    index.sync([notes])
    uploaded = index.add("up.txt", b"uploaded words")
    with index._store.write() as writing:
        writing.connection.execute("UPDATE document SET read_as = 0")
    changed = index.generation
    assert counts(index.sync([notes])) == {"files": 3, "updated": 3}
    assert index.generation > changed
    assert counts(index.sync([notes])) == {"files": 3, "unchanged": 3}
    assert index.document(uploaded.document_id).sha256 == uploaded.sha256
    with index._store.read() as reading:
        assert not any(known.outdated for known in reading.known(reading.collection_id("default")))


def test_of_uploads_that_were_read_otherwise_only_those_that_can_be_read_are_read_again(index: Index, notes: Path) -> None:
    index.sync([notes])
    kept = index.add("broken.txt", b"words that were read")
    index.add_texts([("0000001", "a text of an evaluation")])
    with index._store.write() as writing:
        writing.connection.execute("INSERT INTO blob VALUES ('none', x'')")
        writing.connection.execute("UPDATE document SET read_as = 0, sha256 = 'none' WHERE path = 'broken.txt'")
        writing.connection.execute("UPDATE document SET read_as = 0 WHERE path = '0000001'")
    report = index.sync([notes])
    assert [failure.path for failure in report.failed] == ["broken.txt"]
    assert index.text(kept.document_id) == "words that were read"
    assert [hit.path for hit in index.search("evaluation", mode="bm25").hits] == ["0000001"]


def test_a_file_that_cannot_be_indexed_is_reported_and_the_rest_goes_on(index: Index, notes: Path) -> None:
    (notes / "bad.ipynb").write_text("{ not json")
    (notes / "empty.md").write_text("")
    (notes / "photo.jpg").write_bytes(b"\xff\xd8")
    report = index.sync([notes, notes / "photo.jpg"])
    assert (report.files, report.added) == (6, 3)
    assert [Path(failure.path).name for failure in report.failed] == ["bad.ipynb", "empty.md", "photo.jpg"]
    assert all(failure.reason and "\n" not in failure.reason for failure in report.failed)


def test_a_file_that_breaks_keeps_its_last_good_version(index: Index, notes: Path) -> None:
    index.sync([notes])
    (notes / "a.md").write_bytes(b"")
    report = index.sync([notes])
    assert counts(report) == {"files": 3, "unchanged": 2}
    assert [failure.path for failure in report.failed] == [str(notes / "a.md")]
    assert index.search("gradient", mode="bm25").hits[0].path == str(notes / "a.md")
    (notes / "a.md").write_text(note("gradient", "momentum"))
    assert counts(index.sync([notes]))["updated"] == 1


def test_a_path_that_does_not_exist_changes_nothing(index: Index, notes: Path) -> None:
    index.sync([notes])
    with pytest.raises(PathNotFound):
        index.sync([notes / "gone"])
    assert len(index.documents()) == 3


def test_collections_do_not_touch_each_other(index: Index, notes: Path) -> None:
    index.sync([notes], collection="one")
    assert counts(index.sync([notes / "a.md"], collection="two")) == {"files": 1, "added": 1}
    index.sync([], collection="one")
    assert [(c.name, c.n_documents) for c in index.collections()] == [("one", 0), ("two", 1)]


def test_progress_tells_of_every_stage_and_reaches_its_end(index: Index, notes: Path) -> None:
    told: list[Progress] = []
    index.sync([notes], progress=told.append)
    assert {p.stage for p in told} == {"scan", "read", "embed", "commit"}
    assert all(p.done <= p.total for p in told)
    assert [(p.done, p.total) for p in told if p.stage == "read"][-1] == (3, 3)


class Crash(Exception):
    pass


def test_after_a_crash_the_index_is_whole_and_the_next_sync_does_the_rest(
    index: Index, notes: Path, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "BATCH_TEXTS", 1)
    real = embedder.encode

    def crash_at_the_third(texts: list[str], *rest: object) -> Vectors:
        if any("tokenizer" in text for text in texts):
            raise Crash
        return real(texts)

    monkeypatch.setattr(embedder, "encode", crash_at_the_third)
    with pytest.raises(Crash):
        index.sync([notes])
    assert [Path(d.path).name for d in index.documents()] == ["a.md", "b.md"]
    assert index.search("gradient").hits[0].path == str(notes / "a.md")
    monkeypatch.setattr(embedder, "encode", real)
    assert counts(index.sync([notes])) == {"files": 3, "added": 1, "unchanged": 2, "embedded": 1}


KILLED = """
import os, sys
from pathlib import Path
from indexer import sync
from indexer.index import Index
from tests.indexer.fakes import HashEmbedder

sync.BATCH_TEXTS = 1
commits = int(sys.argv[3])

def die(progress):
    global commits
    commits -= progress.stage == "commit"
    if commits == 0:
        os._exit(9)

Index.open(Path(sys.argv[1]), embedder=HashEmbedder()).sync([Path(sys.argv[2])], progress=die)
"""


@pytest.mark.parametrize("commits", [1, 2])
def test_a_process_killed_in_the_middle_loses_nothing_it_committed(tmp_path: Path, notes: Path, commits: int) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "data"), str(notes), str(commits)]
    assert subprocess.run(command, check=False).returncode == 9
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        assert len(index.documents()) == commits
        assert counts(index.sync([notes])) == {
            "files": 3, "added": 3 - commits, "unchanged": commits, "embedded": 3 - commits
        }  # fmt: skip
        with Index.open(tmp_path / "fresh", embedder=HashEmbedder()) as fresh:
            fresh.sync([notes])
            assert picture(index) == picture(fresh)


def test_vectors_of_another_size_under_the_same_name_are_refused(tmp_path: Path, notes: Path) -> None:
    with Index.open(tmp_path / "d", embedder=HashEmbedder(dim=8)) as index:
        index.sync([notes / "a.md"])
    with Index.open(tmp_path / "d", embedder=HashEmbedder(dim=9)) as index:
        with pytest.raises(EmbeddingModelError, match="gives vectors of 9 numbers, but the data folder holds 8"):
            index.sync([notes])
        assert len(index.documents()) == 1


Row = tuple[str, str, str, float, object]


def picture(index: Index) -> tuple[list[tuple[str, str, str, int]], dict[tuple[str, str], list[Row]]]:
    """All that can be seen of an index from outside, but for ids and times."""
    documents = [(d.path, d.title, index.text(d.document_id), d.n_chunks) for d in index.documents()]
    found = {}
    for mode in ("hybrid", "dense", "bm25"):
        for query in (*TOPICS[:4], "a thing of its own"):
            hits = index.search(query, n=50, mode=mode).hits
            found[mode, query] = [(h.path, h.text, str(h.headings), round(h.score, 5), h.place) for h in hits]
    return documents, found


def mutate(folder: Path, rng: random.Random) -> None:
    """One random edit, addition, rename, copy, swap or deletion."""
    files = sorted(folder.rglob("*.*"))
    name = folder / rng.choice(["x", "y"]) / f"{rng.randrange(6)}.{rng.choice(['md', 'txt'])}"
    name.parent.mkdir(exist_ok=True)
    action = rng.choice(["write", "write", "rename", "copy", "swap", "delete"])
    if action == "write" or not files:
        name.write_text(note(*rng.sample(TOPICS, rng.randint(1, 4))))
    elif action == "rename":
        rng.choice(files).rename(name)
    elif action == "copy" and (source := rng.choice(files)) != name:
        shutil.copy(source, name)
    elif action == "swap":
        one, other = rng.choice(files), rng.choice(files)
        text, other_text = one.read_bytes(), other.read_bytes()
        one.write_bytes(other_text)
        other.write_bytes(text)
    elif action == "delete":
        rng.choice(files).unlink()


@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes_the_index_equals_a_fresh_one(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "first.md").write_text(note("gradient"))
    data, embedder = tmp_path / "data", HashEmbedder()
    index = Index.open(data, embedder=embedder)
    for step in range(6):
        for _ in range(rng.randint(1, 4)):
            mutate(folder, rng)
        index.sync([folder])
        if rng.random() < 0.5:
            index.close()
            index = Index.open(data, embedder=embedder)
        with Index.open(tmp_path / f"fresh{step}", embedder=HashEmbedder()) as fresh:
            fresh.sync([folder])
            assert picture(index) == picture(fresh)
    index.close()


@pytest.mark.parametrize("seed", range(4))
def test_looking_only_where_something_changed_finds_what_a_sync_finds(tmp_path: Path, seed: int) -> None:
    rng = random.Random(100 + seed)
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "first.md").write_text(note("gradient"))
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        index.sync([folder])
        for step in range(4):
            before = contents(folder)
            mutate(folder, rng)
            after = contents(folder)
            changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
            index.refresh([folder], changed)
            with Index.open(tmp_path / f"fresh{step}", embedder=HashEmbedder()) as fresh:
                fresh.sync([folder])
                assert picture(index) == picture(fresh)


def contents(folder: Path) -> dict[str, bytes]:
    """What the file system's notices would name: each file, by its absolute path."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_refresh_of_a_folder_that_is_gone_removes_nothing(index: Index, notes: Path) -> None:
    index.sync([notes])
    notes.rename(notes.with_name("away"))
    with pytest.raises(PathNotFound):
        index.refresh([notes], [str(notes)])
    assert len(index.documents()) == 3


@pytest.mark.parametrize("seed", range(3))
def test_dense_search_equals_comparing_with_every_chunk(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    embedder = HashEmbedder()
    with Index.open(tmp_path / "data", embedder=embedder) as index:
        for n in range(12):
            text = note(*rng.sample(TOPICS, rng.randint(1, 3)))
            index.add(f"{n}.md", text.encode(), collection=rng.choice("ab"))
        index.remove(rng.choice(index.documents()).document_id)
        query = embedder.encode([f"the {TOPICS[seed]} of attention"])[0]
        hits = index.search(f"the {TOPICS[seed]} of attention", n=1000, filter=Filter("a"), mode="dense").hits
        vectors = embedder.encode(["\n".join([*(w for w in h.headings if w not in h.text), h.text]) for h in hits])
        assert len(hits) == sum(d.n_chunks for d in index.documents("a"))
        assert np.allclose([h.score for h in hits], vectors @ query, atol=1e-3)
        assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_what_was_uploaded_stays_through_a_sync_and_a_deletion_of_every_file(index: Index, notes: Path) -> None:
    index.sync([notes])
    upload = index.add("lecture.md", b"# Lecture\n\nAn upload is not a file of the folder.\n")
    for path in notes.rglob("*.*"):
        path.unlink()
    report = index.sync([notes])
    assert report.removed > 0
    assert report.files == 0
    assert [d.document_id for d in index.documents()] == [upload.document_id]
    index.remove(upload.document_id)
    assert index.documents() == ()


def test_a_file_takes_the_place_of_an_upload_of_its_very_name(index: Index, notes: Path) -> None:
    path = notes / "same.md"
    path.write_text("# Same\n\nThe words of the file.\n")
    upload = index.add(str(path), b"# Same\n\nThe words of the upload.\n")
    index.sync([notes])
    assert "words of the file" in index.text(upload.document_id)
    path.unlink()
    assert index.sync([notes]).removed == 1
