"""Questions written for this project, a third of which their paragraph does not answer.

Who tries to mislead a reader does it in more ways than rules do (SQuAD 2.0: Rajpurkar et al. 2018). gpt/questions/ holds such
questions beside others like them that have an answer; its README tells who wrote them and how. Those about notes come
with their paragraphs; the paragraphs of others stand in files of the data folder, and are named by file, row and line.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gpt.errors import DataError
from gpt.rows import corpus_rows
from gpt.squad import Article, Paragraph, SquadQuestion, load_articles, whole_words

QUESTIONS = Path(__file__).parent / "questions"
PACKED = "qa/written.json.xz"  # with their paragraphs, where they travel without the texts (deploy/gpu/pack.py)

TOGETHER = 40  # paragraphs of an article: enough to find wrong ones among
AROUND = 8  # paragraphs of the same text beside the one that is asked about, where there are so many: the nearest in the text
AROUND_WORDS = (30, 250)  # that such a paragraph has

_log = logging.getLogger(__name__)


def written_articles(corpus: Path, questions: Path = QUESTIONS) -> list[Article]:
    """Articles of paragraphs with questions that they answer and that they do not.

    Where a paragraph stands among others of its text, an article is this one and up to AROUND of these, about which nothing is
    asked: they speak of the same things and are what is wrong about it most often. Else it is up to TOGETHER of one file.
    Paragraphs of texts that `corpus` lacks are left out, and a warning names the texts. Raises DataError where a paragraph is not
    the one that the questions were written about.
    """
    if (corpus / PACKED).is_file():
        return load_articles(corpus / PACKED)
    made = []
    for file in sorted(questions.glob("*.jsonl")):
        rows = _rows(file)
        shown = zip(rows, _texts(corpus, rows), strict=True)
        found = [
            (as_paragraph(file.stem, n, row, text), others) for n, (row, (text, others)) in enumerate(shown) if text
        ]
        made += [Article(file.stem, (one, *(Paragraph(o, ()) for o in others))) for one, others in found if others]
        alone = [one for one, others in found if not others]
        made += [Article(file.stem, tuple(alone[at : at + TOGETHER])) for at in range(0, len(alone), TOGETHER)]
    return made


def text_files(questions: Path = QUESTIONS) -> list[str]:
    """The files of the data folder that the paragraphs stand in."""
    return sorted({row["file"] for file in questions.glob("*.jsonl") for row in _rows(file) if "file" in row})


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def digest(text: str) -> str:
    """What tells a paragraph from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _texts(corpus: Path, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """The paragraph of each row, empty where `corpus` lacks the file that holds it, and those around it."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        if "text" not in row:
            wanted.setdefault(row["file"], set()).add(row["id"])
    missing = [file for file in wanted if not (corpus / file).is_file()]
    if missing:
        _log.warning(
            "left out, since %s lacks the texts: written questions about %s", corpus, ", ".join(sorted(missing))
        )
    found = {
        (file, values["id"]): str(values["text"]).split("\n")
        for file in wanted.keys() - set(missing)
        for values in (row.values for row in corpus_rows(corpus / file, "text"))
        if values.get("id") in wanted[file]
    }
    for row in rows:
        if "text" in row or row["file"] in missing:
            yield row.get("text", ""), []
            continue
        lines = found.get((row["file"], row["id"]), [])
        text = lines[row["line"]].strip() if row["line"] < len(lines) else ""
        if digest(text) != row["digest"]:
            raise DataError(
                f"{corpus / row['file']}: line {row['line']} of {row['id']!r} is not the paragraph that the questions in "
                f"{QUESTIONS} are about; take the file as it came, or a recipe with written=False"
            )
        yield text, _around(lines, row["line"])


def _around(lines: Sequence[str], at: int) -> list[str]:
    """The AROUND paragraphs nearest to line `at`, in the order of the text."""
    least, most = AROUND_WORDS
    fit = [i for i, line in enumerate(lines) if i != at and least <= len(line.split()) <= most]
    return [lines[i].strip() for i in sorted(sorted(fit, key=lambda i: abs(i - at))[:AROUND])]


def as_paragraph(title: str, n: int, row: dict[str, Any], text: str) -> Paragraph:
    """The n-th of that file and its questions. What a careless reader would point at is not needed here."""
    asked = [*row["answered"], *((question, "") for question, _ in row["unanswered"])]
    questions = []
    for k, (question, answer) in enumerate(asked):
        starts = tuple(whole_words(answer, text))[:1]
        if answer and not starts:
            raise DataError(f"question {k} of paragraph {n} in {title}: its answer {answer!r} does not stand there")
        answers = (answer,) if answer else ()
        questions.append(SquadQuestion(f"{title}-{n}-{k}", question, text, answers, starts, not answer, title))
    return Paragraph(text, tuple(questions))
