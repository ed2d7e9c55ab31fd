"""Questions written for this project find their paragraphs, and those without an answer are learnt as such."""

from __future__ import annotations

import dataclasses
import json
import logging
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt.config import TrainConfig
from gpt.errors import DataError
from gpt.reading_data import N_NEGATIVES, ReadingData
from gpt.reading_task import MISLED, WRONG, Reading
from gpt.squad import Article, save_articles, whole_words
from gpt.tokenizer import Tokenizer
from gpt.written import PACKED, QUESTIONS, TOGETHER, digest, text_files, written_articles

TEXT = "The lighthouse of Ushant was built in 1863. Its lamp was lit by Pierre Malgorn."
ROW = {
    "answered": [["When was the tower on Ushant put up?", "1863"], ["Who lit the lamp?", "Pierre Malgorn"]],
    "unanswered": [["Who built the lighthouse of Ushant?", "Pierre Malgorn"], ["When was its lamp lit?", "1863"]],
}
PLACED = ROW | {"file": "pretrain/wiki.jsonl.xz", "id": "wiki:7", "line": 1, "digest": digest(TEXT)}
OWN = ROW | {"title": "Ushant", "text": TEXT}


def folder(tmp_path: Path, **files: list[dict[str, Any]]) -> Path:
    for name, rows in files.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return tmp_path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "pretrain" / "wiki.jsonl.xz"
    path.parent.mkdir(parents=True)
    rows = [
        {"id": "wiki:6", "title": "Sea", "text": "Water."},
        {"id": "wiki:7", "title": "U", "text": f"Ushant\n {TEXT} \n"},
    ]
    with lzma.open(path, "wt", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)
    return tmp_path / "data"


@pytest.mark.parametrize("row", [PLACED, OWN], ids=["in a text", "own words"])
def test_a_paragraph_has_its_questions_with_and_without_an_answer(
    corpus: Path, tmp_path: Path, row: dict[str, Any]
) -> None:
    [article] = written_articles(corpus, folder(tmp_path, some=[row]))
    [paragraph] = article.paragraphs
    assert paragraph.context == TEXT
    asked = [(q.question, q.answers, q.is_impossible) for q in paragraph.questions]
    assert asked[1:3] == [
        ("Who lit the lamp?", ("Pierre Malgorn",), False),
        ("Who built the lighthouse of Ushant?", (), True),
    ]
    assert len({q.id for q in paragraph.questions}) == 4
    for q in paragraph.questions:
        assert [TEXT[at:].startswith(answer) for at, answer in zip(q.answer_starts, q.answers, strict=True)] in (
            [True],
            [],
        )


