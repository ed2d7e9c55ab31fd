"""From spans to an answer: the threshold, the trimming, and never an empty answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer import Claim, choose, trim
from rag.augment import augment
from rag.closeness import seconded
from rag.defining import worth
from rag.ports import Reading, Span
from tests.rag.fakes import evidence_of

MARKED = st.text(alphabet="ab -•.,;()[]*_`$\"'“”\n", min_size=1, max_size=30)


def claim_of(text: str, *spans: tuple[int, int]) -> Claim | None:
    """What is made of these spans over one passage, each a single piece."""
    passages = augment([evidence_of(text)])
    shown = passages[0].text
    found = tuple(Span(0, start, end, 0.0, (shown[start:end],)) for start, end in spans)
    return choose(Reading(found, 1.0), passages).claim


@pytest.mark.parametrize(
    ("span", "answer"),
    [
        (" the chain rule ", "the chain rule"),
        ("the chain rule,", "the chain rule"),
        ("the chain rule.", "the chain rule"),
        ("the chain rule).", "the chain rule"),
        ("(the chain rule", "the chain rule"),
        ("the chain rule (1986)", "the chain rule (1986)"),
        ("(the chain rule)", "(the chain rule)"),
        ("(a) or (b)", "(a) or (b)"),
        (") the chain rule (", "the chain rule"),
        ("**the chain rule", "the chain rule"),
        ("the chain rule**", "the chain rule"),
        ("**the chain rule**", "the chain rule"),
        ("**the** chain rule", "**the** chain rule"),
        ("`torch.relu`", "torch.relu"),
        ("`torch.relu", "torch.relu"),
        ("_softmax_", "softmax"),
        ("n_embd", "n_embd"),
        ("__init__", "__init__"),
        ("__very important__", "very important"),
        ("his Ph.D.", "his Ph.D."),
        ('"the chain rule', "the chain rule"),
        ('"the chain rule"', '"the chain rule"'),
        ("$x^2$", "$x^2$"),
        ("$x^2", "x^2"),
        ("the U.S.", "the U.S."),
        ("Geoffrey E.", "Geoffrey E."),
        ("0.5.", "0.5"),
        (".5", ".5"),
        ("f(x)", "f(x)"),
        ("5%", "5%"),
        ("C++", "C++"),
        ("- 3", "- 3"),
        ("-O2", "-O2"),
        ("- the chain rule", "the chain rule"),
        ("– the chain rule", "the chain rule"),
        ("• the chain rule", "the chain rule"),
    ],
)
def test_the_ends_of_a_span_are_trimmed(span: str, answer: str) -> None:
    start, end = trim(span, 0, len(span))
    assert span[start:end] == answer


@settings(max_examples=120)
@given(MARKED, st.data())
def test_trimming_ends_inside_the_span_and_trimming_again_changes_nothing(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    inner = trim(text, start, end)
    assert start <= inner[0] <= inner[1] <= end
    assert trim(text, *inner) == inner


@pytest.mark.parametrize(
    ("text", "span", "answer"),
    [
        (
            "its receptive field (the filter size).",
            "receptive field (the filter size",
            "receptive field (the filter size)",
        ),
        ("He called it “a chain” then.", "it “a chain", "it “a chain”"),
        ("It is f(g(x)) here.", "f(g(x", "f(g(x)"),  # what stands right behind it, no more
        ("(see the chain rule) there", "the chain rule", "the chain rule"),
        ("a rule (of chains and sums)", "a rule (of chains", "a rule (of chains"),
        ("the rule (1986] of", "the rule (1986", "the rule (1986"),
    ],
)
def test_a_bracket_that_was_opened_is_closed_where_its_other_half_comes_next(text: str, span: str, answer: str) -> None:
    claim = claim_of(text, (text.index(span), text.index(span) + len(span)))
    assert claim is not None
    assert claim.text == answer
    assert "".join(claim.pieces) == answer


def test_the_answer_is_the_evidences_own_characters() -> None:
    claim = claim_of("It is the chain\n   rule, twice.", (6, 21))
    assert claim is not None
    assert claim.text == "the chain\n   rule"


def test_a_span_of_nothing_gives_way_to_the_next() -> None:
    claim = claim_of("a , b", (2, 3), (4, 5))
    assert claim is not None
    assert claim.text == "b"


def test_a_span_over_a_paragraphs_end_gives_way_to_one_inside_a_paragraph() -> None:
    across, inside = claim_of("one two\n \nthree four", (4, 13), (0, 3)), claim_of("one two\n \nthree four", (4, 13))
    assert across is not None
    assert inside is not None
    assert (across.text, inside.text) == ("one", "two\n \nthree")


def test_only_empty_spans_are_an_abstention() -> None:
    assert claim_of("a , b", (2, 3)) is None


def test_no_span_is_an_abstention() -> None:
    assert claim_of("a , b") is None


def test_a_span_outside_of_its_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="no range"):
        claim_of("a", (0, 5))


@settings(max_examples=100)
@given(MARKED, st.data())
def test_the_pieces_together_are_the_answer_however_it_was_cut(text: str, data: st.DataObject) -> None:
    passages = augment([evidence_of(text)])
    shown = passages[0].text
    if not shown:
        return
    start = data.draw(st.integers(0, len(shown) - 1))
    end = data.draw(st.integers(start + 1, len(shown)))
    cuts = sorted(data.draw(st.sets(st.integers(start + 1, end), max_size=4)) | {start, end})
    pieces = tuple(shown[a:b] for a, b in pairwise(cuts))
    claim = choose(Reading((Span(0, start, end, 0.0, pieces),), 1.0), passages).claim
    if claim is not None:
        assert "".join(claim.pieces) == claim.text == text[claim.start : claim.end]
        assert claim.text.strip() == claim.text != ""
        assert all(claim.pieces)


@pytest.mark.parametrize("span", [".", "()", "**", "****", "(,)", '"', "[ ]", "#", "-.", "\u200b"])
def test_a_span_that_says_nothing_is_no_answer(span: str) -> None:
    assert claim_of(f"a {span} b", (2, 2 + len(span))) is None


def test_a_sign_can_be_an_answer() -> None:
    claim = claim_of("a + b", (2, 3))
    assert claim is not None
    assert claim.text == "+"


@pytest.mark.parametrize(("scores", "winner"), [((0.5, 0.5), "beta"), ((0.9, 0.5), "alpha"), ((0.6, 0.5), "beta")])
def test_a_better_passage_outweighs_a_slightly_better_span(scores: tuple[float, float], winner: str) -> None:
    """The reader prefers beta by one nat; a passage's score of 0.4 more is worth more than three."""
    evidence = [replace(evidence_of(text), score=score) for text, score in zip(("alpha", "beta"), scores, strict=True)]
    spans = (Span(1, 0, 4, 2.0, ("beta",)), Span(0, 0, 5, 1.0, ("alpha",)))
    claim = choose(Reading(spans, 1.0), augment(evidence)).claim
    assert claim is not None
    assert claim.text == winner


