"""SQuAD-format question files (1.1 and 2.0; .json or .json.xz): Rajpurkar et al. 2016, 2018."""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpt.errors import DataError


@dataclass(frozen=True)
class SquadQuestion:
    """A question with its paragraph. `answers` is empty when `is_impossible`; `answer_starts` are character offsets."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]
    answer_starts: tuple[int, ...]
    is_impossible: bool
    title: str


@dataclass(frozen=True)
class Paragraph:
    context: str
    questions: tuple[SquadQuestion, ...]


@dataclass(frozen=True)
class Article:
    title: str
    paragraphs: tuple[Paragraph, ...]

    def with_some(self, share: float, rewrite: Callable[[Paragraph, random.Random], Paragraph], seed: str) -> Article:
        """The article with about `share` of its paragraphs rewritten, the others the same objects; the same at every call."""
        rng = random.Random(seed)
        chosen = [rewrite(p, rng) if rng.random() < share else p for p in self.paragraphs]
        return replace(self, paragraphs=tuple(chosen))


def whole_words(answer: str, text: str) -> Iterator[int]:
    """Where the answer stands in the text, no letter or digit beside it; nowhere if it is empty."""
    if answer:
        yield from (m.start() for m in re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", text))


def load_articles(path: Path) -> list[Article]:
    """Raises DataError when the file is missing or not in SQuAD format."""
    try:
        opener = lzma.open if path.suffix == ".xz" else open
        with opener(path, "rt", encoding="utf-8") as stream:
            return [_article(raw) for raw in json.load(stream)["data"]]
    except FileNotFoundError:
        raise DataError(f"no question file at {path}") from None
    except (ValueError, KeyError, TypeError, EOFError, OSError, lzma.LZMAError) as error:
        raise DataError(f"{path} is not a SQuAD-format file (.json or .json.xz): {error!r}") from error


def save_articles(path: Path, articles: Iterable[Article]) -> None:
    """Writes a .json.xz that `load_articles` reads as the same articles."""
    data = [{"title": a.title, "paragraphs": [_raw(p) for p in a.paragraphs]} for a in articles]
    path.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(path, "wt", encoding="utf-8") as stream:
        json.dump({"version": "2.0", "data": data}, stream, ensure_ascii=False, separators=(",", ":"))


def load_squad(path: Path) -> list[SquadQuestion]:
    """Every question of the file, in its order."""
    return [q for article in load_articles(path) for paragraph in article.paragraphs for q in paragraph.questions]


def _raw(paragraph: Paragraph) -> dict[str, Any]:
    asked = []
    for q in paragraph.questions:
        answers = [{"text": t, "answer_start": at} for t, at in zip(q.answers, q.answer_starts, strict=True)]
        asked.append({"id": q.id, "question": q.question, "answers": answers, "is_impossible": q.is_impossible})
    return {"context": paragraph.context, "qas": asked}


def _article(raw: dict[str, Any]) -> Article:
    title = raw.get("title", "")
    return Article(title, tuple(_paragraph(p, title) for p in raw["paragraphs"]))


def _paragraph(raw: dict[str, Any], title: str) -> Paragraph:
    context = raw["context"]
    questions = []
    for q in raw["qas"]:
        answers = tuple(a["text"] for a in q["answers"])
        starts = tuple(int(a["answer_start"]) for a in q["answers"])
        impossible = bool(q.get("is_impossible", False))
        questions.append(SquadQuestion(q["id"], q["question"].strip(), context, answers, starts, impossible, title))
    return Paragraph(context, tuple(questions))
