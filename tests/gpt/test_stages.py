"""A whole recipe from raw text to a released reader, on a corpus of our own, in seconds."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gpt import stages
from gpt.budget import STEPPED
from gpt.config import GPTConfig, Recipe, ReinforceConfig, TrainConfig
from gpt.distant import distant_articles, found_file
from gpt.errors import CheckpointError, ConfigError, DataError
from gpt.evaluate import evaluate_reader
from gpt.model import GPT
from gpt.plot import plot_run
from gpt.reader import Reader
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.squad import Article, load_articles, save_articles
from gpt.stages import (
    before,
    detect_stage,
    pretrain_stage,
    reading_stage,
    refine_stage,
    reinforce_stage,
    release_stage,
    tokenizer_stage,
    trained,
)
from gpt.tokenizer import Tokenizer
from gpt.yardstick import Yardstick
from tests.gpt.conftest import WORDS, sentences
from tests.gpt.test_distant import LAENNEC, TEXTS, Pointing
from tests.gpt.test_recurring import DOCUMENT


def ignore(progress: object) -> None:
    """A training run nobody watches."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, squad_file: Path) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    contexts = [p["context"] for a in json.loads(squad_file.read_text())["data"] for p in a["paragraphs"]]
    (folder / "text.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in sentences(400) + contexts * 3))
    (folder / "qa.json").write_text(squad_file.read_text())
    terms = [f"{a} {b}" for a in WORDS[:8] for b in WORDS[8:16]]
    defined = [
        {"term": t, "definition": f"{t} is a kind of {s} {s}"} for t, s in zip(terms, sentences(64), strict=True)
    ]
    (folder / "definitions.jsonl").write_text("\n".join(json.dumps(d) for d in defined))
    return folder


RECIPE = Recipe(
    name="toy",
    model=GPTConfig(depth=2, aspect=32, head_dim=32, vocab_size=400, context_len=160),
    pretrain=TrainConfig(steps=5, batch_tokens=256, row_tokens=64),
    reading=TrainConfig(steps=70, batch_tokens=1500, unanswerable=0.2, distractors=0.0, ema_decay=0.9),
    text_files=("text.jsonl",),
    qa_files=("qa.json",),
    definition_files=("definitions.jsonl",),
    max_definitions=10,
    tokenizer_chars=10**6,
    pretrain_chars=10**6,
    held_out_articles=2,
)
REFINED = dataclasses.replace(
    RECIPE, refine=TrainConfig(steps=4, batch_tokens=1500, misleading=1.0, altered=0.5, renamed=0.3, muon_lr=0.002)
)
REINFORCED = dataclasses.replace(
    RECIPE, reinforce=ReinforceConfig(steps=5, batch_tokens=1500, distractors=0.0, muon_lr=0.005)
)


@pytest.fixture(scope="module")
def out(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    pretrain_stage(RECIPE, corpus, folder, ignore)
    reading_stage(RECIPE, corpus, folder, ignore)
    release_stage(RECIPE, corpus, folder)
    return folder


def test_a_minute_recipe_learns_to_point_at_names_it_was_never_asked_about(out: Path, corpus: Path) -> None:
    reader = Reader.load(out / "released" / "toy")
    scores = evaluate_reader(reader, corpus / "qa.json")
    assert scores["n"] == 18
    assert scores["f1"] > 60
    assert reader.released.relevance is not None
    losses = [json.loads(line)["loss"] for line in (out / "reading" / "loss.jsonl").read_text().splitlines()]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_the_card_and_config_tell_how_it_was_made(out: Path) -> None:
    card = (out / "released" / "toy" / "card.md").read_text()
    config = json.loads((out / "released" / "toy" / "config.json").read_text())
    assert RECIPE.fingerprint in card
    assert f"| reading | {RECIPE.model.n_layer} | 70 |" in card
    assert config["training"]["stages"]["pretrain"]["step"] == 5
    assert set(config["calibration"]) == {
        "slope",
        "slope_log_passages",
        "spread",
        "spread_log_passages",
        "relevance",
        "relevance_log_passages",
        "log_passages",
        "intercept",
        "threshold",
    }


def test_a_stage_that_is_done_does_nothing_the_second_time(out: Path, corpus: Path) -> None:
    before = (out / "pretrain" / "loss.jsonl").read_text()
    steps: list[object] = []
    result = pretrain_stage(RECIPE, corpus, out, steps.append)
    assert steps == []
    assert result["steps"] == 5
    assert (out / "pretrain" / "loss.jsonl").read_text() == before


def test_evaluation_scores_abstention_when_some_questions_have_no_answer(
    out: Path, squad_file: Path, tmp_path: Path
) -> None:
    raw = json.loads(squad_file.read_text())
    for article in raw["data"]:
        article["paragraphs"][0]["qas"] = [
            {"id": "n", "question": "When was the moon of the ocean sold?", "answers": [], "is_impossible": True}
        ]
    (tmp_path / "v2.json").write_text(json.dumps(raw))
    seen: list[tuple[int, int]] = []
    scores = evaluate_reader(Reader.load(out / "released" / "toy"), tmp_path / "v2.json", 10, lambda *p: seen.append(p))
    assert scores["n"] == 10
    assert seen[-1] == (10, 10)
    assert {"exact", "f1", "answerable_f1", "no_answer_accuracy", "auroc", "ece"} <= set(scores)


def test_the_loss_picture_is_a_png(out: Path, tmp_path: Path) -> None:
    plot_run(out / "reading", tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="holds no step yet"):
        plot_run(tmp_path, tmp_path / "none.png")


def test_detection_stands_between_pretraining_and_reading(out: Path, corpus: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, detect=TrainConfig(steps=4, batch_tokens=256, row_tokens=64))
    recipe = dataclasses.replace(recipe, reading=dataclasses.replace(RECIPE.reading, steps=1))
    shutil.copytree(out / "pretrain", tmp_path / "pretrain")
    shutil.copy(out / "tokenizer.json", tmp_path)
    with pytest.raises(CheckpointError, match="studygpt train detect toy"):
        reading_stage(recipe, corpus, tmp_path, ignore)
    assert detect_stage(recipe, corpus, tmp_path, ignore)["steps"] == 4
    found = trained(recipe, tmp_path, "detect")
    assert not torch.equal(
        found.blocks[0].mlp.out.weight, trained(recipe, tmp_path, "pretrain").blocks[0].mlp.out.weight
    )
    assert found.span_head.weight.abs().sum() > 0
    first = reading_stage(recipe, corpus, tmp_path, ignore)["loss"]
    assert first == pytest.approx(math.log(100), abs=1.0)  # the span head begins anew: every place is as likely
    release_stage(recipe, corpus, tmp_path)
    assert "| detect | 2 | 4 |" in (tmp_path / "released" / "toy" / "card.md").read_text()
    with pytest.raises(ConfigError, match="no detect stage"):
        detect_stage(RECIPE, corpus, tmp_path, ignore)


def test_a_released_reader_teaches_the_next_and_stands_on_its_card(out: Path, corpus: Path, tmp_path: Path) -> None:
    teacher = out / "released" / "toy"
    recipe = dataclasses.replace(RECIPE, reading=dataclasses.replace(RECIPE.reading, steps=2, taught=0.9))
    taught = dataclasses.replace(recipe, teachers=(str(teacher),))
    assert taught.fingerprint == recipe.fingerprint
    shutil.copytree(out / "pretrain", tmp_path / "pretrain")
    shutil.copy(out / "tokenizer.json", tmp_path)
    reading_stage(taught, corpus, tmp_path, ignore)
    release_stage(recipe, corpus, tmp_path)
    f1 = json.loads((teacher / "config.json").read_text())["training"]["held_out"]["f1"]
    card = (tmp_path / "released" / "toy" / "card.md").read_text()
    assert f"by readers of before: toy (recipe {RECIPE.fingerprint}, F1 {f1})." in card
    assert "readers of before" not in (teacher / "card.md").read_text()
    with pytest.raises(CheckpointError, match="another training"):  # going on without its teacher
        reading_stage(recipe, corpus, tmp_path, ignore)


def test_every_stage_that_takes_steps_can_be_run() -> None:
    assert tuple(stages.STEPPED) == STEPPED


def test_examples_are_made_again_when_what_they_are_made_of_changed(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "corpus")
    tokenizer = tokenizer_stage(RECIPE, corpus, tmp_path)
    make = partial(stages._examples, corpus=tmp_path / "corpus", tokenizer=tokenizer, made=[])
    first = make(RECIPE, RECIPE.reading)
    assert make(REFINED, RECIPE.reading) is first, "another stage changes nothing"
    assert make(RECIPE, dataclasses.replace(RECIPE.reading, misleading=0.5)) is not first
    before = make(RECIPE, RECIPE.reading)
    file = tmp_path / "corpus" / "qa.json"
    os.utime(file, ns=(1, 1))
    assert make(RECIPE, RECIPE.reading) is not before


def test_stages_out_of_order_name_the_one_that_is_missing(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="studygpt train pretrain toy"):
        reading_stage(RECIPE, corpus, tmp_path, ignore)
    with pytest.raises(CheckpointError, match="studygpt train reading toy"):
        release_stage(RECIPE, corpus, tmp_path)
    with pytest.raises(CheckpointError, match="studygpt train reading toy"):
        reinforce_stage(REINFORCED, corpus, tmp_path, ignore)
    with pytest.raises(CheckpointError, match="studygpt train reinforce toy"):
        release_stage(REINFORCED, corpus, tmp_path)
    with pytest.raises(ConfigError, match="recipe 'toy' has no reinforce stage"):
        reinforce_stage(RECIPE, corpus, tmp_path, ignore)


def test_a_reader_reads_on_with_itself_as_the_teacher(
    out: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Reading] = []
    monkeypatch.setattr(stages, "accelerate", lambda model, task, device: (tasks.append(task), task)[1])
    for part in ("pretrain", "reading"):
        shutil.copytree(out / part, tmp_path / part)
    shutil.copy(out / "tokenizer.json", tmp_path)
    with pytest.raises(CheckpointError, match="studygpt train refine toy"):
        release_stage(REFINED, corpus, tmp_path)
    with pytest.raises(ConfigError, match="recipe 'toy' has no refine stage"):
        refine_stage(RECIPE, corpus, tmp_path, ignore)
    result = refine_stage(REFINED, corpus, tmp_path, ignore)
    assert result["steps"] == 4
    assert {"exact", "f1", "auroc"} <= set(result)
    assert sum(len(e.altered) for e in tasks[0].data.examples) > 0
    teachers = tasks[0].teachers
    assert teachers is not None
    read, refined = (trained(REFINED, tmp_path, stage).state_dict() for stage in ("reading", "refine"))
    for name, weight in teachers.models[0].state_dict().items():
        assert torch.equal(weight, read[name])
    assert not torch.equal(read["span_head.weight"], refined["span_head.weight"])
    card = (release_stage(REFINED, corpus, tmp_path) / "card.md").read_text()
    assert f"| refine | {REFINED.model.n_layer} | 4 |" in card
    assert before(dataclasses.replace(REFINED, reinforce=REINFORCED.reinforce), "reinforce") == "refine"

    again = dataclasses.replace(REFINED, refine2=dataclasses.replace(REFINED.refine, seed=1))  # type: ignore[type-var]
    assert stages.STEPPED["refine2"](again, corpus, tmp_path, ignore)["steps"] == 4
    assert tasks[1].data is tasks[0].data, "made once"
    teachers = tasks[1].teachers
    assert teachers is not None
    for name, weight in teachers.models[0].state_dict().items():
        assert torch.equal(weight, refined[name])
    assert "| refine2 | 2 | 4 |" in (release_stage(again, corpus, tmp_path) / "card.md").read_text()
    assert (before(REINFORCED, "reinforce"), before(REFINED, "refine")) == ("reading", "reading")


def test_a_finished_reader_learns_to_read_anew_and_is_its_own_teacher(
    out: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Reading] = []
    monkeypatch.setattr(stages, "accelerate", lambda model, task, device: (tasks.append(task), task)[1])
    detect2 = TrainConfig(steps=3, batch_tokens=256, row_tokens=64, checkpoint_every=3, muon_lr=0.05)
    reading2 = dataclasses.replace(RECIPE.reading, steps=2, seed=5)
    recipe = dataclasses.replace(RECIPE, detect2=detect2, reading2=reading2)
    for part in ("pretrain", "reading"):
        shutil.copytree(out / part, tmp_path / part)
    shutil.copy(out / "tokenizer.json", tmp_path)
    with pytest.raises(CheckpointError, match="studygpt train detect2 toy"):
        stages.STEPPED["reading2"](recipe, corpus, tmp_path, ignore)
    assert stages.STEPPED["detect2"](recipe, corpus, tmp_path, ignore)["steps"] == 3
    result = stages.STEPPED["reading2"](recipe, corpus, tmp_path, ignore)
    assert {"exact", "f1", "auroc"} <= set(result)
    teachers = tasks[-1].teachers
    assert teachers is not None
    read, found = (trained(recipe, tmp_path, stage).state_dict() for stage in ("reading", "detect2"))
    for name, weight in teachers.models[0].state_dict().items():
        assert torch.equal(weight, read[name])
    assert not torch.equal(found["embedding.weight"], read["embedding.weight"])
    with (tmp_path / "reading2" / "loss.jsonl").open() as lines:
        first = json.loads(next(lines))["loss"]
    assert first == pytest.approx(math.log(100), abs=1.5)  # the span head begins anew
    card = (release_stage(recipe, corpus, tmp_path) / "card.md").read_text()
    assert f"| reading2 | {recipe.model.n_layer} | 2 |" in card

    whole = trained(recipe, tmp_path, "reading2").state_dict()
    shutil.rmtree(tmp_path / "reading2")
    half = dataclasses.replace(recipe, reading2=dataclasses.replace(reading2, way=0.5))
    stages.STEPPED["reading2"](half, corpus, tmp_path, ignore)
    for name, weight in trained(half, tmp_path, "reading2").state_dict().items():
        torch.testing.assert_close(weight, read[name].lerp(whole[name], 0.5))
    with pytest.raises(ConfigError, match="detect2 without reading2, and would end with no reader"):
        dataclasses.replace(recipe, reading2=None)


def test_in_the_end_what_was_held_out_is_read_but_for_what_it_is_judged_on(
    out: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples: list[list[str]] = []
    judged: list[list[str]] = []
    build = Yardstick.build

    def noted(tokenizer: Tokenizer, articles: list[Article], limit: int) -> Yardstick:
        judged.append([a.title for a in articles])
        return build(tokenizer, articles, limit)

    def questions(model: GPT, task: Reading, device: str) -> Reading:
        examples.append([task.data.tokenizer.decode(e.question.ids.tolist()) for e in task.data.examples])
        return task

    monkeypatch.setattr(stages, "accelerate", questions)
    monkeypatch.setattr(stages.Yardstick, "build", noted)
    for part in ("pretrain", "reading"):
        shutil.copytree(out / part, tmp_path / part)
    shutil.copy(out / "tokenizer.json", tmp_path)
    refit = TrainConfig(
        steps=4, batch_tokens=1500, misleading=1.0, altered=0.5, muon_lr=0.002, repeats=3, repeats_open=2
    )
    recipe = dataclasses.replace(
        REFINED,
        refit=refit,
        never_read=1,
        reinforce=REINFORCED.reinforce,
        definition_files=(),
        open_questions=(str(tmp_path / "open.jsonl"), "not-there.jsonl"),
        open_texts=(str(tmp_path / "articles.jsonl"),),
    )
    (tmp_path / "open.jsonl").write_text(json.dumps(dataclasses.asdict(LAENNEC)))
    articles = (text.partition("\n\n") for text in TEXTS)
    (tmp_path / "articles.jsonl").write_text("\n".join(json.dumps({"title": a, "text": b}) for a, _, b in articles))
    refine_stage(recipe, corpus, tmp_path, ignore)
    result = stages.STEPPED["refit"](recipe, corpus, tmp_path, ignore)
    assert {"exact", "f1", "auroc"} <= set(result)
    stages.STEPPED["reinforce"](recipe, corpus, tmp_path, ignore)
    release_stage(recipe, corpus, tmp_path)
    assert judged == [["Article 0", "Article 5"], *[["Article 0"]] * 3, [f"Article {i}" for i in (1, 2, 3, 4)]]
    refined, refitted = examples
    added = [q.question for a in load_articles(corpus / "qa.json")[5:] for p in a.paragraphs for q in p.questions]
    assert sorted(refitted) == sorted([*refined, *added * 3, *[LAENNEC.question] * 2])
    elsewhere: Any = Pointing(" René Laennec")
    save_articles(found_file(tmp_path / "open.jsonl"), distant_articles([LAENNEC], TEXTS, elsewhere))
    for read in ("refit", "open.jsonl"):
        (tmp_path / read).rename(tmp_path / f"former-{read}")
    stages.STEPPED["refit"](recipe, corpus, tmp_path, ignore)
    assert sorted(examples[2]) == sorted([*refined, *added * 3, *[LAENNEC.question] * 4]), "passages chosen elsewhere"


def test_a_recipe_with_a_reinforce_stage_releases_what_it_ends_with(out: Path, corpus: Path, tmp_path: Path) -> None:
    for part in ("pretrain", "reading"):
        shutil.copytree(out / part, tmp_path / part)
    shutil.copy(out / "tokenizer.json", tmp_path)
    result = reinforce_stage(REINFORCED, corpus, tmp_path, ignore)
    assert result["steps"] == 5
    assert {"exact", "f1", "auroc"} <= set(result)
    card = (release_stage(REINFORCED, corpus, tmp_path) / "card.md").read_text()
    assert f"| reinforce | {REINFORCED.model.n_layer} | 5 |" in card
    ended, released = trained(REINFORCED, tmp_path, "reinforce"), Reader.load(tmp_path / "released" / "toy").released
    weights = released.model.state_dict()
    assert all((weights[n] - w).norm() <= 0.01 * w.norm() for n, w in ended.state_dict().items())


def test_sentences_and_recurring_spans_are_read_too_where_a_recipe_says_so(
    out: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corpus / "sentences.jsonl").write_text(
        json.dumps({"context": "The model reads the batch.", "question": "What reads the batch?", "answers": ["model"]})
    )
    (corpus / "documents.jsonl").write_text(json.dumps({"text": DOCUMENT}))
    recipe = dataclasses.replace(
        RECIPE,
        reading=dataclasses.replace(RECIPE.reading, steps=1, recurring=0.5),
        sentence_files=("sentences.jsonl",),
        recurring_files=("documents.jsonl",),
    )
    assert {"sentences.jsonl", "documents.jsonl"} < set(recipe.files)
    built: list[ReadingData] = []

    def build(*args: Any) -> ReadingData:
        built.append(ReadingData.build(*args))
        return built[-1]

    monkeypatch.setattr(stages, "ReadingData", SimpleNamespace(build=build))
    shutil.copytree(out / "pretrain", tmp_path / "pretrain")
    shutil.copy(out / "tokenizer.json", tmp_path)
    reading_stage(recipe, corpus, tmp_path, ignore)
    texts = [built[0].tokenizer.decode(example.question.ids.tolist()) for example in built[0].examples]
    assert "What reads the batch?" in texts[: -built[0].n_recurring]
    assert built[0].n_recurring > 0
    assert all("harbour" in text or "lighthouse" in text for text in texts[-built[0].n_recurring :])


def test_a_corpus_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no text file at .*none\.jsonl"):
        tokenizer_stage(dataclasses.replace(RECIPE, text_files=("none.jsonl",)), tmp_path, tmp_path / "out")
