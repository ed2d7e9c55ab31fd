"""The promise: over every format, each citation's slice of the document equals its quote, and stands where it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.index import Index
from indexer.types import Filter
from rag.answer import Claim
from rag.cite import is_verified
from rag.pipeline import Pipeline
from rag.retrieve import IndexRetriever
from rag.types import Evidence, Question
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeReader

SAMPLES = Path(__file__).resolve().parents[2] / "api" / "sample_notes"
MARKDOWN = """# Optimisers

**Momentum** keeps a *running mean* of the gradients — its factor is `0.9` (often), see [the note](momentum.md).

| name | state |
|---|---|
| Adam | two averages |
| SGD | none |

$$
m_t = \\beta m_{t-1} + (1-\\beta) g_t
$$

- Weight decay shrinks the weights. 𝛼 is the learning rate.
"""
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Softmax\n", "\n", "Softmax turns logits into odds."]},
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": ["def softmax(x):\n", "    return exp(x) / exp(x).sum()"],
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["the sum is 1.0\n"]}],
        },
    ],
}
HTML = """<!doctype html><title>Dropout</title><h1>Dropout</h1>
<p>Dropout <b>zeroes</b> each activation
   with probability&nbsp;p &amp; scales the rest.</p><table><tr><td>p</td><td>0.2</td></tr></table>"""
RST = """Tokens
======

A *byte-pair* encoder merges the most frequent pair. It is ``greedy``.

* Merges are learnt in order.
"""
PYTHON = '''"""Batches of tokens."""


class Loader:
    """Gives batches in a shuffled order."""

    def next_batch(self, size: int) -> list[int]:
        # the last batch of an epoch is short
        return self.order[:size]
'''
TEXT = "A tensor has a shape and a stride.\r\n\r\nA view shares the memory\r\nof its base: naïve copies are slow.\r\n"
SOURCES = {
    "optimisers.md": MARKDOWN,
    "softmax.ipynb": json.dumps(NOTEBOOK),
    "dropout.html": HTML,
    "tokens.rst": RST,
    "loader.py": PYTHON,
    "tensors.txt": TEXT,
}
FORMATS = [".md", ".ipynb", ".html", ".rst", ".py", ".txt", ".pdf"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Documents of every format, a PDF among them, behind a fake embedder."""
    with Index.open(tmp_path_factory.mktemp("data"), embedder=HashEmbedder()) as index:
        for name, text in SOURCES.items():
            index.add(name, text.encode())
        for path in sorted(SAMPLES.glob("*.pdf")):
            index.add(path.name, path.read_bytes())
        yield index


@pytest.fixture(scope="module")
def passages(index: Index) -> dict[str, list[Evidence]]:
    """Every passage of the index, by the suffix of its document."""
    found: dict[str, list[Evidence]] = {suffix: [] for suffix in FORMATS}
    retriever = IndexRetriever(index)
    for evidence in retriever.retrieve("the a of is", n_evidence=1000, filter=Filter()).evidence:
        found[Path(evidence.path).suffix].append(evidence)
    return found


def test_every_format_is_there(passages: dict[str, list[Evidence]]) -> None:
    assert all(passages[suffix] for suffix in FORMATS), {suffix: len(found) for suffix, found in passages.items()}


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_slice_of_any_citation_equals_its_quote(
    index: Index, passages: dict[str, list[Evidence]], suffix: str, data: st.DataObject
) -> None:
    evidence = data.draw(st.sampled_from(passages[suffix]))
    start = data.draw(st.integers(0, len(evidence.text) - 1))
    end = data.draw(st.integers(start + 1, len(evidence.text)))
    citation = IndexRetriever(index).cite(evidence, start, end)
    assert citation.quote == index.text(citation.document_id)[citation.start : citation.end] == evidence.text[start:end]
    assert is_verified(citation, Claim(evidence, start, end, ()))
    n_lines = index.source(citation.document_id).decode("utf-8", "replace").count("\n") + 1
    assert suffix == ".pdf" or citation.cell or 1 <= (citation.line_start or 0) <= (citation.line_end or 0) <= n_lines
    assert (citation.page is not None) == (suffix == ".pdf") == (citation.boxes is not None)
    assert (citation.cell is not None) == (suffix == ".ipynb")


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_asked_the_answer_is_verified_and_in_its_document(
    index: Index, passages: dict[str, list[Evidence]], suffix: str, data: st.DataObject
) -> None:
    """Questions made of a passage's own words, so that the reader has something to point at in each format."""
    words = re.findall(r"\w+", data.draw(st.sampled_from(passages[suffix])).text)
    first = data.draw(st.integers(0, len(words) - 1))
    question = " ".join(words[first : first + data.draw(st.integers(1, 8))])
    answer = Pipeline(IndexRetriever(index), FakeReader(threshold=0.1)).answer(Question(question))
    assert answer.abstained == (answer.answer is None)
    assert answer.verified == bool(answer.citations) == (answer.answer is not None)
    for citation in answer.citations:
        document = index.document(citation.document_id)
        assert answer.answer == citation.quote == index.text(citation.document_id)[citation.start : citation.end]
        assert (citation.path, citation.sha256) == (document.path, document.sha256)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("a *running mean*", {"line_start": 3, "line_end": 3}),
        ("Weight decay shrinks", {"line_start": 14, "line_end": 14}),
        ("turns logits", {"cell": 1}),
        ("def softmax", {"cell": 2}),
        ("greedy", {"line_start": 4}),
        ("shuffled order", {"line_start": 5}),
        ("naïve copies", {"line_start": 4}),
        ("0.2", {"line_start": 3}),
    ],
)
def test_a_quote_stands_in_the_line_or_cell_that_is_named(index: Index, words: str, place: dict[str, int]) -> None:
    retriever = IndexRetriever(index)
    evidence = next(
        evidence
        for evidence in retriever.retrieve(words, n_evidence=100, filter=Filter()).evidence
        if words in evidence.text and not evidence.path.endswith(".pdf")
    )
    start = evidence.text.index(words)
    citation = retriever.cite(evidence, start, start + len(words))
    assert {name: getattr(citation, name) for name in place} == place
