"""The user's own data sets in the place of a recipe's files: text to pretrain on, questions to learn reading from.

A data set is written into the run's folder once, as the recipes' own formats (JSON lines of {title, text}; SQuAD's JSON),
and trained on from there: a run that is resumed sees the same data, although a file has changed or a stream has moved on.
Data sets replace the recipe's files of their kind and join each other; to keep the recipe's files, name them as well.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt.budget import ON_TEXT
from gpt.config import Recipe
from gpt.errors import ConfigError, DataError
from gpt.rows import HubName, Row, data_files, file_rows, hub_rows

TEXT_FIELDS = ("text", "content", "body", "document", "article", "passage", "abstract", "markdown", "story", "sentence")
CONTEXT_FIELDS = ("context", "passage", "paragraph")
ANSWER_FIELDS = ("answers", "answer")
MAX_QUESTIONS = 200_000  # of one data set; SQuAD has 87,599
ARTICLE_PARAGRAPHS = 20  # contexts without a title that make an article, among which wrong ones are sought


@dataclass(frozen=True)
class Prepared:
    """What one data set became: the names of its files (None: it held nothing of the kind) and their counts.
    `left_out` are questions whose answer does not stand in their context, word for word; `open_questions` have none."""

    name: str
    text_file: str | None
    question_file: str | None
    texts: int
    questions: int
    articles: int
    left_out: int
    open_file: str | None = None
    open_questions: int = 0


@dataclass(frozen=True)
class _Asked:
    """A question as it stood in a row; `start` is the answer's place in the context, `answer` None when it has none."""

    question: str
    answer: str | None
    start: int


def prepare(name: str, out: Path, fields: Sequence[str], max_chars: int) -> Prepared:
    """Writes the data set `name` (a file, a folder, or hub:NAME[@CONFIG][:SPLIT]) into `out`, or finds it there.

    `fields` are the columns of the text, () to detect them; at most `max_chars` of text are taken. Raises DataError
    naming file, row and remedy.
    """
    asked = json.dumps([name, list(fields), max_chars])
    last = name.rstrip("/").rpartition("/")[2]
    slug = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:40]
    base = out / f"{slug}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
    done = base.with_name(f"{base.name}.prepared.json")
    if done.exists():
        return Prepared(**json.loads(done.read_text(encoding="utf-8")))
    out.mkdir(parents=True, exist_ok=True)
    writer = _Writer(base, fields, max_chars)
    for rows in _sources(name):
        writer.add(rows)
    prepared = writer.finish(name)
    done.write_text(json.dumps(dataclasses.asdict(prepared)), encoding="utf-8")  # last: it says that the rest is whole
    return prepared


