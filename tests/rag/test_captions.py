"""A lecture's captions as machines write them, small letters without stops, with the released reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.assemble import Assistant, assemble
from rag.types import Question

TALK = """so um last week we looked at the bigram model and today we want to look at attention okay so the idea of attention is
really that every token emits two vectors a query and a key and the query is roughly what am i looking for and the key is
roughly what do i contain and then the affinity between two tokens is just the dot product of the query of one with the key
of the other uh and we divide these scores by the square root of the head size and the reason is that otherwise the softmax
would become too peaky and it would basically converge to one hot vectors now in the code you know we use a lower triangular
mask so that a token can only see the tokens before it and then later we add dropout which was introduced in 2014 by
srivastava and others and dropout randomly shuts off some neurons in every forward pass so that um the network becomes an
ensemble of sub networks the whole thing trains for about fifteen minutes on an a100 and the validation loss goes down to
1.48 and then in the end i want to mention that the original transformer paper was about machine translation from english
to french""".split()
WORDS_A_CUE, SECONDS_A_CUE = 9, 3


def captions() -> str:
    """The talk as WebVTT."""
    cues = []
    for n, at in enumerate(range(0, len(TALK), WORDS_A_CUE)):
        begin, end = (f"00:{s // 60:02}:{s % 60:02}.000" for s in (n * SECONDS_A_CUE, (n + 1) * SECONDS_A_CUE))
        cues.append(f"{begin} --> {end}\n{' '.join(TALK[at : at + WORDS_A_CUE])}\n")
    return "\n".join(["WEBVTT\n", *cues])


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    with assemble(tmp_path_factory.mktemp("captions")) as assistant:
        assistant.index.add("lecture.vtt", captions().encode())
        yield assistant


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does every token emit?", "two vectors a query and a key"),
        ("What is the affinity between two tokens?", "the dot product"),
        ("When was dropout introduced?", "2014"),
        ("What was the original transformer paper about?", "machine translation"),
    ],
)
def test_what_is_said_answers(assistant: Assistant, question: str, answer: str) -> None:
    found = assistant.pipeline.answer(Question(question))
    assert found.answer is not None
    assert answer in found.answer
    assert found.verified


@pytest.mark.parametrize(
    "question", ["Who won the World Cup in 1998?", "How many layers does the model have?", "What is the learning rate?"]
)
def test_what_is_not_said_is_declined(assistant: Assistant, question: str) -> None:
    assert assistant.pipeline.answer(Question(question)).answer is None