def test_beside_a_paragraph_stand_those_around_it_in_its_text(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """They are what a passage that does not answer looks like when a search brings it."""
    lines = [f"Line {n} of the lighthouse: {'word ' * 30}" for n in range(20)]
    lines[6], lines[9] = "short", TEXT
    file = tmp_path / PLACED["file"]
    file.parent.mkdir()
    with lzma.open(file, "wt", encoding="utf-8") as out:
        out.write(json.dumps({"id": "wiki:7", "title": "U", "text": "\n".join(lines)}))
    placed = PLACED | {"line": 9}
    asked, own = written_articles(tmp_path, folder(tmp_path, some=[OWN, placed, OWN]))
    assert asked.paragraphs[0].context == TEXT
    around = [n for n in range(4, 14) if n not in (6, 9)]
    assert [p.context for p in asked.paragraphs[1:]] == [lines[n].strip() for n in around]
    assert not any(p.questions for p in asked.paragraphs[1:])
    assert [p.context for p in own.paragraphs] == [TEXT, TEXT]
    data = ReadingData.build(tokenizer, [asked])
    assert len(data.examples) == 2
    assert all(len(e.negatives) == N_NEGATIVES and 0 not in e.negatives for e in data.examples)


def test_what_the_data_folder_lacks_is_left_out_and_named(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (corpus / PLACED["file"]).unlink()
    with caplog.at_level(logging.WARNING):
        [article] = written_articles(corpus, folder(tmp_path, some=[PLACED, OWN]))
    assert len(article.paragraphs) == 1
    assert "pretrain/wiki.jsonl.xz" in caplog.text
    assert written_articles(corpus, folder(tmp_path, some=[PLACED])) == []


@pytest.mark.parametrize("changed", [{"line": 0}, {"line": 9}, {"id": "wiki:6"}, {"id": "wiki:8"}])
def test_a_paragraph_that_is_another_one_is_named(corpus: Path, tmp_path: Path, changed: dict[str, Any]) -> None:
    wrong = PLACED | changed
    with pytest.raises(DataError, match=f"line {wrong['line']} of '{wrong['id']}' is not the paragraph"):
        written_articles(corpus, folder(tmp_path, some=[wrong]))


def test_an_answer_that_is_not_there_is_named(corpus: Path, tmp_path: Path) -> None:
    wrong = OWN | {"answered": [["Who?", "Malgor"]]}
    with pytest.raises(DataError, match="question 0 of paragraph 0 in some: its answer 'Malgor' does not"):
        written_articles(corpus, folder(tmp_path, some=[wrong]))


def test_they_travel_with_their_paragraphs(corpus: Path, tmp_path: Path) -> None:
    made = written_articles(corpus, folder(tmp_path, some=[PLACED, OWN]))
    save_articles(tmp_path / "elsewhere" / PACKED, made)
    assert written_articles(tmp_path / "elsewhere") == made


def test_half_of_the_time_a_question_without_an_answer_is_asked(
    corpus: Path, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    made = written_articles(corpus, folder(tmp_path, some=[OWN]))
    data = ReadingData.build(tokenizer, made, n_misleading=2, n_altered=2)
    assert [len(e.misleading) for e in data.examples] == [1, 1], "dealt out"
    assert not any(e.altered for e in data.examples)
    task = Reading(data, TrainConfig(steps=9, batch_tokens=600, unanswerable=0.0, altered=0.9), 256)
    counted = {True: 0, False: 0}
    for step in range(60):
        batch, target = task.batch(step)
        declined = target[:, 0] == batch.answer_at
        assert task.untaught(step).all()
        for row, is_declined in zip(batch.ids.tolist(), declined.tolist(), strict=True):
            asked = tokenizer.decode(row).split("<|passage|>")[0].removeprefix("<|question|>")
            assert asked in [q for q, _ in ROW["unanswered" if is_declined else "answered"]]
            counted[is_declined] += 1
    assert 0.35 < counted[True] / sum(counted.values()) < 0.65


def paragraphs_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (QUESTIONS / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", sorted(f.name for f in QUESTIONS.glob("*.jsonl")))
def test_the_questions_are_whole(name: str) -> None:
    """Each paragraph has both kinds, no question stands twice about it, and both kinds are of one style."""
    rows = paragraphs_of(name)
    assert len(rows) > 50
    words: dict[str, list[int]] = {"answered": [], "unanswered": []}
    for row in rows:
        asked = [q for kind in words for q, _ in row[kind]]
        assert row["answered"]
        assert row["unanswered"]
        assert len({q.lower() for q in asked}) == len(asked)
        for kind, lengths in words.items():
            lengths += [len(q.split()) for q, _ in row[kind]]
            if "text" in row:
                assert all(list(whole_words(span, row["text"])) for _, span in row[kind])
    means = [sum(lengths) / len(lengths) for lengths in words.values()]
    assert abs(means[0] - means[1]) < 2
    assert 1.5 < len(words["answered"]) / len(words["unanswered"]) < 2.2


def test_the_notes_need_no_other_data(tmp_path: Path) -> None:
    made: list[Article] = written_articles(tmp_path)
    assert {a.title for a in made} == {"notes"}
    assert sum(len(a.paragraphs) for a in made) == len(paragraphs_of("notes.jsonl"))
    assert max(len(a.paragraphs) for a in made) == TOGETHER


def test_the_files_that_the_paragraphs_stand_in_are_told(tmp_path: Path) -> None:
    assert text_files(folder(tmp_path, some=[PLACED, OWN], more=[PLACED])) == [PLACED["file"]]
    assert all(name.startswith("pretrain/") for name in text_files())


def test_questions_that_their_paragraph_does_not_answer_are_dealt_out(
    corpus: Path, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    """Where there are fewer of them than others, the rest is misled by rule."""
    row = OWN | {"unanswered": ROW["unanswered"][:1]}
    made = written_articles(corpus, folder(tmp_path, some=[row]))
    first, second = ReadingData.build(tokenizer, made, n_misleading=2).examples
    assert (first.is_labelled, second.is_labelled) == (True, False)
    assert [tokenizer.decode(q.ids.tolist()) for q in first.misleading] == ["Who built the lighthouse of Ushant?"]


def test_examples_are_known_by_what_is_asked(corpus: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    """So that a run can say that it goes on over other ones (gpt/train.py)."""

    def made_of(row: dict[str, Any]) -> str:
        data = ReadingData.build(tokenizer, written_articles(corpus, folder(tmp_path, some=[row])), n_misleading=2)
        return Reading(data, TrainConfig(steps=9, batch_tokens=600), 256).made_of

    others = (OWN | {kind: ROW[kind][:1]} for kind in ("answered", "unanswered"))
    assert made_of(OWN) == made_of(OWN)
    assert len({made_of(row) for row in (OWN, *others, OWN | {"text": TEXT + " So it is."})}) == 4


def test_a_third_of_the_time_a_wrong_paragraph_is_shown(corpus: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    other = OWN | {"text": "Pierre Malgorn lit the lamp in 1863.", "title": "x"}
    data = ReadingData.build(tokenizer, written_articles(corpus, folder(tmp_path, some=[OWN, other] * 20)))
    made = dataclasses.replace(data, examples=tuple(dataclasses.replace(e, negatives=(0,)) for e in data.examples))
    task = Reading(made, TrainConfig(steps=9, batch_tokens=600, unanswerable=0.4, misleading=0.5), 256)
    kinds = np.concatenate([task.passed(number).kind for number in range(20)])
    assert (kinds == WRONG).mean() == pytest.approx(0.35, abs=0.03)
    assert (kinds == MISLED).mean() == pytest.approx(0.65 * 0.45, abs=0.03)


@pytest.mark.parametrize("name", ["notes", "folders"])
def test_the_notes_of_the_benchmark_are_others(name: str) -> None:
    def told(rows: list[dict[str, Any]]) -> set[tuple[str, ...]]:
        words = [row["text"].lower().split() for row in rows]
        return {tuple(text[i : i + 8]) for text in words for i in range(len(text) - 7)}

    file = Path(__file__).parents[1] / "bench" / "written" / f"{name}.jsonl"
    measured = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    learnt = paragraphs_of("notes.jsonl")
    assert not told(measured) & told(learnt)
    assert not {row["title"].lower() for row in measured} & {row["title"].lower() for row in learnt}