def with_datasets(recipe: Recipe, prepared: Sequence[Prepared], folder: Path, corpus: Path | None) -> Recipe:
    """The recipe with the data sets that lie in `folder` in the place of its files of their kind; without a corpus `folder`
    is to be given to the stages as one, and the recipe has no other files.

    Fewer articles are held out when there are few of them: one in ten, at least one.
    """
    base = corpus or folder  # relative, so that no model card tells more of the user's folders than it must
    texts = tuple(os.path.relpath(folder / p.text_file, base) for p in prepared if p.text_file)
    questions = tuple(os.path.relpath(folder / p.question_file, base) for p in prepared if p.question_file)
    if texts:
        recipe = dataclasses.replace(recipe, text_files=texts, fields=("title", "text"))
    if corpus is None:
        recipe = dataclasses.replace(
            recipe,
            text_files=texts,
            definition_files=texts,
            explanation_files=texts,
            recurring_files=texts,
            sentence_files=(),
            calibration_file="",
            open_questions=(),
            open_texts=texts,
            written=False,
        )
    asked = tuple(os.path.relpath(folder / p.open_file, base) for p in prepared if p.open_file)
    if asked:
        recipe = dataclasses.replace(recipe, open_questions=asked, open_texts=texts or recipe.open_texts)
    if questions:
        articles = sum(p.articles for p in prepared)
        held_out = min(recipe.held_out_articles, max(1, articles // 10))
        never_read = max(1, held_out * recipe.never_read // recipe.held_out_articles)
        refit = recipe.refit if never_read < held_out else None
        recipe = dataclasses.replace(
            recipe, qa_files=questions, held_out_articles=held_out, never_read=never_read, refit=refit
        )
    elif corpus is None:
        recipe = dataclasses.replace(recipe, qa_files=())
    _check_open(recipe, asked)
    return recipe


def _check_open(recipe: Recipe, asked: Sequence[str]) -> None:
    """Raises ConfigError when questions without passages would not be read."""
    if asked and recipe.refit is None:
        raise ConfigError(
            "questions without a passage are read by the stage refit, which this recipe has only with 20 articles of labelled "
            "questions or more; give --corpus DIR, or more of these"
        )
    if asked and not recipe.open_texts:
        raise ConfigError(
            "no text to look for passages in; give --corpus DIR, or a --dataset of text beside the questions"
        )


def check_covered(recipe: Recipe, stages: Sequence[str], out: Path) -> None:
    """Raises ConfigError when a stage would have no data: text for those on text, questions for the others."""
    needs_text = bool({*ON_TEXT} & {*stages}) or ("tokenizer" in stages and not (out / "tokenizer.json").exists())
    if needs_text and not recipe.text_files:
        raise ConfigError("no text to train on: give --corpus DIR, or a --dataset of text (.txt .md .jsonl .parquet)")
    if set(stages) - {"tokenizer", *ON_TEXT, "report"} and not recipe.qa_files:
        raise ConfigError(
            "no questions to learn reading from: give --corpus DIR, or a --dataset of {context, question, answers}"
        )


def text_fields(values: dict[str, Any], fields: Sequence[str], place: str) -> tuple[str, ...]:
    """The columns of a row's text: the named ones, else title and the first known name, else the only text there is."""
    if fields:
        missing = [f for f in fields if f not in values]
        if missing:
            raise DataError(f"{place} has no field {missing[0]!r}; name some of {', '.join(values)} with --fields")
        return tuple(fields)
    known = [f for f in TEXT_FIELDS if isinstance(values.get(f), str)]
    strings = [f for f, value in values.items() if isinstance(value, str)]
    if not known and len(strings) != 1:
        raise DataError(f"{place}: which of the fields {', '.join(values)} holds the text? name it with --fields")
    return (*(("title",) if isinstance(values.get("title"), str) else ()), (known or strings)[0])


def _sources(name: str) -> Iterator[Iterator[Row]]:
    if name.startswith("hub:"):
        yield hub_rows(HubName.parse(name))
        return
    for file in data_files(Path(name).expanduser()):
        yield file_rows(file)


class _Writer:
    """Takes rows file by file; text goes to disk as it comes, questions are gathered into articles."""

    def __init__(self, base: Path, fields: Sequence[str], max_chars: int):
        self.text_file = base.with_name(f"{base.name}.jsonl")
        self.question_file = base.with_name(f"{base.name}.json")
        self.open_file = base.with_name(f"{base.name}.open.jsonl")
        self.fields, self.left = fields, max_chars
        self.texts = self.questions = self.left_out = self.open_questions = 0
        self.contexts: dict[str, dict[str, list[_Asked]]] = {}  # title -> context -> questions
        for file in (self.text_file, self.open_file):
            file.write_text("", encoding="utf-8")

    def add(self, rows: Iterator[Row]) -> None:
        """One file's rows; its first row says whether they are questions or text."""
        first = next(rows, None)
        if first is None:
            return
        if "question" in first.values and _field(first.values, CONTEXT_FIELDS):
            self._add_questions(first, rows)
        elif "question" in first.values and _field(first.values, ANSWER_FIELDS) and not self.fields:
            self._add_open(first, rows)
        else:
            self._add_texts(first, rows)

    def _add_texts(self, first: Row, rows: Iterator[Row]) -> None:
        fields = text_fields(first.values, self.fields, first.place)
        with self.text_file.open("a", encoding="utf-8") as lines:
            for row in itertools.chain((first,), rows):
                if self.left <= 0:
                    return
                parts = [part for f in fields if (part := _text(row, f)).strip()]
                if not parts:
                    continue
                titled = fields[0] == "title" and not self.fields and len(parts) > 1
                record = {"title": parts[0], "text": parts[1]} if titled else {"text": "\n\n".join(parts)}
                lines.write(json.dumps(record) + "\n")
                self.left -= sum(map(len, parts))
                self.texts += 1

    def _add_questions(self, first: Row, rows: Iterator[Row]) -> None:
        for row in itertools.chain((first,), rows):
            if self.questions == MAX_QUESTIONS:
                return
            field = _field(row.values, CONTEXT_FIELDS)
            if field is None or "question" not in row.values:
                raise DataError(
                    f"{row.place} has no question with a context; give each row {{context, question, answers}}"
                )
            context, question = _text(row, field), _text(row, "question").strip()
            asked = _asked(row, context, question)
            if asked is None:
                self.left_out += 1
                continue
            self.contexts.setdefault(str(row.values.get("title") or ""), {}).setdefault(context, []).append(asked)
            self.questions += 1

    def _add_open(self, first: Row, rows: Iterator[Row]) -> None:
        """Questions that came with answers and without a context, for `gpt.distant`."""
        with self.open_file.open("a", encoding="utf-8") as lines:
            for row in itertools.islice(itertools.chain((first,), rows), MAX_QUESTIONS - self.open_questions):
                field = _field(row.values, ANSWER_FIELDS)
                if field is None or "question" not in row.values:
                    raise DataError(f"{row.place} has no question with answers; give each row {{question, answers}}")
                said = [answer for answer, _ in _answers(_wordings(row.values[field]), row.place)]
                lines.write(json.dumps({"question": _text(row, "question").strip(), "answers": said}) + "\n")
                self.open_questions += 1

    def finish(self, name: str) -> Prepared:
        """Writes the questions. Raises DataError when there is nothing to train on."""
        articles = _articles(self.contexts)
        if not self.texts:
            self.text_file.unlink()
        if not self.open_questions:
            self.open_file.unlink()
        if self.left_out and not self.questions:
            raise DataError(f"{name}: none of the {self.left_out} answers stands in its context, word for word")
        if not self.texts and not self.questions and not self.open_questions:
            raise DataError(f"{name} holds no text and no questions; name a data set that does")
        if self.questions:
            if len(articles) < 2:
                raise DataError(f"{name} asks about fewer than four contexts; some are held out, so give it more")
            self.question_file.write_text(json.dumps({"data": articles}), encoding="utf-8")
        return Prepared(
            name,
            self.text_file.name if self.texts else None,
            self.question_file.name if self.questions else None,
            self.texts,
            self.questions,
            len(articles),
            self.left_out,
            self.open_file.name if self.open_questions else None,
            self.open_questions,
        )


def _field(values: dict[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in values), None)


def _text(row: Row, field: str) -> str:
    value = row.values.get(field)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{row.place}: field {field!r} holds a {type(value).__name__}, not text; leave the row out")
    return value or ""


def _asked(row: Row, context: str, question: str) -> _Asked | None:
    """The row's question with its first answer's place; None when the answer does not stand in the context."""
    field = _field(row.values, ANSWER_FIELDS)
    answers = _answers(row.values[field], row.place) if field else []
    if not answers:
        return _Asked(question, None, 0)
    for answer, start in answers:
        if start is not None and context[start : start + len(answer)] == answer:
            return _Asked(question, answer, start)
        if answer.strip() and (found := context.lower().find(answer.strip().lower())) >= 0:
            return _Asked(question, context[found : found + len(answer.strip())], found)
    return None


def _answers(value: Any, place: str) -> list[tuple[str, int | None]]:
    """(text, offset or None) of each answer: a text, a list of texts or of {text, answer_start}, or SQuAD's columns."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        starts = value.get("answer_start") or [None] * len(value["text"])
        value = [{"text": t, "answer_start": s} for t, s in zip(value["text"], starts, strict=False)]
    found = []
    for item in [value] if isinstance(value, str | dict) else value or []:
        text, start = (item.get("text"), item.get("answer_start")) if isinstance(item, dict) else (item, None)
        if not isinstance(text, str) or not isinstance(start, int | None):
            raise DataError(f"{place}: an answer is a text, or an object with text and answer_start, not {item!r}")
        if text.strip():
            found.append((text, start))
    return found


def _wordings(value: Any) -> Any:
    """TriviaQA's column of an answer as the list of its wordings; others as they are."""
    aliases = value.get("aliases") if isinstance(value, dict) else None
    return [value.get("value", ""), *aliases] if isinstance(aliases, list) else value


def _articles(contexts: dict[str, dict[str, list[_Asked]]]) -> list[dict[str, Any]]:
    """SQuAD's articles: contexts of one title; those without a title in their order, so many that at least a tenth
    can be held out, and never fewer than two together, since each needs a neighbour that does not answer."""
    groups = [(title, list(held.items())) for title, held in contexts.items() if title]
    plain = list(contexts.get("", {}).items())
    size = min(ARTICLE_PARAGRAPHS, max(2, len(plain) // 10))
    cut = [plain[i : i + size] for i in range(0, len(plain), size)]
    if len(cut) > 1 and len(cut[-1]) < 2:
        cut[-2:] = [cut[-2] + cut[-1]]
    groups += [(f"part {i}", group) for i, group in enumerate(cut, 1)]
    return [{"title": title, "paragraphs": [_paragraph(title, *c) for c in group]} for title, group in groups]


def _paragraph(title: str, context: str, asked: list[_Asked]) -> dict[str, Any]:
    qas = [
        {
            "id": f"{hashlib.sha256(f'{title} {context}'.encode()).hexdigest()[:12]}-{i}",
            "question": q.question,
            "answers": [] if q.answer is None else [{"text": q.answer, "answer_start": q.start}],
            "is_impossible": q.answer is None,
        }
        for i, q in enumerate(asked)
    ]
    return {"context": context, "qas": qas}
