"""The served reader: spans are slices of the passages, batches equal singles, windows cover long passages."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
import torch

from gpt.checkpoint import Released
from gpt.errors import CheckpointError, ContextTooLong
from gpt.model import GPT
from gpt.reader import Reader, Span
from gpt.relevance import Relevance
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences


@pytest.fixture
def reader(model: GPT, tokenizer: Tokenizer) -> Reader:
    calibration = {"slope": 0.5, "log_passages": -0.3, "intercept": 0.1, "threshold": 0.5}
    return Reader(Released("test", model.eval(), tokenizer, calibration, {}), batch_tokens=512)


PASSAGES = ["", "The naïve model — 2024.", *sentences(4), "你好 tensor", " ".join(sentences(12, seed=3))]


def test_every_span_is_the_passages_own_words_token_by_token(reader: Reader) -> None:
    reading = reader.read("Which model?", PASSAGES)
    assert reading.spans
    for span in reading.spans:
        text = PASSAGES[span.passage][span.start : span.end]
        assert "".join(span.pieces) == text
        assert text
    assert [s.score for s in reading.spans] == sorted((s.score for s in reading.spans), reverse=True)
    assert 0 < reading.answerable < 1


def test_no_span_begins_or_ends_inside_a_word(reader: Reader) -> None:
    """An untrained model points anywhere, and its small vocabulary cuts most words into several tokens."""
    passages = ["The naïve model tokenizes Übermut, ΔW and градиент.", "你好tensor 50257x", *sentences(8)]
    assert any(len(reader.released.tokenizer.encode(f" {word}")) > 1 for word in passages[0].split())
    for question in ("Which model?", "What is the loss?", "Why?", "When was it?"):
        for span in reader.read(question, passages).spans:
            around = passages[span.passage][max(0, span.start - 1) : span.end + 1]
            at = span.start - max(0, span.start - 1)
            assert at == 0 or not re.match(r"[a-zA-Zà-üÀ-ÜΔа-я0-9]{2}", around), around
            ends = passages[span.passage][span.end - 1 : span.end + 1]
            assert not re.fullmatch(r"[a-zA-Zà-üÀ-ÜΔа-я0-9]{2}", ends), ends


ASKS = "What is a token? A token is a piece of text. Why does it matter? Who knows?"


@pytest.mark.parametrize("passage", [ASKS, ASKS.lower()])
def test_no_span_touches_a_sentence_that_asks(reader: Reader, passage: str) -> None:
    said = ASKS.index("A token"), ASKS.index(" Why")
    for question in ("What is a token?", "Why does it matter?", "Who knows?", "Which piece?"):
        spans = reader.read(question, [passage]).spans
        assert spans
        assert all(said[0] - 1 <= span.start < span.end <= said[1] for span in spans)


def test_a_passage_that_only_asks_answers_nothing(reader: Reader) -> None:
    assert reader.read("Why?", ["Why does it matter? Who knows?"]).spans == ()
    assert reader.read("Why?", ["Why does it matter? Who knows?"]).answerable == 0
    assert reader.read("Why?", ['He asked "Why does it matter?" and left.']).spans


def test_a_batch_equals_its_questions_read_alone(reader: Reader) -> None:
    asked = [("Which model?", PASSAGES[:3]), ("What is the loss of step 9?", PASSAGES[2:]), ("Why?", ["key value"])]
    for (question, passages), together in zip(asked, reader.read_batch(asked), strict=True):
        alone = reader.read(question, passages)
        assert [(s.passage, s.start, s.end) for s in alone.spans] == [
            (s.passage, s.start, s.end) for s in together.spans
        ]
        assert together.answerable == pytest.approx(alone.answerable, abs=1e-4)


def test_every_part_of_a_passage_longer_than_the_window_is_read(
    model: GPT, tokenizer: Tokenizer, reader: Reader
) -> None:
    long = " ".join(sentences(60))
    groups = reader._prompts("Which model?", [long])
    covered = set()
    for part, prompt in groups:
        assert len(prompt) <= reader.window
        covered.update(range(int(part.piece.offsets[0]), int(part.piece.offsets[-1])))
    assert covered == set(range(len(long)))


def test_what_a_passage_says_does_not_depend_on_those_beside_it(reader: Reader) -> None:
    passages = ["a key", sentences(1)[0], " ".join(sentences(8)), ""]
    together = reader.read("Which model?", passages)
    alone = [span for p in passages for span in reader.read("Which model?", [p]).spans]
    assert [s.score for s in together.spans] == pytest.approx(sorted((s.score for s in alone), reverse=True), abs=1e-3)
    assert [passages[s.passage][s.start : s.end] for s in together.spans] == ["".join(s.pieces) for s in together.spans]


def test_what_is_answerable_goes_by_the_margin_and_the_spread_of_the_best_span(reader: Reader) -> None:
    calibration = {**reader.released.calibration, "spread": 0.7, "spread_log_passages": -0.1}
    reader = Reader(dataclasses.replace(reader.released, calibration=calibration))
    for passages in (sentences(1), sentences(4)):
        reading = reader.read("Which model?", passages)
        best = reading.spans[0]
        assert all(span.spread > 0 for span in reading.spans)
        assert reading.answerable == reader.probability(best.evidence, len(passages))
        assert reading.answerable != reader.probability((best.score, 0.0, 0.0), len(passages))


def test_spans_of_several_passages_compete_by_margin_and_relevance(reader: Reader) -> None:
    width = reader.released.model.config.n_embd
    head = Relevance(torch.linspace(-2, 2, width), 0.5)
    aware = Reader(
        dataclasses.replace(
            reader.released, relevance=head, calibration={**reader.released.calibration, "relevance": 0.4}
        )
    )
    passages = sentences(4)
    found, plain = aware.read("Which model?", passages), reader.read("Which model?", passages)
    states, _ = aware.states([("Which model?", p) for p in passages])
    of_passage = head(torch.from_numpy(states)).tolist()
    for span in found.spans:
        assert span.relevance == pytest.approx(of_passage[span.passage], abs=0.05)
        assert span.merit == span.score + span.relevance
        assert span.evidence == (span.score, span.spread, pytest.approx(math.log(1 / (1 + math.exp(-span.relevance)))))
    merits = [span.merit for span in found.spans]
    assert merits == sorted(merits, reverse=True)
    assert {(s.passage, s.start, s.end) for s in found.spans} == {(s.passage, s.start, s.end) for s in plain.spans}
    assert [s.passage for s in found.spans] != [s.passage for s in plain.spans]
    assert all(span.relevance == 0 for span in plain.spans)
    assert found.answerable == aware.probability(found.spans[0].evidence, len(passages))


def test_what_an_irrelevant_passage_says_is_no_evidence_and_a_relevant_one_cannot_make_up_for_no_margin() -> None:
    told = [Span(0, 0, 1, 0.0, ("a",), 0.0, relevance).evidence[2] for relevance in (-1e9, -30.0, 0.0, 30.0)]
    assert told == pytest.approx([-60.0, -30.0, math.log(0.5), 0.0], abs=1e-9)


def test_states_are_those_of_one_reading_whatever_they_are_read_beside(reader: Reader) -> None:
    asked = [("Which model?", p) for p in sentences(6)]
    states, margins = reader.states(asked)
    assert states.shape == (6, reader.released.model.config.n_embd)
    for (question, passage), state, margin in zip(asked, states, margins, strict=True):
        alone, _ = reader.states([(question, passage)])
        assert np.allclose(alone[0], state, atol=0.05)
        assert margin == pytest.approx(reader.read(question, [passage]).spans[0].score, abs=0.05)


def test_nothing_to_read_is_not_answerable(reader: Reader) -> None:
    assert reader.read("Which model?", []).answerable == 0
    assert reader.read("Which model?", [""]).spans == ()


def test_a_question_that_leaves_no_room_is_refused_with_the_limit(reader: Reader) -> None:
    with pytest.raises(ContextTooLong, match="reads at most 94; shorten it"):
        reader.read("model " * 200, ["key"])


def test_probability_is_the_calibrated_sigmoid_and_never_overflows(reader: Reader) -> None:
    plain = (2.0, 0.0, 0.0)
    assert reader.probability(plain) == pytest.approx(1 / (1 + torch.tensor(-1.1).exp().item()))
    assert reader.probability(plain, 8) == pytest.approx(1 / (1 + math.exp(-1.1 + 0.3 * math.log(8))))
    assert reader.probability((-1e9, 0.0, 0.0)) < 1e-20
    terms = {"spread": 0.5, "spread_log_passages": -0.25, "relevance": 0.25, "relevance_log_passages": 0.5}
    released = dataclasses.replace(reader.released, calibration={**reader.released.calibration, **terms})
    more = Reader(released).probability
    assert more(plain) == reader.probability(plain)
    assert more((2.0, 0.0, -1.0), 8) == pytest.approx(1 / (1 + math.exp(-1.1 + 0.25 + (0.3 + 0.5) * math.log(8))))
    assert more((2.0, 3.0, 0.0), 1) == pytest.approx(1 / (1 + math.exp(-1.1 - 1.5)))
    assert more((2.0, 3.0, 0.0), 8) == pytest.approx(1 / (1 + math.exp(-1.1 - 1.5 + (0.3 + 0.75) * math.log(8))))
    assert reader.probability((1e9, 0.0, 0.0)) == pytest.approx(1.0)


def test_an_unknown_model_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CheckpointError, match="no model at"):
        Reader.load(tmp_path / "none")
