"""A reader that learns from its user's documents: judged, kept only when it did not get worse, resumed, never overwritten."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gpt.checkpoint import Released, load_released
from gpt.config import RECIPES, GPTConfig, TrainConfig
from gpt.errors import ConfigError, DataError
from gpt.judge import Verdict
from gpt.model import GPT
from gpt.personal import (
    GENERAL,
    RELEASED,
    Material,
    Plan,
    between,
    check_out,
    gather,
    keeps,
    personalize,
    sample_articles,
    split_documents,
)
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.self_made import Document, count_questions, passage_articles
from gpt.squad import Article, load_articles
from gpt.tokenizer import Tokenizer
from gpt.train import Progress, train
from tests.gpt.conftest import WORDS, sentences

CONFIG = TrainConfig(steps=1, batch_tokens=640, muon_lr=0.01, adam_lr=0.003, warmup_steps=5, checkpoint_every=10)
CALIBRATION = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}


def document(i: int) -> Document:
    """Six passages, each with a term of its own."""
    terms = [f"{WORDS[i % len(WORDS)]} {WORDS[(i + j + 1) % len(WORDS)]}" for j in range(6)]
    said = sentences(12, seed=i)
    return Document(
        f"{i}.md",
        tuple(f"A {t} is a kind of {t[::-1]} thing. {said[2 * j]} {said[2 * j + 1]}" for j, t in enumerate(terms)),
    )


DOCUMENTS = [document(i) for i in range(20)]


def ticking() -> Callable[[], float]:
    """A clock that moves on at every look."""
    return map(float, itertools.count(0.0, 0.05)).__next__


@pytest.fixture(scope="module")
def base(tokenizer: Tokenizer, articles: list[Article], tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A reader that has learnt a little."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(depth=2, aspect=32, head_dim=32, vocab_size=320, context_len=256), torch.float32)
    config = dataclasses.replace(CONFIG, steps=40, batch_tokens=1500, muon_lr=0.02, ema_decay=0.9)
    data = ReadingData.build(tokenizer, articles)
    train(model, Reading(data, config, 256), config, tmp_path_factory.mktemp("base"))
    return Released("base", model.eval(), tokenizer, CALIBRATION, {"recipe": "toy"})


@pytest.fixture
def material(articles: list[Article]) -> Material:
    own = [article for document in DOCUMENTS for article in passage_articles(document)]
    return Material(own[3:], own[:3], articles[2:], articles[:2], "held-out labelled articles")


def plan(out: Path, **changes: float) -> Plan:
    return Plan(5.0, out, 0.0, dataclasses.replace(CONFIG, **changes), clock=ticking())


def test_what_is_kept_can_be_loaded_and_tells_how_it_was_judged(
    base: Released, material: Material, tmp_path: Path
) -> None:
    before = {name: p.clone() for name, p in base.model.named_parameters()}
    steps: list[Progress] = []
    outcome = personalize(base, material, plan(tmp_path / "mine", muon_lr=1e-9, adam_lr=1e-9), steps.append)
    assert outcome.folder == tmp_path / "mine"
    assert outcome.own.before == outcome.own.after
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    kept = load_released(tmp_path / "mine")
    assert (kept.name, kept.tokenizer.fingerprint) == ("mine", base.tokenizer.fingerprint)
    assert CALIBRATION.items() <= kept.calibration.items()
    assert kept.training["personal"]["base"] == "base"
    assert kept.training["personal"]["general"]["after"] == outcome.general.after
    assert (
        f"| {outcome.own.n} | {outcome.own.before} | {outcome.own.after} |"
        in (tmp_path / "mine" / "card.md").read_text()
    )
    assert all(torch.equal(p, before[name]) for name, p in base.model.named_parameters())
    assert steps[-1].lr_scale < 0.2  # cooled down at the end of the time
    assert steps[-1].step == outcome.steps == steps[-1].steps


def test_a_model_that_got_worse_is_thrown_away(base: Released, material: Material, tmp_path: Path) -> None:
    outcome = personalize(base, material, plan(tmp_path / "mine", muon_lr=9.0, adam_lr=9.0))
    assert outcome.folder is None
    assert outcome.own.after < outcome.own.before or outcome.general.fell
    assert list(tmp_path.iterdir()) == []


def test_the_documents_are_learnt(base: Released, material: Material, tmp_path: Path) -> None:
    outcome = personalize(base, material, plan(tmp_path / "mine"))
    assert outcome.own.f1_after > outcome.own.f1_before + 5
    assert outcome.questions == count_questions(material.own)
    assert outcome.replay == count_questions(material.replay)


def test_an_interrupted_training_leaves_only_a_checkpoint_and_goes_on_from_it(
    base: Released, material: Material, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        personalize(base, material, plan(tmp_path / "mine"), interrupt)
    assert [p.name for p in tmp_path.iterdir()] == [".mine.training"]
    steps: list[Progress] = []
    personalize(base, material, plan(tmp_path / "mine", muon_lr=9.0, adam_lr=9.0), steps.append)
    assert steps[0].step == 1  # another training begins anew
    with pytest.raises(KeyboardInterrupt):
        personalize(base, material, plan(tmp_path / "mine"), interrupt)
    steps.clear()
    personalize(base, material, plan(tmp_path / "mine"), steps.append)
    assert steps[0].step == 11  # after the checkpoint of step 10


def test_a_machine_that_slows_down_does_not_run_on(base: Released, material: Material, tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    def slow_down(progress: Progress) -> None:
        if progress.lr_scale < 0.7:
            now[0] += 2.0

    outcome = personalize(base, material, Plan(5.0, tmp_path / "mine", 0.0, CONFIG, clock=clock), slow_down)
    assert outcome.seconds < 5.0 * 2


def test_time_that_does_not_suffice_is_said(base: Released, material: Material, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 s are too short: reading and judging alone take"):
        personalize(base, material, dataclasses.replace(plan(tmp_path / "mine"), seconds=1.0))


def test_a_model_between_two_has_the_weights_between(base: Released) -> None:
    torch.manual_seed(1)
    other = GPT(base.model.config, torch.float32)
    halfway = dict(between(base.model, other, 0.5).named_parameters())
    ends = zip(base.model.named_parameters(), other.parameters(), strict=True)
    assert all(torch.allclose(halfway[name], (p + q) / 2, atol=1e-6) for (name, p), q in ends)
    whole = between(base.model, other, 1.0)
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), other.parameters(), strict=True))


def verdict(before: float, after: float, error: float = 1.0) -> Verdict:
    return Verdict(100, before, after, error, before, after)


@pytest.mark.parametrize(
    ("own", "general", "kept"),
    [
        (verdict(60, 61), verdict(70, 70), True),
        (verdict(60, 60), verdict(70, 69.5), True),
        (verdict(60, 90), verdict(70, 68.9), False),
        (verdict(60, 59.9), verdict(70, 75), False),
    ],
)
def test_neither_score_may_fall(own: Verdict, general: Verdict, kept: bool) -> None:
    assert keeps(own, general) is kept


def test_a_released_model_and_foreign_files_are_never_written_over(tmp_path: Path) -> None:
    for out in (RELEASED, RELEASED / "mini", RELEASED / "mine", RELEASED / ".." / "released" / "x"):
        with pytest.raises(ConfigError, match="lies among the released models"):
            check_out(out)
    (tmp_path / "thesis").mkdir()
    check_out(tmp_path / "thesis")
    (tmp_path / "thesis" / "chapter.md").write_text("dear")
    for out in (tmp_path / "thesis", tmp_path / "thesis" / "chapter.md"):
        with pytest.raises(ConfigError, match="holds something that is no model"):
            check_out(out)
    (tmp_path / "thesis" / "config.json").write_text("{}")
    check_out(tmp_path / "thesis")


def test_whole_documents_are_held_out_whatever_the_folder_is_called() -> None:
    training, held_out = split_documents(DOCUMENTS)
    assert (len(training), len(held_out)) == (18, 2)
    moved = [dataclasses.replace(d, title="elsewhere/" + d.title) for d in reversed(DOCUMENTS)]
    assert {d.passages for d in split_documents(moved)[1]} == {d.passages for d in held_out}


def test_of_few_documents_the_end_of_each_is_held_out() -> None:
    training, held_out = split_documents([Document("a", tuple("abcdefghijklmnop")), Document("b", ("x",))])
    assert [d.passages for d in training] == [tuple("abcdefghijklmn"), ("x",)]
    assert [d.passages for d in held_out] == [("o", "p")]


def test_without_labelled_data_the_general_set_is_our_own(tmp_path: Path) -> None:
    made = gather(DOCUMENTS, Plan(60.0, tmp_path, 0.0), RECIPES["tiny"], None)
    assert made.general == load_articles(GENERAL)
    assert made.replay == []
    assert not {p.context for a in made.own for p in a.paragraphs} & {
        p.context for a in made.own_held_out for p in a.paragraphs
    }


def test_labelled_data_give_replay_and_the_general_set_that_no_stage_read(squad_file: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES["tiny"], qa_files=(squad_file.name,), held_out_articles=3, never_read=2)
    for changed, judged in (
        (recipe, ["Article 0", "Article 5"]),
        (dataclasses.replace(recipe, refit=None), ["Article 0", "Article 2", "Article 5"]),
    ):
        made = gather(DOCUMENTS, Plan(60.0, tmp_path, 0.0), changed, squad_file.parent)
        assert [a.title for a in made.general] == judged
        assert {a.title for a in made.replay} <= {"Article 1", "Article 3", "Article 4"}
        assert made.replay


def test_too_few_questions_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\d+ questions could be made of the documents to train on"):
        gather(DOCUMENTS[:1], Plan(60.0, tmp_path, 0.0), RECIPES["tiny"], None)


def test_a_sample_of_articles_holds_what_is_asked_for(articles: list[Article]) -> None:
    assert count_questions(sample_articles(articles, 7)) == 9  # three an article, the last one whole
    assert sample_articles(articles, 7) == sample_articles(articles, 7)
    assert len(sample_articles(articles, 10**6)) == len(articles)


def test_the_general_questions_are_asked_of_passages_that_answer_them() -> None:
    asked = [q for a in load_articles(GENERAL) for p in a.paragraphs for q in p.questions]
    assert len(asked) >= 100
    assert len({q.id for q in asked}) == len({q.question for q in asked}) == len(asked)
    for q in asked:
        assert q.context[q.answer_starts[0] :].startswith(q.answers[0])
