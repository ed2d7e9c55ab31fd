"""QAMR's questions as articles: nothing lost, nothing twice, every answer where it says."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from gpt.errors import DataError
from gpt.qamr import load_qamr


def record(sentence: str, question: str, *answers: str) -> dict[str, object]:
    return {"context": sentence, "question": question, "answers": list(answers)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    records = []
    for i in range(40):
        sentence = f"Keeper {i} sold {i + 50} lamps, ropes and a lamp to town {i}."
        records += [
            record(sentence, f"how many lamps did keeper {i} sell?", f"{i + 50}", f"{i + 50} lamps,"),
            record(sentence, f"Who sold to town {i}?", f"Keeper {i}"),
            record(sentence, f"Who sold to town {i}?", "Keeper"),
            record(sentence, f"What else went to town {i}?", "lam", "a lamp"),
            record(sentence, f"Who bought in town {i}?", "nobody"),
            record(sentence, "Who did it?", f"Keeper {i}"),
        ]
    path = tmp_path / "qamr.jsonl.xz"
    with lzma.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(r) + "\n" for r in records)
    return path


def test_every_answer_is_a_slice_of_its_paragraph_and_nothing_is_asked_twice(file: Path) -> None:
    paragraphs = [p for article in load_qamr(file) for p in article.paragraphs]
    questions = [q for p in paragraphs for q in p.questions]
    for q in questions:
        assert q.answers
        for answer, start in zip(q.answers, q.answer_starts, strict=True):
            assert q.context[start : start + len(answer)] == answer
    assert len({q.id for q in questions}) == len({q.question for q in questions}) == len(questions) == 3 * 40
    assert {len(p.questions) // 3 for p in paragraphs} == {1, 2, 3, 4, 5}


def test_answers_lose_closing_marks_and_what_is_no_span_of_words_is_dropped(file: Path) -> None:
    answers = {q.question: q.answers for a in load_qamr(file) for p in a.paragraphs for q in p.questions}
    assert answers["How many lamps did keeper 3 sell?"] == ("53", "53 lamps")
    assert answers["What else went to town 3?"] == ("a lamp",)
    assert answers["Who sold to town 3?"] == ("Keeper 3",)
    assert "Who bought in town 3?" not in answers


def test_a_question_that_names_nothing_of_its_sentence_is_dropped(file: Path) -> None:
    assert all(
        "town" in q.question or "keeper" in q.question
        for a in load_qamr(file)
        for p in a.paragraphs
        for q in p.questions
    )


def test_the_seed_decides_which_sentences_meet_and_a_sentence_may_be_asked_less(file: Path) -> None:
    assert load_qamr(file, seed=1) == load_qamr(file, seed=1) != load_qamr(file, seed=2)
    few = load_qamr(file, max_questions=1)
    assert sum(len(p.questions) for a in few for p in a.paragraphs) == 40


def test_a_missing_file_or_a_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no question file at"):
        load_qamr(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text(json.dumps(record("A b.", "Who?", "A")) + '\n{"context": "x"}\n')
    with pytest.raises(DataError, match=r"bad\.jsonl:2"):
        load_qamr(tmp_path / "bad.jsonl")
