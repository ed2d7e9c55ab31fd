"""The story, with fakes: its events in order, its refusals, and what `verified` means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from indexer.types import Filter
from rag.closeness import seconded
from rag.errors import EmptyQuestion, EvidenceGone, NothingIndexed, QuestionTooLong
from rag.pipeline import Pipeline
from rag.ports import Reading, Retrieved
from rag.types import Answered, Citation, Cited, Evidence, EvidenceFound, Question, TokenRead
from tests.rag.fakes import FakeReader, FakeRetriever

NOTES = {
    "backprop.md": "Backpropagation applies the chain rule. It runs once a step.\n\nGradients are summed over uses.",
    "bigram.md": "The bigram model predicts a character from the last one.",
}


def pipeline(texts: dict[str, str] | None = None, threshold: float = 0.25) -> Pipeline:
    return Pipeline(FakeRetriever(NOTES if texts is None else texts), FakeReader(threshold))


def test_the_events_tell_the_story_in_order() -> None:
    events = list(pipeline().events(Question("What applies the chain rule?")))
    kinds = [type(event) for event in events]
    assert kinds[0] is EvidenceFound
    assert set(kinds[1:-2]) == {TokenRead}
    assert kinds[-2:] == [Cited, Answered]


def test_the_tokens_together_are_the_answer_and_the_quote() -> None:
    events = list(pipeline().events(Question("What applies the chain rule?")))
    answer = next(event.answer for event in events if isinstance(event, Answered))
    streamed = "".join(event.text for event in events if isinstance(event, TokenRead))
    assert streamed == answer.answer == "Backpropagation applies the chain rule"
    assert [event.citation for event in events if isinstance(event, Cited)] == list(answer.citations)
    (citation,) = answer.citations
    assert citation.quote == NOTES["backprop.md"][citation.start : citation.end] == streamed


def test_an_answer_says_who_read_what_and_when() -> None:
    answer = pipeline().answer(Question("What applies the chain rule?", n_evidence=2))
    assert (answer.model, answer.index_generation, len(answer.evidence)) == ("fake", 7, 2)
    assert answer.verified
    assert not answer.abstained
    assert answer.question == answer.asked == "What applies the chain rule?"
    assert set(answer.timings_ms) == {"retrieve", "read", "total"}
    assert answer.timings_ms["total"] >= answer.timings_ms["retrieve"] + answer.timings_ms["read"] > 0


def test_a_question_is_looked_for_and_read_in_direct_words_and_kept_as_it_was_typed() -> None:
    heard = []

    class Retriever(FakeRetriever):
        def retrieve(self, query: str, *, n_evidence: int, filter: Filter) -> Retrieved:
            heard.append(query)
            return super().retrieve(query, n_evidence=n_evidence, filter=filter)

    class Reader(FakeReader):
        def read(self, question: str, passages: Sequence[str]) -> Reading:
            heard.append(question)
            return super().read(question, passages)

    answer = Pipeline(Retriever(NOTES), Reader()).answer(Question(" Could you tell me what backpropagation is? "))
    assert heard == ["What is backpropagation?"] * 2
    assert answer.asked == heard[0]
    assert answer.question == " Could you tell me what backpropagation is? "


def test_each_answer_has_an_id_of_its_own() -> None:
    asked = [pipeline().answer(Question("What applies the chain rule?")).id for _ in range(3)]
    assert len(set(asked)) == 3


def test_below_the_threshold_it_abstains_with_the_probability_and_the_evidence() -> None:
    events = list(pipeline(threshold=0.9).events(Question("What applies to whales?")))
    assert [type(event) for event in events] == [EvidenceFound, Answered]
    answer = pipeline(threshold=0.9).answer(Question("What applies to whales?"))
    assert (answer.answer, answer.abstained, answer.verified, answer.citations) == (None, True, False, ())
    assert answer.confidence == pytest.approx(0.25)
    assert answer.evidence


@pytest.mark.parametrize(("cosine", "answered"), [(0.9, True), (0.1, False)])
def test_a_second_opinion_can_answer_and_withhold(cosine: float, answered: bool) -> None:
    """The reader alone says 1/4."""
    heard = []

    class Retriever(FakeRetriever):
        def closeness(self, question: str, sentences: Sequence[str]) -> Sequence[float] | None:
            heard.append(question)
            return [cosine] * len(sentences)

    answer = Pipeline(Retriever(NOTES), FakeReader(0.25)).answer(Question("tell me what applies to whales"))
    assert heard == [answer.asked]
    assert answer.confidence == seconded(0.25, cosine)
    assert (
        (answer.answer is not None) == bool(answer.citations) == answer.verified == (not answer.abstained) == answered
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(text: str) -> None:
    with pytest.raises(EmptyQuestion, match="question is empty"):
        pipeline().answer(Question(text))


def test_an_empty_index_is_named_with_the_remedy() -> None:
    with pytest.raises(NothingIndexed, match=r"the index is empty; .*studygpt index"):
        pipeline({}).answer(Question("Why?"))


def test_an_empty_collection_is_named_with_the_remedy() -> None:
    with pytest.raises(NothingIndexed, match=r"'empty' is empty; .*studygpt index FOLDER --collection empty"):
        pipeline().answer(Question("Why?", collection="empty"))


def test_a_question_longer_than_the_window_is_refused() -> None:
    with pytest.raises(QuestionTooLong, match="51 words"):
        pipeline().answer(Question("why " * 51))


def test_white_space_around_a_question_is_not_read() -> None:
    answer = pipeline().answer(Question("  What applies the chain rule?\n"))
    assert answer.answer == "Backpropagation applies the chain rule"
    assert answer.question == "  What applies the chain rule?\n"


class Editing(FakeReader):
    """A reader so slow that the documents have changed when it is done."""

    def __init__(self, retriever: FakeRetriever, after: dict[str, str]) -> None:
        super().__init__()
        self._retriever, self._after = retriever, after

    def read(self, question: str, passages: Sequence[str]) -> Reading:
        reading = super().read(question, passages)
        self._retriever.texts = self._after
        return reading


def test_a_document_edited_meanwhile_leaves_the_answer_unverified_and_uncited() -> None:
    retriever = FakeRetriever(NOTES)
    edited = {**NOTES, "backprop.md": "New first line.\n" + NOTES["backprop.md"]}
    events = list(Pipeline(retriever, Editing(retriever, edited)).events(Question("What applies the chain rule?")))
    assert not [event for event in events if isinstance(event, Cited)]
    answer = events[-1].answer  # type: ignore[union-attr]
    assert (answer.verified, answer.citations, answer.abstained) == (False, (), False)


def test_a_document_removed_meanwhile_is_an_error_that_names_it() -> None:
    retriever = FakeRetriever(NOTES)
    with pytest.raises(EvidenceGone, match=r"backprop\.md was removed"):
        Pipeline(retriever, Editing(retriever, {})).answer(Question("What applies the chain rule?"))


def test_a_retriever_that_misquotes_is_not_believed() -> None:
    class Misquoting(FakeRetriever):
        def cite(self, evidence: Evidence, start: int, end: int) -> Citation:
            return replace(super().cite(evidence, start, end), quote="the product rule")

    answer = Pipeline(Misquoting(NOTES), FakeReader()).answer(Question("What applies the chain rule?"))
    assert not answer.verified
