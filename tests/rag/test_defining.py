"""Questions of what something is: which they are, what says so, and how it gets before the reader."""

from __future__ import annotations

import pytest

from rag.defining import (
    ACTS,
    DEFINES,
    IN_PLACE_WEIGHT,
    MAX_DEFINITION_CHARS,
    MAX_MOVED,
    UNNAMED_WEIGHT,
    asked_term,
    defines,
    repeats,
    tells,
    whole_definition,
    with_defining,
    worth,
)


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("What is dropout?", "dropout"),
        ("what is a random forest", "random forest"),
        ("What are residual connections?", "residual connections"),
        ("What's an LSTM?", "LSTM"),
        ("Define perplexity.", None),  # rag/wording.py makes a question of it first
        ("What is meant by self-attention?", "self-attention"),
        ("What does BPE mean?", "BPE"),
        ("How is entropy defined?", "entropy"),
        ("What is the vanishing gradient problem?", "vanishing gradient problem"),
        ("What is in-context learning?", "in-context learning"),
        ("What is work?", "work"),
        ("What does dropout do?", None),
        ("What is dropout used for?", None),
        ("What is the vocabulary size of GPT-2?", None),
        ("How is the gradient computed?", None),
        ("Who is Ada Lovelace?", None),
        ("When was the Transformer paper published?", None),
        ("What is ...?", None),
        ("What is -?", None),
        ("What is", None),
        ("", None),
    ],
)
def test_the_term_that_is_asked_for(question: str, term: str | None) -> None:
    assert asked_term(question) == term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("We know that dropout is a way to train.", "dropout"),
        ("**Dropout** is an extremely effective technique.", "dropout"),
        ("*Residual connections* are the links around a layer.", "residual connection"),
        ("Long short-term memory (LSTM) is a type of cell.", "long short-term memory"),
        ("A [random forest](https://a.org/b) is an ensemble.", "random forest"),
        ("It is called *self-attention*, since all is one.", "self attention"),
        ("This is known as the kernel trick.", "kernel trick"),
        ("Perplexity refers to how well it predicts.", "perplexity"),
        ("Long short-term memory (LSTM) is a type of cell.", "LSTM"),
        ("GELU stands for a smooth ReLU.", "GELU"),
        ("C++ is a language.", "C++"),
    ],
)
def test_sentences_that_define(text: str, term: str) -> None:
    assert defines(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Dropout is used in every layer.", "dropout"),
        ("We apply dropout, and the loss is a number.", "dropout"),
        ("The key idea of dropout is the coin.", "dropout"),
        ("The point of using dropout is a lower error.", "dropout"),
        ("Nobody is a dropout.", "dropout"),
        ("A trick (such as dropout) is a way out.", "dropout"),
        ("The dropouts were many.", "dropout"),
        ("The loss is a number.", "dropout"),
    ],
)
def test_sentences_that_do_not(text: str, term: str) -> None:
    assert not defines(text, term)


def placed(ranked: list[str], n: int) -> list[str]:
    return with_defining(ranked, n, lambda text: text, "tea")


DEFINING = [f"tea is a drink {n}" for n in range(4)]
ACTING = [f"tea wakes us {n}" for n in range(4)]
USES = [f"we drink tea {n}" for n in range(8)]


def test_what_defines_takes_the_last_places_and_no_more_than_it_needs() -> None:
    assert placed([*USES[:4], *DEFINING], 4) == [*USES[:2], *DEFINING[:MAX_MOVED]]
    assert placed([USES[0], DEFINING[3], *USES[1:4], *DEFINING[:2]], 4) == [USES[0], DEFINING[3], USES[1], DEFINING[0]]
    assert placed([*DEFINING, *USES], 4) == DEFINING
    assert placed(USES, 4) == USES[:4]
    assert placed([], 4) == []


def test_what_says_what_it_does_moves_up_where_definitions_are_too_few() -> None:
    assert placed([*USES[:4], *ACTING], 4) == [*USES[:2], *ACTING[:MAX_MOVED]]
    assert placed([*USES[:4], *ACTING, DEFINING[0]], 4) == [*USES[:2], DEFINING[0], ACTING[0]]
    assert placed([*USES[:4], *ACTING, *DEFINING], 4) == [*USES[:2], *DEFINING[:MAX_MOVED]]
    assert placed([*USES[:3], DEFINING[0], ACTING[0]], 4) == [*USES[:2], DEFINING[0], ACTING[0]]
    assert placed([ACTING[0], *USES[:3], *DEFINING], 4) == [ACTING[0], USES[0], *DEFINING[:MAX_MOVED]]
    assert placed([ACTING[0], USES[0], ACTING[1], DEFINING[0]], 3) == [ACTING[0], ACTING[1], DEFINING[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is hot. Tea wakes the tired.", ACTS),
        ("# Tea\n\n- **Tea** (cha) wakes the tired", ACTS),
        ("A tea wakes the tired.", ACTS),
        ("Tea is a drink.", DEFINES),
        ("Green tea wakes the tired.", 0),
        ("Tea layers the cups.", 0),
        ("Tea, milk and sugar.", 0),
        ("With cups of\ntea comes milk", 0),
        ("Teatime wakes the tired.", 0),
        ("Tea wakes", 0),
        ("", 0),
    ],
)
def test_what_tells_of_a_term(text: str, expected: int) -> None:
    assert tells(text, "tea") == expected


