"""The stages after the first reading that are about more questions and more layers."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from gpt import stages
from gpt.budget import ANEW_S, model_at, stage_configs, within
from gpt.config import RECIPES, TrainConfig
from gpt.errors import CheckpointError
from gpt.model import GPT
from gpt.reader import Reader
from gpt.reading_task import Reading
from gpt.squad import Article, load_articles, save_articles
from gpt.stages import pretrain_stage, reading_stage, release_stage, trained
from gpt.written import PACKED, as_paragraph
from tests.gpt.test_stages import RECIPE, REFINED, corpus, ignore

__all__ = ["corpus"]  # a fixture
SHORT = dataclasses.replace(
    REFINED,
    pretrain=dataclasses.replace(RECIPE.pretrain, steps=1),
    reading=dataclasses.replace(RECIPE.reading, steps=2),
    refine=None,
)


@pytest.fixture(scope="module")
def begun(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    pretrain_stage(SHORT, corpus, folder, ignore)
    reading_stage(SHORT, corpus, folder, ignore)
    return folder


def test_questions_written_for_the_project_are_read_with_most_of_the_held_out_articles(
    begun: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"answered": [["Who heard it?", "Laennec"]], "unanswered": [["Who saw it?", ""], ["Who told it?", ""]]}
    data = tmp_path / "data"
    shutil.copytree(corpus, data)
    save_articles(data / PACKED, [Article("notes", (as_paragraph("notes", 0, row, "It was heard by Laennec."),))])
    read: list[list[tuple[str, int]]] = []

    def noted(model: GPT, task: Reading, device: str) -> Reading:
        examples = task.data.examples
        read.append([(task.data.tokenizer.decode(e.question.ids.tolist()), len(e.misleading)) for e in examples])
        return task

    monkeypatch.setattr(stages, "accelerate", noted)
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    refit = TrainConfig(steps=1, batch_tokens=1500, repeats_written=3)
    for written in (False, True):
        recipe = dataclasses.replace(SHORT, refit=refit, never_read=1, written=written)
        stages.STEPPED["refit"](recipe, data, tmp_path, ignore)
        shutil.rmtree(tmp_path / "refit")
    without, with_them = read
    assert with_them == [*without, *[("Who heard it?", 2)] * 3]
    stages.STEPPED["refit"](recipe, data, tmp_path, ignore)
    card = (release_stage(recipe, data, tmp_path) / "card.md").read_text()
    assert "; 3 questions written for this project by a large language model (`gpt/questions`)" in card


def test_a_recipe_that_grows_its_model_releases_the_deeper_one(begun: Path, corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    n_layer = SHORT.model.n_layer
    barely = TrainConfig(steps=1, batch_tokens=1500, muon_lr=1e-9, adam_lr=1e-9, checkpoint_every=1)
    recipe = dataclasses.replace(SHORT, grow=barely, grown_layers=n_layer + 1)
    assert model_at(recipe, "reading").n_layer == n_layer
    assert model_at(recipe, "reinforce").n_layer == n_layer + 1
    stages.STEPPED["grow"](recipe, corpus, tmp_path, ignore)
    small, grown = trained(recipe, tmp_path, "reading").eval(), trained(recipe, tmp_path, "grow").eval()
    ids = torch.randint(16, recipe.model.vocab_size, (2, 40))
    assert torch.allclose(grown.span_logits(grown(ids)), small.span_logits(small(ids)), atol=1e-3)
    folder = release_stage(recipe, corpus, tmp_path)
    assert Reader.load(folder).released.model.config.n_layer == n_layer + 1
    card = (folder / "card.md").read_text()
    assert f"({n_layer + 1} layers" in card
    assert f"| reading | {n_layer} |" in card
    assert f"| grow | {n_layer + 1} | 1 |" in card


def test_what_grows_reads_the_held_out_articles_that_refit_read(
    begun: Path,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    monkeypatch.setattr(stages, "accelerate", lambda model, task, device: read.append(len(task.data.examples)) or task)
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    one = TrainConfig(steps=1, batch_tokens=1500)
    recipe = dataclasses.replace(
        SHORT, refit=one, never_read=1, grow=dataclasses.replace(one, repeats=2), grown_layers=3
    )
    stages.STEPPED["refit"](recipe, corpus, tmp_path, ignore)
    stages.STEPPED["grow"](recipe, corpus, tmp_path, ignore)
    added = sum(len(p.questions) for p in load_articles(corpus / "qa.json")[5].paragraphs)
    assert read[1] - read[0] == added > 0


def test_passages_that_refit_found_are_not_looked_for_again_by_what_grows(
    begun: Path,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[list[Path]] = []
    row = {"answered": [["Who heard it?", "Laennec"]], "unanswered": []}
    found = [Article("found", (as_paragraph("found", 0, row, "It was heard by Laennec."),))]
    monkeypatch.setattr(stages, "passages_for", lambda recipe, corpus, files, reader: looked.append(files) or found)
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    asked = tmp_path / "open.jsonl"
    asked.write_text("{}\n")
    one = TrainConfig(steps=1, batch_tokens=1500)
    recipe = dataclasses.replace(SHORT, refit=one, never_read=1, grow=one, grown_layers=3, open_questions=(str(asked),))
    stages.STEPPED["refit"](recipe, corpus, tmp_path, ignore)
    stages.STEPPED["grow"](recipe, corpus, tmp_path, ignore)
    assert looked == [[asked]]


def test_a_short_run_has_neither_a_second_cycle_nor_more_layers() -> None:
    mini = RECIPES["mini"]
    assert within(mini, ANEW_S) == mini
    assert not {"detect2", "reading2", "grow"} & stage_configs(within(mini, ANEW_S - 1)).keys()
    assert (
        stage_configs(within(mini, ANEW_S - 1)).keys() | {"detect2", "reading2", "grow"} == stage_configs(mini).keys()
    )


def test_weights_of_other_depth_than_the_recipe_has_there_are_named(begun: Path) -> None:
    deeper = dataclasses.replace(SHORT, model=SHORT.model.with_layers(3))
    with pytest.raises(CheckpointError, match="are not of 3 layers, as 'toy' has them there; train that stage again"):
        trained(deeper, begun, "reading")