OF_OTHERS = "The gradient is a good estimate. Tea is a drink of leaves. Tea is old. Tea helps."


@pytest.mark.parametrize(
    ("scores", "term", "winner"),
    [
        ((3.5, 0.0, 0.5, 0.0), None, "a good estimate"),
        ((3.5, 0.0, 0.5, 0.0), "tea", "a drink of leaves"),  # its sentence names the term, in the form of a definition
        ((9.0, 0.0, 0.5, 0.0), "tea", "a good estimate"),  # the reader may still know better
        ((0.0, 0.0, 2.5, 0.0), "tea", "old"),
        ((0.0, 0.0, 1.5, 2.5), "tea", "helps"),
    ],
)
def test_what_is_asked_for_is_looked_for_where_a_text_says_it(
    scores: tuple[float, ...], term: str | None, winner: str
) -> None:
    words = ("a good estimate", "a drink of leaves", "old", "helps")
    spans = [
        Span(0, OF_OTHERS.index(word), OF_OTHERS.index(word) + len(word), score, (word,))
        for word, score in zip(words, scores, strict=True)
    ]
    claim = choose(Reading(tuple(spans), 1.0), augment([evidence_of(OF_OTHERS)]), term).claim
    assert claim is not None
    assert claim.text == winner


@settings(max_examples=120)
@given(st.lists(st.floats(-12, 12), min_size=4, max_size=4, unique=True))
def test_to_weigh_only_what_could_win_is_to_weigh_all(scores: list[float]) -> None:
    words = ("a good estimate", "a drink of leaves", "old", "helps")
    at = [OF_OTHERS.index(word) for word in words]
    spans = tuple(Span(0, a, a + len(w), s, (w,)) for a, w, s in zip(at, words, scores, strict=True))
    totals = [span.score + worth(OF_OTHERS, span.start, span.end, "tea") for span in spans]
    claim = choose(Reading(spans, 1.0), augment([evidence_of(OF_OTHERS)]), "tea").claim
    assert claim is not None
    assert totals[at.index(claim.start)] == pytest.approx(max(totals))


TEXT = (
    "In short, **dropout** (Srivastava et al.) is a technique\nthat leaves units out, e.g. half of them, in training. It helps. "
    "Momentum is a trick; it is old."
)


@pytest.mark.parametrize(
    ("span", "term", "answer"),
    [
        ("a technique", "dropout", "a technique\nthat leaves units out, e.g. half of them, in training"),
        ("a technique", None, "a technique"),
        ("a technique", "momentum", "a technique"),
        ("units out", "dropout", "units out"),  # in the middle of it: what was asked may be something else
        ("a trick", "momentum", "a trick"),
    ],
)
def test_what_begins_to_define_the_term_says_it_to_the_end(span: str, term: str | None, answer: str) -> None:
    passages = augment([evidence_of(TEXT)])
    start = passages[0].text.index(span)
    reading = Reading((Span(0, start, start + len(span), 0.0, (span,)),), 1.0)
    claim = choose(reading, passages, term).claim
    assert claim is not None
    assert claim.text == answer == "".join(claim.pieces)