def test_the_best_passage_never_gives_way() -> None:
    assert placed([*USES, ACTING[0]], 2) == [USES[0], ACTING[0]]
    assert placed([*USES, DEFINING[0]], 1) == [USES[0]]
    assert placed([*USES, *DEFINING], 2) == [USES[0], DEFINING[0]]


@pytest.mark.parametrize(
    ("text", "begins", "whole"),
    [
        ("A tea is a drink made of leaves. It is old.", "a drink", "a drink made of leaves"),
        ("Tea (cha) is basically a drink made of leaves", "a drink", "a drink made of leaves"),
        ("By tea we mean: tea refers to the drink of leaves; or of herbs.", "the drink", "the drink of leaves"),
        ("Green tea wakes the tired up, in the morning.", "the tired", "wakes the tired up, in the morning"),
        ("Tea layers the cups. It is old.", "the cups", "the cups"),  # as in "dropout layers": rather no verb
        ("Teas are leaves in water.", "leaves", "leaves in water"),
        ("Tea leaves the tired awake. It is old.", "awake", "awake"),
        ("Tea is drunk in the morning. It is a drink made of leaves.", "a drink", "a drink"),
        ("- Tea is a drink made of leaves\n- It is old\n- It is hot", "a drink", "a drink made of leaves"),
        ("Coffee is a drink made of beans.", "a drink", "a drink"),
        ("It is sold by its tea. Tea wakes the tired.", "its tea. Tea wakes the tired", "Tea wakes the tired"),
        ("It is sold by its tea. Teatime is at five.", "its tea. Teatime is", "its tea. Teatime is"),
        ("It is a drink of leaves. Tea is old.", "a drink of leaves. Tea is old", "a drink of leaves. Tea is old"),
        ("Tea is a drink of tea. Tea is old.", "a drink of tea. Tea is old", "a drink of tea. Tea is old"),
        (f"Tea is a drink {'very ' * 70}hot.", "a drink", "a drink"),
    ],
)
def test_how_far_a_definition_reaches(text: str, begins: str, whole: str) -> None:
    at = text.index(begins)
    start, end = whole_definition(text, at, at + len(begins), "tea")
    assert text[start:end] == whole
    assert end - start <= MAX_DEFINITION_CHARS


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("Tea is a drink.", "a drink", IN_PLACE_WEIGHT),
        ("Tea (cha) is essentially the drink of leaves.", "the drink", IN_PLACE_WEIGHT),
        ("Tea refers to drinks of leaves.", "drinks", IN_PLACE_WEIGHT),
        ("Tea is drunk in the morning.", "drunk", 0.0),
        ("The idea of tea is a warm cup.", "a warm cup", 0.0),
        ("The drink is called tea.", "The drink", 0.0),
        ("The drinks, teas among them, are warm.", "warm", 0.0),
        ("Tea helps. It is a drink.", "a drink", -UNNAMED_WEIGHT),
        ("A teapot is a pot.", "a pot", -UNNAMED_WEIGHT),
        ("Tea helps", "", 0.0),
    ],
)
def test_what_the_place_of_a_span_is_worth(text: str, span: str, expected: float) -> None:
    start = text.index(span)
    assert worth(text, start, start + len(span), "tea") == expected


@pytest.mark.parametrize(
    ("text", "term", "expected"),
    [
        ("The momentum", "momentum", True),
        ("random\n forests", "random forest", True),
        ("K - means", "k-means clustering", True),
        ("E\n m\n b\n e\n d", "embedding", True),
        ("a random walk", "random forest", False),
        ("momentum of a ball", "momentum", False),
        ("an average of gradients", "momentum", False),
        ("...", "momentum", False),
        ("E", "energy", False),
        ("s", "softmax", False),
    ],
)
def test_what_says_the_term_again_says_nothing(text: str, term: str, expected: bool) -> None:
    assert repeats(text, term) is expected
