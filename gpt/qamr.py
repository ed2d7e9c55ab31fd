"""Questions about single sentences (QAMR: Michael et al. 2018) as articles of paragraphs.

The file's sentences come in no order, each with some thirty questions about its words. A lone sentence is easier than any
passage, so some sentences share a paragraph: which one is asked about has to be found first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from gpt.errors import DataError
from gpt.rows import corpus_rows
from gpt.squad import Article, Paragraph, SquadQuestion, whole_words

ARTICLE_SIZE = 12  # paragraphs
SENTENCES = (1, 2, 3, 4, 5)  # in a paragraph, each as likely as the others
_LONG_WORD = re.compile(r"\w{4,}|\d+")
_Asked = dict[str, tuple[str, ...]]  # question -> answers


def load_qamr(path: Path, max_questions: int | None = None, seed: int = 0) -> list[Article]:
    """Articles from JSON lines of {context, question, answers}; a question asked twice of a sentence is kept once, and at
    most `max_questions` of a sentence are.

    Dropped are answers that are no whole words of their sentence, questions left without answers, and questions that share
    no word with their sentence. Raises DataError naming file and line.
    """
    rng = random.Random(seed)
    sentences = list(_by_sentence(path).items())
    rng.shuffle(sentences)
    paragraphs: list[Paragraph] = []
    at = 0
    while at < len(sentences):
        n = rng.choice(SENTENCES)
        paragraphs.append(_paragraph(sentences[at : at + n], max_questions, len(paragraphs), rng))
        at += n
    groups = [paragraphs[i : i + ARTICLE_SIZE] for i in range(0, len(paragraphs), ARTICLE_SIZE)]
    return [Article(f"Sentences {number}", tuple(group)) for number, group in enumerate(groups, 1)]


def _paragraph(
    sentences: list[tuple[str, _Asked]], max_questions: int | None, number: int, rng: random.Random
) -> Paragraph:
    context = " ".join(sentence for sentence, _ in sentences)
    questions: list[SquadQuestion] = []
    before = 0
    for sentence, asked in sentences:
        kept = list(asked.items())
        if max_questions is not None and len(kept) > max_questions:
            kept = rng.sample(kept, max_questions)
        for question, answers in kept:
            starts = tuple(
                before + place for answer in answers if (place := next(whole_words(answer, sentence), None)) is not None
            )
            identity = f"qamr-{number}-{len(questions)}"
            questions.append(SquadQuestion(identity, question, context, answers, starts, False, "QAMR"))
        before += len(sentence) + 1
    return Paragraph(context, tuple(questions))


def _by_sentence(path: Path) -> dict[str, _Asked]:
    made: dict[str, _Asked] = {}
    for sentence, question, answers in _records(path):
        spans = dict.fromkeys(a.strip(" ,;:.") or a for a in answers)
        held = tuple(a for a in spans if next(whole_words(a, sentence), None) is not None)
        if held and _names_something(question, sentence):
            made.setdefault(sentence, {}).setdefault(question, held)
    return made


def _names_something(question: str, sentence: str) -> bool:
    """Whether the question shares a word of four letters with its sentence: among others it could not be told otherwise."""
    return not set(_LONG_WORD.findall(question.lower())).isdisjoint(_LONG_WORD.findall(sentence.lower()))


def _records(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    for row in corpus_rows(path, "question"):
        try:
            sentence, question = (str(row.values[field]).strip() for field in ("context", "question"))
            yield sentence, question[:1].upper() + question[1:], [str(a) for a in row.values["answers"]]
        except (KeyError, TypeError) as error:
            raise DataError(f"{row.place} does not hold context, question and answers: {error!r}") from error
