"""Questions as people type them, and as the reader learnt to be asked."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.defining import asked_term
from rag.wording import MAX_CHARS, plainly


@pytest.mark.parametrize(
    "typed",
    [
        "dropout",
        "Dropout?",
        "what exactly is dropout?",
        "What is dropout, in short?",
        "so what is dropout",
        "Whats dropout",
        "what’s dropout?",
        "Hi! Please, what is dropout?",
        "definition of dropout",
        "the meaning of dropout",
        "dropout meaning",
        "dropout explained",
        "What is the definition of dropout?",
        "Define dropout",
        "explain dropout to me, please",
        "Please explain in simple terms what dropout is.",
        "Tell me about dropout",
        "Tell me, what is dropout?",
        "Can you explain dropout?",
        "Could you please tell me what dropout is?",
        "Give me a short definition of dropout.",
        "I'd like to know what dropout is",
        "I want to learn more about dropout",
        "Help me understand dropout",
        "Do you know what dropout is?",
        "teach me dropout",
    ],
)
def test_many_ways_to_ask_what_something_is(typed: str) -> None:
    assert plainly(typed).lower() == "what is dropout?"
    assert asked_term(plainly(typed)) in ("dropout", "Dropout")


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("explain the kernel trick", "What is the kernel trick?"),
        ("vocabulary size of GPT-2", "What is the vocabulary size of GPT-2?"),
        ("tell me the vocabulary size of GPT-2", "What is the vocabulary size of GPT-2?"),
        ("C++", "What is C++?"),
        ("Who invented it, please?", "Who invented it?"),
        ("Do you know who invented the transformer?", "Who invented the transformer?"),
        ("I need to know when the paper was published", "When was the paper published?"),
        ("tell me by whom the paper was written", "By whom was the paper written?"),
        ("Can you explain how attention works?", "How does attention work?"),
        ("explain how transformers work", "How do transformers work?"),
        ("tell me what a head does", "What does a head do?"),
        ("tell me what optimizer works", "What optimizer works?"),
        ("tell me what BPE means", "What does BPE mean?"),
        ("Could you tell me what residual connections are?", "What are residual connections?"),
        ("can you tell me which optimizer they used", "Which optimizer they used?"),
        ("tell me what did he do", "What did he do?"),
        ("Who's the author?", "Who is the author?"),
        ("explain  why\ndropout helps", "Why dropout helps?"),
    ],
)
def test_requests_and_fragments_become_questions(typed: str, asked: str) -> None:
    assert plainly(typed) == asked
    assert plainly(asked) == asked


@pytest.mark.parametrize(
    "direct",
    [
        "What is dropout?",
        "what is x, y and z",
        "When was the Transformer paper published?",
        "What does overfitting mean",
        "What is the meaning of the Latin phrase on the seal?",
        "What is the concept of a residual stream used for?",
        "What is the difference between a list and a tuple?",
        "In which year did it begin?",
        "ISA stands for what?",
        "Himachal is?",
        "dropout is good",
        "GPT-2 vs GPT-3",
        "compare dropout and weight decay",
        "Summarize the paper",
        "give me three examples",
        "how attention works",
        "Can dropout hurt?",
        "So many layers need what?",
        "Well logging measures what?",
        "Hello",
        "thanks!",
        "Tell me",
        "explain",
        "what?",
        "?",
        "",
        "这是什么?",
        "a term of five whole words here",
        "dropout, weight decay, early stopping",
    ],
)
def test_what_is_direct_or_not_understood_stays_as_it_is(direct: str) -> None:
    assert plainly(direct) == direct
    assert plainly(f"  {direct}\n") == direct


PARTS = st.sampled_from(
    "what is are tell me about the of definition please , ? can you explain dropout attention how works to know i want".split()
)


@given(st.lists(PARTS, max_size=12).map(" ".join))
def test_saying_it_plainly_once_is_enough_and_adds_no_content(typed: str) -> None:
    asked = plainly(typed)
    assert plainly(asked) == asked
    added = set(re.findall(r"\w+", asked.lower())) - set(typed.split())
    assert added <= {"what", "is", "does", "do", "work", "the"}


@given(st.text(max_size=400))
def test_any_text_is_a_question(typed: str) -> None:
    asked = plainly(typed)
    assert bool(asked) == bool(typed.strip())


@pytest.mark.parametrize(
    "typed", [" " * 20_000 + "x", "what " * 55, "a of " * 55, "tell me " * 36, "explain " + "," * 290]
)
def test_no_question_takes_long(typed: str) -> None:
    start = time.process_time()
    plainly(typed)
    assert time.process_time() - start < 0.1


def test_a_long_question_is_worded_well_enough() -> None:
    typed = "Please tell me what " + "very " * 60 + "deep networks are"
    assert len(typed) > MAX_CHARS
    assert plainly(typed) == typed
