"""The facade, from outside: what goes in comes out, and bad input is named with its remedy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.errors import (
    DataFolderLocked,
    DataFolderUnusable,
    DocumentNotFound,
    EmbeddingModelError,
    EmptyDocument,
    UnsupportedFormat,
)
from indexer.index import Index
from indexer.types import Filter
from tests.indexer.fakes import HashEmbedder

NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Softmax\n", "\n", "A softmax makes probabilities."]},
        {"cell_type": "code", "metadata": {}, "source": "scores.softmax(-1)", "outputs": [], "execution_count": 1},
    ],
}
FILES = {
    "note.md": b"# Attention\n\nQueries meet keys, and values are averaged.\n",
    "plain.txt": b"A plain line about tokenizers.\n",
    "page.html": b"<html><title>Page</title><body><h1>Norms</h1><p>Layer norm keeps scales.</p></body></html>",
    "doc.rst": b"Loss\n====\n\nCross entropy measures surprise.\n",
    "code.py": b'"""Adds numbers."""\n\n\ndef add(a, b):\n    """The sum of gradients."""\n    return a + b\n',
    "book.ipynb": json.dumps(NOTEBOOK).encode(),
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        yield index


def test_every_format_comes_back_with_its_words_its_bytes_and_its_place(index: Index) -> None:
    for name, data in FILES.items():
        document = index.add(name, data)
        assert (document.path, document.sha256) == (name, hashlib.sha256(data).hexdigest())
        assert index.source(document.document_id) == data
        assert len(index.text(document.document_id)) == document.n_chars
    words = {"keys": "note.md", "tokenizers": "plain.txt", "scales": "page.html", "surprise": "doc.rst",
             "gradients": "code.py", "probabilities": "book.ipynb"}  # fmt: skip
    for word, name in words.items():
        hit = index.search(word, mode="bm25").hits[0]
        assert (hit.path, hit.text) == (name, index.text(hit.document_id)[hit.start : hit.end])
        start = index.text(hit.document_id).index(word)
        place = index.locate(hit.document_id, start, start + len(word))
        assert (place.cell == 1) if name == "book.ipynb" else (place.line_start is not None)


def test_adding_under_a_name_replaces_and_keeps_the_id(index: Index) -> None:
    first = index.add("note.md", b"old words here")
    second = index.add("note.md", b"new words here")
    assert second.document_id == first.document_id
    assert [d.path for d in index.documents()] == ["note.md"]
    assert "new" in index.text(first.document_id)


def test_adding_the_same_again_changes_nothing(index: Index) -> None:
    first = index.add("note.md", b"same words")
    generation = index.generation
    assert index.add("note.md", b"same words") == first
    assert index.generation == generation


def test_a_name_with_another_suffix_is_another_document(index: Index) -> None:
    assert index.add("a.md", b"words").document_id != index.add("a.txt", b"words").document_id


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("photo.jpg", b"\xff\xd8", UnsupportedFormat),
        ("noending", b"text", UnsupportedFormat),
        ("empty.md", b"", EmptyDocument),
        ("blank.txt", b" \n\t ", EmptyDocument),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_kept(
    index: Index, name: str, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        index.add(name, data)
    assert (index.documents(), index.generation) == ((), 0)


def test_half_a_character_in_a_notebook_does_no_harm(index: Index) -> None:
    halved = json.dumps(NOTEBOOK).replace("probabilities", "prob\\ud800abilities").encode()
    document = index.add("book.ipynb", halved)
    assert index.source(document.document_id) == halved
    assert "makes prob" in index.text(document.document_id)


def test_texts_are_added_in_bulk_and_found_by_name(index: Index) -> None:
    ids = index.add_texts([("d1", "cats purr"), ("d2", "dogs bark")], collection="evaluation")
    assert [index.document(i).path for i in ids] == ["d1", "d2"]
    assert index.search("bark", filter=Filter("evaluation")).hits[0].path == "d2"
    assert index.search("d2", mode="bm25").hits == ()
    assert index.add_texts([("d2", "dogs howl")], collection="evaluation") == ids[1:]
    assert len(index.documents()) == 2


@pytest.mark.parametrize("method", ["document", "text", "source", "remove"])
def test_an_unknown_document_is_named(index: Index, method: str) -> None:
    with pytest.raises(DocumentNotFound, match="no document 'nobody'; list the documents"):
        getattr(index, method)("nobody")
    with pytest.raises(DocumentNotFound):
        index.locate("nobody", 0, 1)


def test_the_status_counts_what_is_there(index: Index, tmp_path: Path) -> None:
    index.add("note.md", FILES["note.md"])
    index.add("doc.rst", FILES["doc.rst"], collection="other")
    status = index.status()
    assert (status.data_dir, status.n_documents, status.generation) == (str(tmp_path / "data"), 2, 2)
    assert (status.embedding_model, status.vector_index) == ("hash", "exact")
    assert status.n_chunks == sum(c.n_chunks for c in index.collections()) == 2
    assert status.size_bytes > 0


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    with Index.open(tmp_path, embedder=HashEmbedder()) as index:
        before = index.add("note.md", FILES["note.md"]), index.search("keys")
    with Index.open(tmp_path, embedder=HashEmbedder()) as index:
        assert (index.documents()[0], index.search("keys")) == before


def test_closing_twice_does_not_take_the_folder_from_its_next_holder(tmp_path: Path) -> None:
    first = Index.open(tmp_path, embedder=HashEmbedder())
    first.close()
    with Index.open(tmp_path, embedder=HashEmbedder()):
        first.close()
        with pytest.raises(DataFolderLocked):
            Index.open(tmp_path, embedder=HashEmbedder())


def test_a_folder_in_use_is_refused_until_it_is_closed(tmp_path: Path) -> None:
    with Index.open(tmp_path, embedder=HashEmbedder()), pytest.raises(DataFolderLocked, match="in use by process"):
        Index.open(tmp_path, embedder=HashEmbedder())
    Index.open(tmp_path, embedder=HashEmbedder()).close()


def test_a_folder_built_with_another_model_is_refused_and_freed(tmp_path: Path) -> None:
    with Index.open(tmp_path, embedder=HashEmbedder("one")) as index:
        index.add("note.md", FILES["note.md"])
    with pytest.raises(EmbeddingModelError, match="built with the embedding model 'one', not 'other'; use that model"):
        Index.open(tmp_path, embedder=HashEmbedder("other"))
    Index.open(tmp_path, embedder=HashEmbedder("one")).close()


def test_a_file_in_the_place_of_the_data_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataFolderUnusable, match=r"file is a file; name a folder instead"):
        Index.open(tmp_path / "file", embedder=HashEmbedder())
    assert (tmp_path / "file").read_text() == "mine"


def test_texts_that_are_not_indexed_are_compared_as_their_vectors_are(index: Index) -> None:
    texts = ["green tea", "the chain rule", "tea \ud800"]
    question, *others = HashEmbedder().encode(["tea", "green tea", "the chain rule", "tea ?"])
    assert index.cosines("tea", texts) == pytest.approx([float(question @ other) for other in others])
    assert index.cosines("tea", []) == []
    assert index.embedding_model == "hash"
