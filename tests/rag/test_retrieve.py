"""The index as a retriever: the real index with a fake embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.index import Index
from indexer.types import Filter, Hit, Place
from rag.augment import augment
from rag.closeness import MEASURED_WITH
from rag.errors import EvidenceGone, NothingIndexed, UnknownCollection
from rag.pipeline import Pipeline
from rag.retrieve import IndexRetriever, drop_near_duplicates, evidence_at, holds_passages
from rag.types import Question
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeReader

TEA = "# Tea\n\nGreen tea is brewed at eighty degrees, white tea a little cooler, and black tea boiling.\n"
RULE = "# Calculus\n\nThe chain rule multiplies the derivatives of nested functions.\n"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "data", embedder=HashEmbedder()) as index:
        yield index


def hit(text: str, score: float = 1.0) -> Hit:
    return Hit("c", "d", "default", "p", "t", "s", 0, len(text), text, (), score, Place())


def test_the_best_passages_come_with_everything_a_citation_needs(index: Index) -> None:
    index.add("tea.md", TEA.encode())
    document = index.add("rule.md", RULE.encode())
    found = IndexRetriever(index).retrieve("chain rule", n_evidence=1, filter=Filter())
    (evidence,) = found.evidence
    assert (evidence.document_id, evidence.sha256, evidence.path) == (document.document_id, document.sha256, "rule.md")
    assert evidence.text == index.text(document.document_id)[evidence.start : evidence.end]
    assert found.generation == index.generation


def test_a_passage_taken_by_its_place_is_shown_as_the_one_that_was_found(index: Index) -> None:
    page = "<h1>Tea</h1><p>Leaves.</p><h2>Green tea</h2><p>Green tea is brewed at eighty degrees.</p>"
    document = index.add("tea.html", page.encode())
    (found,) = IndexRetriever(index).retrieve("eighty degrees", n_evidence=1, filter=Filter()).evidence
    taken = evidence_at(index, document.document_id, found.start, found.end)
    assert found.headings == taken.headings == ("Tea", "Green tea")
    assert [passage.text for passage in augment([found, taken])] == ["Green tea is brewed at eighty degrees."] * 2
    assert index.headings_at(document.document_id, 10**6) == ()


def test_a_citation_is_read_afresh_and_placed(index: Index) -> None:
    index.add("rule.md", RULE.encode())
    retriever = IndexRetriever(index)
    (evidence,) = retriever.retrieve("chain rule", n_evidence=1, filter=Filter()).evidence
    start = evidence.text.index("chain rule")
    citation = retriever.cite(evidence, start, start + len("chain rule"))
    assert citation.quote == "chain rule"
    assert citation.quote == index.text(evidence.document_id)[citation.start : citation.end]
    assert (citation.line_start, citation.line_end, citation.page, citation.cell) == (3, 3, None, None)


def test_a_removed_document_cannot_be_cited(index: Index) -> None:
    index.add("rule.md", RULE.encode())
    retriever = IndexRetriever(index)
    (evidence,) = retriever.retrieve("chain rule", n_evidence=1, filter=Filter()).evidence
    index.remove(evidence.document_id)
    with pytest.raises(EvidenceGone, match=r"rule\.md was removed"):
        retriever.cite(evidence, 0, 3)


def test_a_question_stays_in_its_collection(index: Index) -> None:
    index.add("tea.md", TEA.encode(), collection="kitchen")
    index.add("rule.md", RULE.encode(), collection="lectures")
    retriever = IndexRetriever(index)
    for collection, path in (("kitchen", "tea.md"), ("lectures", "rule.md")):
        found = retriever.retrieve("the chain rule", n_evidence=8, filter=Filter(collection))
        assert {evidence.path for evidence in found.evidence} == {path}


def test_an_unknown_collection_is_named_with_those_that_exist(index: Index) -> None:
    index.add("tea.md", TEA.encode(), collection="kitchen")
    index.add("rule.md", RULE.encode(), collection="lectures")
    with pytest.raises(UnknownCollection, match=r"'kitchn'.*kitchen, lectures"):
        IndexRetriever(index).retrieve("tea", n_evidence=1, filter=Filter("kitchn"))


@pytest.mark.parametrize("collection", [None, "default", "other"])
def test_an_empty_index_gives_nothing_to_read(index: Index, collection: str | None) -> None:
    assert IndexRetriever(index).retrieve("tea", n_evidence=1, filter=Filter(collection)).evidence == ()
    with pytest.raises(NothingIndexed, match="index something first"):
        Pipeline(IndexRetriever(index), FakeReader()).answer(Question("tea?", collection))


def test_an_emptied_collection_gives_nothing_to_read_while_others_do(index: Index) -> None:
    gone = index.add("tea.md", TEA.encode(), collection="kitchen")
    index.add("rule.md", RULE.encode(), collection="lectures")
    index.remove(gone.document_id)
    names = [one.name for one in index.collections()]
    if "kitchen" in names:
        assert not holds_passages(index, "kitchen")
    else:
        with pytest.raises(UnknownCollection, match="lectures"):
            holds_passages(index, "kitchen")
    assert holds_passages(index, None)


def test_a_question_of_what_something_is_finds_what_says_so(index: Index) -> None:
    for number in range(12):
        index.add(f"{number}.md", f"With dropout we train net {number}, and dropout helps dropout nets.".encode())
    index.add(
        "lecture.md",
        b"After the break: dropout is a way to train many networks in one, by leaving units out at random.",
    )
    plain = IndexRetriever(index).retrieve("dropout nets", n_evidence=3, filter=Filter())
    assert "lecture.md" not in [evidence.path for evidence in plain.evidence]
    found = IndexRetriever(index).retrieve("What is dropout?", n_evidence=3, filter=Filter())
    assert [evidence.path for evidence in found.evidence][-1] == "lecture.md"
    assert len(found.evidence) == 3


def test_copies_of_a_passage_are_read_once(index: Index) -> None:
    for number in range(5):
        index.add(f"copy{number}.md", RULE.encode())
    index.add("tea.md", TEA.encode())
    found = IndexRetriever(index).retrieve("the chain rule", n_evidence=2, filter=Filter())
    assert sorted(evidence.title for evidence in found.evidence) == ["Calculus", "Tea"]


def test_near_duplicates_of_a_better_hit_are_left_out_and_the_order_kept() -> None:
    words = [f"word{i}" for i in range(40)]
    original, edited = " ".join(words), " ".join([*words[:-1], "changed"])
    other = " ".join(reversed(words))
    kept = drop_near_duplicates([hit(original, 3), hit(edited.upper(), 2), hit(other, 1)], 5)
    assert [one.score for one in kept] == [3, 1]


def test_passages_that_share_half_their_words_are_both_kept() -> None:
    words = [f"word{i}" for i in range(40)]
    assert len(drop_near_duplicates([hit(" ".join(words)), hit(" ".join(words[20:] + words[:5]))], 5)) == 2


@pytest.mark.parametrize(
    ("texts", "n_kept"), [(["a", "a", "b"], 2), (["", ""], 1), (["--", "++"], 2), (["a b"] * 3, 1)]
)
def test_short_passages_are_compared_whole(texts: list[str], n_kept: int) -> None:
    assert len(drop_near_duplicates([hit(text) for text in texts], 9)) == n_kept


def test_no_more_are_kept_than_asked_for() -> None:
    assert len(drop_near_duplicates([hit(f"text number {i} {i}") for i in range(9)], 4)) == 4


def test_sentences_are_compared_with_the_question_by_the_model_whose_cosines_are_known(tmp_path: Path) -> None:
    sentences = ["Green tea is brewed.", "The chain rule multiplies."]
    with Index.open(tmp_path / "known", embedder=HashEmbedder(MEASURED_WITH)) as known:
        cosines = IndexRetriever(known).closeness("How is tea brewed?", sentences)
        assert cosines is not None
        assert cosines[0] > cosines[1] + 0.3
    with Index.open(tmp_path / "other", embedder=HashEmbedder("other")) as other:
        assert IndexRetriever(other).closeness("How is tea brewed?", sentences) is None