def test_a_definition_ends_with_its_paragraph() -> None:
    text = "Dropout is a technique\n\nThe next paragraph goes on and on."
    passages = augment([evidence_of(text)])
    claim = choose(Reading((Span(0, 11, 22, 0.0, ("a technique",)),), 1.0), passages, "dropout").claim
    assert claim is not None
    assert claim.text == "a technique"


@pytest.mark.parametrize(("term", "answer"), [("dropout", None), ("momentum", "dropout"), (None, "dropout")])
def test_the_term_again_is_no_answer_to_what_it_is(term: str | None, answer: str | None) -> None:
    text = "The dropout layer leaves units out."
    spans = [Span(0, a, b, score, (text[a:b],)) for a, b, score in ((4, 11, 2.0), (18, 34, 1.0))]
    claim = choose(Reading(tuple(spans), 1.0), augment([evidence_of(text)]), term).claim
    assert (claim and claim.text) == answer


SAID = "Tea is green. Tea is old. Tea is hot. Tea is wet. Tea is dear."


def spans_of_tea(*scores: float) -> tuple[Span, ...]:
    words = ("green", "old", "hot", "wet", "dear")
    starts = [SAID.index(word) for word in words]
    spans = [Span(0, a, a + len(w), score, (w,)) for a, w, score in zip(starts, words, scores, strict=False)]
    return tuple(sorted(spans, key=lambda span: -span.score))


@pytest.mark.parametrize(
    ("scores", "near", "winner"),
    [
        ((3.0, 2.0), {}, "green"),
        ((3.0, 2.0), {"Tea is old.": 0.5}, "old"),  # half a cosine is worth three nats
        ((5.5, 2.0), {"Tea is old.": 0.5}, "green"),  # the reader may still know better
        ((5.0, 4.0, 3.0, 2.0), {"Tea is hot.": 1.0, "Tea is wet.": 1.0}, "hot"),
        ((5.0, 4.0, 3.0, 2.0), {"Tea is wet.": 1.0}, "green"),  # it is not among the first three
    ],
)
def test_of_the_foremost_spans_the_one_in_a_sentence_close_to_the_question_wins(
    scores: tuple[float, ...], near: dict[str, float], winner: str
) -> None:
    asked: list[list[str]] = []

    def closeness(sentences: Sequence[str]) -> list[float]:
        asked.append(list(sentences))
        return [near.get(sentence, 0.0) for sentence in sentences]

    chosen = choose(Reading(spans_of_tea(*scores), 0.5), augment([evidence_of(SAID)]), None, closeness)
    assert chosen.claim is not None
    assert chosen.claim.text == winner
    assert asked == [["Tea is green.", "Tea is old.", "Tea is hot."][: len(scores)]]
    assert chosen.answerable == seconded(0.5, near.get(f"Tea is {winner}.", 0.0))


def test_spans_of_one_sentence_are_compared_once_and_stay_in_their_order() -> None:
    text = "Tea is green and old. Tea is hot."
    spans = tuple(
        Span(0, text.index(w), text.index(w) + len(w), s, (w,)) for w, s in (("old", 2.0), ("green", 1.0), ("hot", 0.0))
    )
    chosen = choose(Reading(spans, 0.5), augment([evidence_of(text)]), None, lambda sentences: [0.3] * len(sentences))
    assert chosen.claim is not None
    assert chosen.claim.text == "old"


def test_without_a_second_opinion_the_reader_decides_alone() -> None:
    chosen = choose(Reading(spans_of_tea(3.0, 2.0), 0.625), augment([evidence_of(SAID)]))
    assert chosen.claim is not None
    assert (chosen.claim.text, chosen.answerable) == ("green", 0.625)


def test_where_nothing_was_found_nobody_is_asked() -> None:
    def closeness(sentences: Sequence[str]) -> list[float]:
        raise AssertionError(sentences)

    chosen = choose(Reading((), 0.0), (), None, closeness)
    assert (chosen.claim, chosen.answerable) == (None, 0.0)


@pytest.mark.parametrize(
    ("text", "shown", "answer"),
    [
        ("Kept in the folder `.data`, beside.", "in the folder .data", "in the folder `.data`"),
        ("Press `Ctrl-C` twice.", "Ctrl-C twice", "`Ctrl-C` twice"),
        ("Press `Ctrl-C` twice.", "Ctrl-C", "Ctrl-C"),
        ("It is **very fast** now.", "is very fast", "is **very fast**"),
        ("It is **very fast** now.", "is very", "is **very"),
        ("2 * 3 * 4", "2 * 3", "2 * 3"),
    ],
)
def test_a_mark_whose_partner_is_in_the_answer_belongs_to_it(text: str, shown: str, answer: str) -> None:
    passages = augment([evidence_of(text)])
    start = passages[0].text.index(shown)
    claim = choose(Reading((Span(0, start, start + len(shown), 0.0, (shown,)),), 1.0), passages).claim
    assert claim is not None
    assert claim.text == "".join(claim.pieces) == answer
