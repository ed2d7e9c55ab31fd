"""Examples and batches of the reading task."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from gpt import reading_data
from gpt.config import GPTConfig, TrainConfig
from gpt.errors import DataError
from gpt.model import GPT
from gpt.reading import encode_piece
from gpt.reading_data import ReadingData, Styles, nearest_wrong, shared_idf
from gpt.reading_task import ALTERED, Reading
from gpt.squad import Article, load_articles, load_squad
from gpt.tokenizer import Tokenizer
from gpt.twists import WORD
from tests.gpt.conftest import ASKED, LIGHT


def reading(tokenizer: Tokenizer, articles: list[Article], **changes: float) -> Reading:
    config = TrainConfig(steps=10, batch_tokens=600, **changes)  # type: ignore[arg-type]
    return Reading(ReadingData.build(tokenizer, articles), config, context_len=128)


def answers(task: Reading, step: int) -> list[str]:
    """What the targets of a batch point at, in words; "" for not in the passages."""
    batch, target = task.batch(step)
    words = []
    for row in range(len(target)):
        start, end = target[row].tolist()
        inside = start != int(batch.answer_at[row])
        words.append(task.data.tokenizer.decode(batch.ids[row, start : end + 1].tolist()).strip() if inside else "")
    return words


def test_targets_point_at_the_labelled_words(tokenizer: Tokenizer, articles: list[Article]) -> None:
    task = reading(tokenizer, articles, unanswerable=0.0, distractors=0.5)
    epoch = [a for step in range(len(task.passed(0).batches)) for a in answers(task, step)]
    assert set(epoch) == {f"Person{i}" for i in range(1, 19)}


def test_unanswerable_examples_hold_a_paragraph_without_the_answer(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    task = reading(tokenizer, articles, unanswerable=1.0, distractors=0.0)
    assert set(answers(task, 0)) == {""}
    batch, _ = task.batch(0)
    for row in batch.ids.tolist():
        text = tokenizer.decode(row)
        question = text.split("<|passage|>")[0]
        passage = text.split("<|passage|>")[1].split("<|question|>")[0]
        asked = question.split(" of the ")[0].removeprefix("<|question|>Who is the ")
        assert f"the {asked} of" not in passage


def test_a_batch_is_a_pure_function_of_its_step(tokenizer: Tokenizer, articles: list[Article]) -> None:
    one, other = (reading(tokenizer, articles, unanswerable=0.4, distractors=0.3) for _ in range(2))
    for step in (7, 0, 3):
        (a, x), (b, y) = one.batch(step), other.batch(step)
        assert torch.equal(a.ids, b.ids)
        assert torch.equal(a.marks, b.marks)
        assert torch.equal(x, y)


def test_dropped_tokens_become_masks_the_same_at_every_call(tokenizer: Tokenizer, articles: list[Article]) -> None:
    task = reading(tokenizer, articles, token_dropout=0.3)
    ids, mask = task.batch(0)[0].ids, tokenizer.special_ids["<|mask|>"]
    shown = task.shown(ids, 0)
    words = ids < min(tokenizer.special_ids.values())
    assert torch.equal(shown[~words], ids[~words])
    assert set(shown[shown != ids].tolist()) == {mask}
    assert float((shown != ids)[words].float().mean()) == pytest.approx(0.3, abs=0.06)
    assert torch.equal(shown, task.shown(ids, 0))
    assert not torch.equal(shown, task.shown(ids, 1))
    assert torch.equal(reading(tokenizer, articles).shown(ids, 0), ids)


def test_batches_respect_the_token_budget_and_every_example_comes_once(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    task = reading(tokenizer, articles, unanswerable=0.3, distractors=0.5)
    seen = np.concatenate([members for _, members in task.passed(0).batches])
    assert set(seen.tolist()) == set(range(18))
    assert len(seen) < 18 + 600 // 48  # the last batch is filled up
    for step in range(len(task.passed(0).batches)):
        batch, _ = task.batch(step)
        rows, width = batch.ids.shape
        assert rows == 1 or (width - 16) * rows <= 600


def test_a_pass_is_planned_once_however_many_came_before(
    tokenizer: Tokenizer, articles: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    n_batches = [len(reading(tokenizer, articles).passed(number).batches) for number in range(5)]
    task = reading(tokenizer, articles)
    planned: list[int] = []
    plan = task._plan
    monkeypatch.setattr(task, "_plan", lambda number: (planned.append(number), plan(number))[1])
    for step in range(sum(n_batches)):
        task.batch(step)
    assert planned == [0, 1, 2, 3, 4]


def test_a_pass_takes_new_questions_about_recurring_spans_until_all_had_their_turn(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    n = sum(len(p.questions) for a in articles[:2] for p in a.paragraphs)
    data = ReadingData.build(tokenizer, articles[:2], recurring=articles[2:])
    assert data.n_recurring == len(data.examples) - n > n
    task = Reading(data, TrainConfig(steps=10, batch_tokens=600, recurring=0.5), context_len=128)
    taken = []
    for number in range(2 * data.n_recurring // (n // 2)):
        members = set(np.concatenate([members for _, members in task.passed(number).batches]).tolist())
        assert set(range(n)) <= members
        taken.append(members - set(range(n)))
        assert len(taken[-1]) == n // 2
    assert not taken[0] & taken[1]
    assert set.union(*taken) == set(range(n, len(data.examples)))
    none = Reading(data, TrainConfig(steps=10, batch_tokens=600), context_len=128)
    assert set(np.concatenate([members for _, members in none.passed(0).batches]).tolist()) == set(range(n))


def test_joined_examples_come_before_those_about_recurring_spans_as_often_as_asked(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    data = ReadingData.build(tokenizer, articles[:1], recurring=articles[1:2])
    other = ReadingData.build(tokenizer, articles[2:3], recurring=articles[3:4])
    n, more = len(data.examples), len(other.examples) - other.n_recurring
    joined = data.joined(other, 3)
    assert (len(joined.examples), joined.n_recurring) == (n + 3 * more, data.n_recurring)
    assert joined.examples[-data.n_recurring :] == data.examples[-data.n_recurring :]
    for k in range(3):
        for i in range(more):
            e = joined.examples[n - data.n_recurring + k * more + i]
            assert e.question == other.examples[i].question
            assert joined.paragraphs[e.paragraph] == other.paragraphs[other.examples[i].paragraph]
            assert [joined.paragraphs[j] for j in e.negatives] == [
                other.paragraphs[j] for j in other.examples[i].negatives
            ]


def test_shared_idf_equals_the_sum_over_shared_stems(tokenizer: Tokenizer, articles: list[Article]) -> None:
    paragraphs = [encode_piece(tokenizer, p.context) for p in articles[0].paragraphs]
    questions = [encode_piece(tokenizer, q.question) for p in articles[0].paragraphs for q in p.questions]
    scores = shared_idf(questions, paragraphs)
    for i, q in enumerate(questions):
        for j, p in enumerate(paragraphs):
            shared = (set(q.stems.tolist()) & set(p.stems.tolist())) - {0}
            expected = sum(np.log1p(3 / sum(s in set(x.stems.tolist()) for x in paragraphs)) for s in shared)
            assert scores[i, j] == pytest.approx(expected)


def test_wrong_paragraphs_never_hold_the_answer_nor_are_the_right_one(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    article = articles[0]
    pieces = [encode_piece(tokenizer, p.context) for p in article.paragraphs]
    asked = [q for p in article.paragraphs for q in p.questions]
    for i, (q, wrong) in enumerate(
        zip(asked, nearest_wrong(article, [encode_piece(tokenizer, q.question) for q in asked], pieces), strict=True)
    ):
        assert wrong
        assert i not in wrong
        assert all(q.answers[0].lower() not in article.paragraphs[j].context.lower() for j in wrong)


def test_a_paragraph_longer_than_the_window_is_cut_around_the_answer(tokenizer: Tokenizer, tmp_path: Path) -> None:
    context = "filler words here " * 60 + "and the answer is Xanadu indeed " + "more filler words " * 60
    qa = {
        "id": "1",
        "question": "What is the answer?",
        "answers": [{"text": "Xanadu", "answer_start": context.index("Xanadu")}],
    }
    (tmp_path / "f.json").write_text(
        json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": [qa]}]}]})
    )
    task = reading(tokenizer, load_articles(tmp_path / "f.json"), unanswerable=0.0)
    for epoch in range(3):
        assert answers(task, epoch) == ["Xanadu"]
        assert task.batch(epoch)[0].ids.shape[1] <= 128


def test_the_loss_of_an_untrained_pointer_is_the_log_of_the_allowed_places(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    task = reading(tokenizer, articles)
    model = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=128), torch.float32)
    loss, tokens = task.loss(model, 0)
    batch, _ = task.batch(0)
    assert loss.item() == pytest.approx(float(batch.allowed.sum(1).float().log().mean()), rel=1e-4)
    assert tokens == batch.ids.numel()


def test_a_file_that_is_not_squad_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"data": [{"paragraphs": [{"context": "c"}]}]}')
    with pytest.raises(DataError, match=r"x\.json is not a SQuAD-format file"):
        load_squad(tmp_path / "x.json")
    with pytest.raises(DataError, match="no question file"):
        load_squad(tmp_path / "none.json")


def test_questions_without_answers_make_no_training_data(tokenizer: Tokenizer, tmp_path: Path) -> None:
    qa = {"id": "1", "question": "Q?", "answers": [], "is_impossible": True}
    (tmp_path / "x.json").write_text(
        json.dumps({"data": [{"title": "t", "paragraphs": [{"context": "c", "qas": [qa]}]}]})
    )
    assert load_squad(tmp_path / "x.json")[0].is_impossible
    with pytest.raises(DataError, match="no answerable question"):
        ReadingData.build(tokenizer, load_articles(tmp_path / "x.json"))


def parts(task: Reading, step: int) -> list[tuple[str, str, str]]:
    """The question, the passage and the answer of each row of a batch, in words."""
    batch, _ = task.batch(step)
    texts = (task.data.tokenizer.decode(row).removeprefix("<|question|>") for row in batch.ids.tolist())
    split = (text.replace("<|question|>", "<|passage|>").split("<|passage|>")[:2] for text in texts)
    return [(question, passage, answer) for (question, passage), answer in zip(split, answers(task, step), strict=True)]


def test_altered_paragraphs_answer_the_altered_question_alone(tokenizer: Tokenizer, altering: ReadingData) -> None:
    config = TrainConfig(steps=10, batch_tokens=4000, unanswerable=0.5, misleading=1.0, altered=1.0, renamed=1.0)
    task = Reading(altering, config, context_len=512)
    kinds: dict[bool, int] = {False: 0, True: 0}
    for number in range(6):
        (_, members), *rest = task.passed(number).batches
        assert not rest
        assert task.untaught(number).tolist() == [len(altering.examples[i].altered) > 0 for i in members]
        for i, (question, passage, answer) in zip(members, parts(task, number), strict=True):
            asked = tokenizer.decode(altering.examples[i].question.ids.tolist())
            plain = ASKED[asked]
            assert passage in {a.context for a in altering.examples[i].altered}
            assert passage != LIGHT
            assert (question == asked) == (answer == "")
            assert answer in ("", plain)
            kinds[answer == ""] += 1
    assert min(kinds.values()) > 5


def test_what_is_overlooked_most_is_altered_first(
    tokenizer: Tokenizer, lighthouses: list[Article], altering: ReadingData
) -> None:
    whole = ReadingData.build(tokenizer, lighthouses, n_altered=99)
    kinds = set()
    for every, some in zip(whole.examples, altering.examples, strict=True):
        asked = WORD.findall(tokenizer.decode(every.question.ids.tolist()))
        stays = []
        for a in every.altered:
            taken = set(asked) - set(WORD.findall(tokenizer.decode(a.question.ids.tolist())))
            stays.append(taken <= set(WORD.findall(a.context)))
        assert stays == sorted(stays, reverse=True)
        assert [a.context for a in some.altered] == [a.context for a in every.altered][:2]
        kinds |= set(stays)
    assert kinds == {True, False}


def test_no_paragraph_is_altered_where_the_config_does_not_say_so(altering: ReadingData) -> None:
    plain = TrainConfig(steps=10, batch_tokens=4000, unanswerable=0.5, misleading=1.0)
    for number in range(3):
        task = Reading(altering, plain, context_len=512)
        assert not task.untaught(number).any()
        assert {passage for _, passage, _ in parts(task, number)} == {LIGHT}
    asked, some = (Reading(altering, c, 512).passed(4) for c in (plain, dataclasses.replace(plain, altered=0.5)))
    same = some.kind < ALTERED
    assert not same.all()
    assert (some.kind[same] == asked.kind[same]).all()
    assert (some.room == asked.room).all()


def test_several_processes_make_the_same_examples_as_one(
    tokenizer: Tokenizer, lighthouses: list[Article], articles: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build() -> ReadingData:
        return ReadingData.build(
            tokenizer, [*lighthouses, *articles[:3]], 2, articles[3:], Styles(0.5, 0.5), n_altered=2
        )

    alone = build()
    monkeypatch.setattr(reading_data, "WORTH_WORKERS", 1)
    monkeypatch.setattr(reading_data, "MAX_WORKERS", 2)
    together = build()
    assert together.n_recurring == alone.n_recurring > 0
    assert len(together.paragraphs) == len(alone.paragraphs)
    for one, other in zip(alone.paragraphs, together.paragraphs, strict=True):
        assert np.array_equal(one.ids, other.ids)
    for a, b in zip(alone.examples, together.examples, strict=True):
        assert (a.paragraph, a.start, a.end, a.negatives) == (b.paragraph, b.start, b.end, b.negatives)
        assert [p.ids.tolist() for p in a.misleading] == [p.ids.tolist() for p in b.misleading]
        assert [c.context for c in a.altered] == [c.context for c in b.altered]
    assert any(a.altered for a in alone.examples)


def test_an_altered_paragraph_that_is_too_long_is_cut_around_the_answer(altering: ReadingData) -> None:
    config = TrainConfig(steps=10, batch_tokens=4000, unanswerable=0.0, renamed=1.0, crop=1.0, crop_tokens=24)
    task = Reading(altering, config, context_len=512)
    for question, passage, answer in parts(task, 0):
        assert answer in passage
        assert answer in ASKED.values()
        assert len(passage) < len(LIGHT)
        assert question not in ASKED


def test_an_answer_that_occurs_twice_is_taken_where_the_question_s_words_stand(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    context = "Paris is large and old. Many rivers are long. The treaty of 1783 was signed in Paris by three envoys."
    qa = {"id": "1", "question": "Where was the treaty signed?", "answers": [{"text": "Paris", "answer_start": 0}]}
    (tmp_path / "f.json").write_text(
        json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": [qa]}]}]})
    )
    data = ReadingData.build(tokenizer, load_articles(tmp_path / "f.json"))
    example, piece = data.examples[0], data.paragraphs[0]
    assert context[piece.offsets[example.start] : piece.offsets[example.end + 1]].strip() == "Paris"
    assert piece.offsets[example.start] > context.index("signed")


def test_passages_written_as_notes_keep_their_answers(tokenizer: Tokenizer, articles: list[Article]) -> None:
    plain, noted = (ReadingData.build(tokenizer, articles, styles=Styles(notes=share)) for share in (0.0, 1.0))
    assert len(plain.examples) == len(noted.examples)
    changed = 0
    for a, b in zip(plain.examples, noted.examples, strict=True):
        assert a.paragraph == b.paragraph
        assert not set(b.negatives) & {b.paragraph}
        before, after = plain.paragraphs[a.paragraph], noted.paragraphs[b.paragraph]
        words = [tokenizer.decode(p.ids[e.start : e.end + 1].tolist()).strip() for p, e in ((before, a), (after, b))]
        assert words[0] == words[1]
        changed += len(before) != len(after)
    assert changed > len(plain.examples) / 2


def test_passages_as_captions_keep_their_answers_and_what_would_give_a_twist_away_is_not_made(
    tokenizer: Tokenizer, lighthouses: list[Article]
) -> None:
    plain, spoken = (ReadingData.build(tokenizer, lighthouses, 2, [], Styles(spoken=share), 2) for share in (0.0, 1.0))
    assert len(plain.examples) == len(spoken.examples)
    assert any(e.altered for e in plain.examples)
    assert not any(e.altered for e in spoken.examples)
    hasty = 0
    for a, b in zip(plain.examples, spoken.examples, strict=True):
        texts = [
            re.findall(r"\w+", tokenizer.decode(d.paragraphs[e.paragraph].ids[e.start : e.end + 1].tolist()).lower())
            for d, e in ((plain, a), (spoken, b))
        ]
        assert texts[0] == texts[1]
        question = tokenizer.decode(b.question.ids.tolist())
        twins = [tokenizer.decode(twin.ids.tolist()) for twin in b.misleading]
        assert all(twin.endswith("?") == question.endswith("?") for twin in twins)
        hasty += question == question.lower()
    assert 0 < hasty < len(plain.examples)
