"""Questions that ask for an explanation: which sentences make one, what answers it, and what is left alone."""

from __future__ import annotations

import pytest

from gpt.explanations import MAX_ANSWER_CHARS, MAX_OTHERS, MIN_ANSWER_CHARS, explain, explanation_articles


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("The harbour was closed in winter because the ice grew too thick.",
         "Why was the harbour closed in winter?", "the ice grew too thick"),
        ("Residual connections help deep networks because gradients flow through them, and most models have them.",
         None, None),
        ("The bridge collapsed in spring due to a flood of the upper river.",
         "Why did the bridge collapse in spring?", "a flood of the upper river"),
        ("Because the tower stood on sand, the council moved it inland in 1830.",
         "Why did the council move it inland in 1830?", "the tower stood on sand"),
        ("The weights are scaled in every layer so that the variance stays at one.",
         "Why are the weights scaled in every layer?", "so that the variance stays at one"),
        ("The gradient is computed by applying the chain rule from the loss backwards.",
         "How is the gradient computed?", "by applying the chain rule from the loss backwards"),
        ("The mask is used to hide the tokens that follow.", "What is the mask used for?", "to hide the tokens that follow"),
        ("If the learning rate is too large, the loss grows without bound.",
         "What happens if the learning rate is too large?", "the loss grows without bound"),
        ("Dropout works by switching off random units in training.",
         "How does Dropout work?", "by switching off random units in training"),
        ("Layer normalization reduces the drift of activations and is cheap to compute.",
         "What does Layer normalization do?", "reduces the drift of activations"),
        ("A tokenizer is a program that splits text into tokens, and the model reads them.",
         "What is a tokenizer?", "a program that splits text into tokens"),
        ("Mary Holt was a physicist from the northern coast.", "Who was Mary Holt?", "a physicist from the northern coast"),
        ("The engine has a long piston because the stroke must be slow.",
         "Why does the engine have a long piston?", "the stroke must be slow"),
    ],
)  # fmt: skip
def test_a_plain_sentence_makes_its_question(sentence: str, question: str | None, answer: str | None) -> None:
    found = explain(sentence)
    if question is None or answer is None:
        assert found is None
        return
    assert found is not None
    assert (found.question, sentence[found.start : found.end]) == (question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "It was closed in winter because the ice grew too thick.",
        "This is a program that splits text into tokens.",
        "The result is a program that splits text into tokens.",
        "Even though the harbour is a safe place for boats, few came.",
        "The method based on sand was dropped and is a poor one, because it is slow.",
        'The town is "a place of storms" to its sailors.',
        "The mask is used for this purpose alone.",
        "If it is too large, the loss grows without bound.",
        "The harbour grew.",
    ],
)
def test_what_is_not_plain_is_left_alone(sentence: str) -> None:
    assert explain(sentence) is None


DOCUMENT = (
    "The gradient is computed by applying the chain rule from the loss backwards. Nothing else is as fast on the "
    "machines of the coast, they say. Backpropagation is a method that finds the gradient of every weight in one pass. "
    "Nobody in the harbour knew of the method of backpropagation before the great fire of the northern town."
)


def test_every_answer_stands_in_its_passage_and_is_a_clause_long() -> None:
    articles = explanation_articles([DOCUMENT] * 30, 50, 0)
    questions = [q for a in articles for p in a.paragraphs for q in p.questions]
    assert len(questions) == 50
    for q in questions:
        (answer,), (start,) = q.answers, q.answer_starts
        assert q.context[start : start + len(answer)] == answer
        assert MIN_ANSWER_CHARS <= len(answer) <= MAX_ANSWER_CHARS
    asked = {q.question for q in questions}
    assert "How is the gradient computed?" in asked
    assert "What is backpropagation?" in asked  # small, because the passage writes it so elsewhere
    assert any(not question.endswith("?") for question in asked)  # as people type
    assert explanation_articles([DOCUMENT] * 30, 50, 0) == articles


def test_passages_that_explain_nothing_come_along_without_a_question() -> None:
    nothing = (
        "Nobody in the harbour knew of it, and the boats lay still before the great fire of the northern town. " * 8
    )
    document = "\n".join([DOCUMENT, *[f"{nothing}They were {n}." for n in range(20)]])
    (article,) = explanation_articles([document, nothing], 50, 0)
    asked = [len(p.questions) > 0 for p in article.paragraphs]
    assert asked == [True] + [False] * MAX_OTHERS
