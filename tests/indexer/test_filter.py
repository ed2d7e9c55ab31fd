"""A filter admits the documents that its slow twin in Python admits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from indexer.errors import CollectionNotFound
from indexer.index import Index
from indexer.types import Filter
from tests.indexer.fakes import HashEmbedder

FILES = ("notes/a.md", "notes/deep/b.md", "notes/deep/C.txt", "papers/a.txt", "papers/x[1].md")
OLD, NEW = datetime(2020, 5, 1, 12, tzinfo=UTC), datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("filter")
    for number, name in enumerate(FILES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"words of file {number}")
        time = (OLD if number % 2 else NEW).timestamp()
        os.utime(path, (time, time))
    with Index.open(folder / "data", embedder=HashEmbedder()) as index:
        index.sync([folder / "notes"], collection="notes")
        index.sync([folder / "papers"], collection="papers")
        index.add("upload.TXT", b"words by hand", collection="papers")
        yield index


def found(index: Index, filter: Filter) -> set[str]:
    """The names (the last two parts of the paths) of all that is found, the same in every mode."""
    results = [index.search("words", n=50, filter=filter, mode=mode).hits for mode in ("hybrid", "dense", "bm25")]  # type: ignore[arg-type]
    names = [{hit.path for hit in hits} for hits in results]
    assert names[0] == names[1] == names[2]
    return names[0]


@pytest.mark.parametrize("glob", ["*", "*.md", "a.md", "deep/*", "notes/*.md", "notes/?.md", "c.txt", "", "nowhere/*"])
def test_a_path_is_matched_whole_or_from_a_slash_on(index: Index, glob: str) -> None:
    expected = {
        document.path
        for document in index.documents()
        if fnmatchcase(document.path, glob) or fnmatchcase(document.path, f"*/{glob}")
    }
    assert found(index, Filter(path=glob)) == expected


def test_a_type_is_a_suffix_or_a_media_type(index: Index) -> None:
    by_suffix = {document.path for document in index.documents() if document.path.lower().endswith(".txt")}
    assert found(index, Filter(type="txt")) == found(index, Filter(type=".TXT")) == by_suffix
    assert len(by_suffix) == 3
    markdown = {document.path for document in index.documents() if document.media_type == "text/markdown"}
    assert found(index, Filter(type="text/markdown")) == markdown
    assert found(index, Filter(type="text/*")) == {document.path for document in index.documents()}
    assert found(index, Filter(type="xt")) == set()


def test_a_time_is_that_of_the_file_or_of_the_upload(index: Index) -> None:
    old = {document.path for document in index.documents() if document.path.endswith(("deep/b.md", "papers/a.txt"))}
    everything = found(index, Filter())
    assert found(index, Filter(modified_since=OLD)) == everything
    assert found(index, Filter(modified_since=OLD + timedelta(microseconds=1))) == everything - old
    assert found(index, Filter(modified_since=NEW.replace(tzinfo=None))) == everything - old
    assert found(index, Filter(modified_since=NEW + timedelta(seconds=1))) == {"upload.TXT"}
    assert found(index, Filter(modified_since=datetime(9999, 1, 1))) == set()
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert found(index, Filter(modified_since=first, added_since=first)) == everything


def test_the_time_of_indexing_is_another(index: Index) -> None:
    indexed = [datetime.fromisoformat(document.indexed_at) for document in index.documents()]
    assert found(index, Filter(added_since=min(indexed))) == found(index, Filter())
    assert found(index, Filter(added_since=max(indexed) + timedelta(seconds=1))) == set()


def test_all_that_is_asked_has_to_hold(index: Index) -> None:
    assert {Path(path).name for path in found(index, Filter("notes", "*", "md", NEW))} == {"a.md"}
    with pytest.raises(CollectionNotFound, match="no collection named 'sea'"):
        index.search("words", filter=Filter("sea", path="*"))
