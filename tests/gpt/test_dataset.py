"""A user's data sets become the files a recipe trains on: texts, questions, and what is said when they cannot."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from gpt.config import RECIPES
from gpt.data import read_texts
from gpt.dataset import Prepared, check_covered, prepare, text_fields, with_datasets
from gpt.distant import OpenQuestion, load_open_questions
from gpt.errors import ConfigError, DataError
from gpt.squad import load_articles, load_squad

CONTEXT = "Ada wrote the first program. Bob read it, and bob slept."


def write_lines(path: Path, records: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(r) for r in records), encoding="utf-8")
    return path


def questions(n: int, **more: Any) -> list[dict[str, Any]]:
    rooms = ((f"Room {i} has {i} doors.", f"Doors of room {i}?", [f"{i} doors"]) for i in range(n))
    return [{"context": c, "question": q, "answers": a, **more} for c, q, a in rooms]


def prepared(name: Path, out: Path, *fields: str, max_chars: int = 10_000) -> Prepared:
    return prepare(str(name), out, fields, max_chars)


def test_texts_of_every_kind_of_file_are_read_back_as_the_stages_read_them(tmp_path: Path) -> None:
    write_lines(tmp_path / "in/a.jsonl", [{"title": "T", "text": "one"}, {"title": None, "text": "two"}, {"text": " "}])
    (tmp_path / "in/b.md").write_text("# three\n\nfour")
    made = prepared(tmp_path / "in", tmp_path / "out")
    assert (made.texts, made.questions, made.question_file) == (3, 0, None)
    assert list(read_texts([tmp_path / "out" / str(made.text_file)], 10**6)) == ["T\n\none", "two", "# three\n\nfour"]


def test_no_more_text_is_taken_than_the_recipe_reads(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [{"text": "x" * 40}] * 1000)
    assert prepared(file, tmp_path / "out", max_chars=100).texts == 3


@pytest.mark.parametrize(
    ("values", "fields", "found"),
    [
        ({"id": 1, "text": "x"}, (), ("text",)),
        ({"title": "t", "content": "x"}, (), ("title", "content")),
        ({"label": 3, "remark": "x"}, (), ("remark",)),
        ({"text": "x", "body": "y", "title": "t"}, ("body",), ("body",)),
        ({"a": "x", "b": "y"}, ("b", "a"), ("b", "a")),
    ],
)
def test_the_columns_of_the_text_are_detected_or_named(
    values: dict[str, Any], fields: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert text_fields(values, fields, "here") == found


def test_named_fields_are_joined(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [{"q": "Why?", "a": "So.", "text": "not this"}])
    made = prepared(file, tmp_path / "out", "q", "a")
    assert list(read_texts([tmp_path / "out" / str(made.text_file)], 10**6)) == ["Why?\n\nSo."]


@pytest.mark.parametrize(
    ("answers", "answer"),
    [
        ("first program", "first program"),
        (["first program", "the first program"], "first program"),
        ([{"text": "Bob", "answer_start": 29}], "Bob"),
        ({"text": ["it"], "answer_start": [38]}, "it"),
        ({"text": [], "answer_start": []}, None),
        ([], None),
        (["FIRST Program"], "first program"),
        ([{"text": "Bob", "answer_start": 3}], "Bob"),  # an offset that is wrong is not believed
    ],
)
def test_an_answer_may_be_written_in_every_usual_way(answers: Any, answer: str | None, tmp_path: Path) -> None:
    asked = {"context": CONTEXT, "question": "What?", "answers": answers}
    file = write_lines(tmp_path / "q.jsonl", [asked, *questions(4)])
    made = prepared(file, tmp_path / "out")
    first = load_squad(tmp_path / "out" / str(made.question_file))[0]
    assert first.answers == (() if answer is None else (answer,))
    assert first.is_impossible == (answer is None)
    for text, start in zip(first.answers, first.answer_starts, strict=True):
        assert CONTEXT[start : start + len(text)] == text


def test_squad_stays_as_it_is(squad_file: Path, tmp_path: Path) -> None:
    made = prepared(squad_file, tmp_path)
    ours, theirs = load_articles(tmp_path / str(made.question_file)), load_articles(squad_file)
    assert [a.title for a in ours] == [a.title for a in theirs]
    both = (squad_file, tmp_path / str(made.question_file))
    asked = [[(q.question, q.context, q.answers, q.answer_starts) for q in load_squad(file)] for file in both]
    assert asked[0] == asked[1]


def test_questions_without_titles_become_articles_of_neighbours(tmp_path: Path) -> None:
    for n in (4, 5, 41, 300):
        made = prepared(write_lines(tmp_path / f"{n}.jsonl", questions(n)), tmp_path / "out")
        articles = load_articles(tmp_path / "out" / str(made.question_file))
        sizes = [len(a.paragraphs) for a in articles]
        assert sum(sizes) == n
        assert min(sizes) >= 2
        assert max(sizes) <= 21
        assert made.articles == len(articles) >= min(10, n // 2)


def test_questions_and_texts_of_one_folder_are_told_apart(tmp_path: Path) -> None:
    write_lines(tmp_path / "in/a.jsonl", questions(4))
    (tmp_path / "in/b.txt").write_text("plain")
    made = prepared(tmp_path / "in", tmp_path / "out")
    assert (made.texts, made.questions) == (1, 4)


def test_answers_that_do_not_stand_in_their_context_are_left_out_and_counted(tmp_path: Path) -> None:
    wrong = {"context": CONTEXT, "question": "Who?", "answers": ["Eve"]}
    assert prepared(write_lines(tmp_path / "a.jsonl", [wrong, *questions(6)]), tmp_path / "out").left_out == 1
    with pytest.raises(DataError, match="none of the 1 answers stands in its context"):
        prepared(write_lines(tmp_path / "b.jsonl", [wrong]), tmp_path / "out")


def test_a_run_goes_on_with_the_data_it_began_with(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [{"text": "old"}])
    first = prepared(file, tmp_path / "out")
    file.unlink()
    assert prepared(file, tmp_path / "out") == first
    assert list(read_texts([tmp_path / "out" / str(first.text_file)], 99)) == ["old"]


def test_a_preparation_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.jsonl", [{"text": "fine"}, {"text": 3}])
    with pytest.raises(DataError):
        prepared(file, tmp_path / "out")
    write_lines(file, [{"text": "fine"}])
    assert prepared(file, tmp_path / "out").texts == 1


@pytest.mark.parametrize(
    ("records", "fields", "message"),
    [
        ([{"text": "a"}, {"text": ["b"]}], (), r":2: field 'text' holds a list, not text"),
        ([{"a": "x", "b": "y"}], (), r":1: which of the fields a, b holds the text\? name it with --fields"),
        ([{"a": "x"}], ("text",), r":1 has no field 'text'; name some of a with --fields"),
        ([*questions(2), {"text": "x"}], (), r":3 has no question with a context"),
        (questions(1, answers=[{"answer": "x"}]), (), r":1: an answer is a text, or an object with text and answer_start"),
        (questions(2), (), "asks about fewer than four contexts"),
        ([{"question": "Who?", "answer": "x"}, {"question": "Who?"}], (), r":2 has no question with answers; give each row"),
        ([{"text": ""}], (), "holds no text and no questions"),
        ([], (), "holds no text and no questions"),
    ],
)  # fmt: skip
def test_a_data_set_that_does_not_fit_is_named_with_row_and_remedy(
    records: list[Any], fields: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        prepared(write_lines(tmp_path / "a.jsonl", records), tmp_path / "out", *fields)


def test_questions_without_a_context_are_kept_for_the_stage_that_looks_for_passages(tmp_path: Path) -> None:
    rows = [
        {"question": "Who? ", "answer": ["Ada", "Ada Lovelace"]},  # NQ-open
        {"question": "Where?", "answer": {"value": "Rome", "aliases": ["Roma"], "type": "entity"}},  # TriviaQA
        {"question": "When?", "answer": "1815"},
    ]
    made = prepared(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "out")
    assert (made.open_questions, made.texts, made.questions, made.text_file) == (3, 0, 0, None)
    assert load_open_questions(tmp_path / "out" / str(made.open_file)) == [
        OpenQuestion("Who?", ("Ada", "Ada Lovelace")),
        OpenQuestion("Where?", ("Rome", "Roma")),
        OpenQuestion("When?", ("1815",)),
    ]
    assert prepared(write_lines(tmp_path / "b.jsonl", rows), tmp_path / "out", "question").texts == 3, "as it was named"


TEXT = Prepared("a", "a.jsonl", None, 9, 0, 0, 0)
OPEN = Prepared("o", None, None, 0, 0, 0, 0, "o.open.jsonl", 7)
QUESTIONS = Prepared("q", None, "q.json", 0, 90, 30, 0)


def test_data_sets_replace_the_files_of_their_kind(tmp_path: Path) -> None:
    mini, corpus, folder = RECIPES["mini"], tmp_path / "corpus", tmp_path / "run" / "datasets"
    made = with_datasets(mini, [TEXT], folder, corpus)
    assert made.text_files == ("../run/datasets/a.jsonl",)
    assert (made.qa_files, made.definition_files) == (mini.qa_files, mini.definition_files)
    made = with_datasets(mini, [QUESTIONS], folder, corpus)
    assert (made.text_files, made.qa_files) == (mini.text_files, ("../run/datasets/q.json",))
    assert (made.held_out_articles, made.never_read) == (3, 1)
    assert made.refit == mini.refit
    few = with_datasets(mini, [dataclasses.replace(QUESTIONS, articles=9)], folder, corpus)
    assert (few.held_out_articles, few.refit) == (1, None), "what one article is judged on cannot be read as well"
    assert made.fingerprint != mini.fingerprint


def test_questions_without_passages_go_to_refit_with_the_texts_there_are(tmp_path: Path) -> None:
    mini, corpus, folder = RECIPES["mini"], tmp_path / "corpus", tmp_path / "run" / "datasets"
    made = with_datasets(mini, [OPEN], folder, corpus)
    assert made.open_questions == ("../run/datasets/o.open.jsonl",)
    assert (made.open_texts, made.qa_files, made.refit) == (mini.open_texts, mini.qa_files, mini.refit)
    made = with_datasets(mini, [OPEN, TEXT, QUESTIONS], folder, None)
    assert (made.open_questions, made.open_texts) == (("o.open.jsonl",), ("a.jsonl",))
    with pytest.raises(ConfigError, match="are read by the stage refit"):
        with_datasets(mini, [OPEN, TEXT, dataclasses.replace(QUESTIONS, articles=9)], folder, None)
    with pytest.raises(ConfigError, match="no text to look for passages in"):
        with_datasets(mini, [OPEN, QUESTIONS], folder, None)


def test_without_a_corpus_nothing_else_is_looked_for(tmp_path: Path) -> None:
    made = with_datasets(RECIPES["mini"], [TEXT, QUESTIONS], Path("run"), None)
    assert (made.text_files, made.qa_files) == (("a.jsonl",), ("q.json",))
    named = {f.name: getattr(made, f.name) for f in dataclasses.fields(made) if f.name.endswith(("_files", "_file"))}
    assert {name for files in named.values() for name in ([files] if isinstance(files, str) else files)} - {""} == {
        "a.jsonl",
        "q.json",
    }
    assert made.definition_files == made.recurring_files == made.text_files
    assert (RECIPES["mini"].written, made.written) == (True, False), "their paragraphs stand in a corpus"
    check_covered(made, ("tokenizer", "pretrain", "reading", "release"), tmp_path)


def test_a_stage_without_data_is_refused_before_it_runs(tmp_path: Path) -> None:
    only_questions = with_datasets(RECIPES["mini"], [QUESTIONS], tmp_path, None)
    with pytest.raises(ConfigError, match="no text to train on: give --corpus DIR, or a --dataset of text"):
        check_covered(only_questions, ("tokenizer",), tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    check_covered(only_questions, ("tokenizer", "reading"), tmp_path)
    for stage in ("pretrain", "detect"):
        with pytest.raises(ConfigError, match="no text to train on"):
            check_covered(only_questions, (stage,), tmp_path)
    with pytest.raises(ConfigError, match=r"no questions to learn reading from: give --corpus DIR"):
        check_covered(with_datasets(RECIPES["mini"], [TEXT], tmp_path, None), ("reading",), tmp_path)
