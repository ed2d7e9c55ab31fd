"""The stages of a recipe, each resumable: tokenizer -> pretrain -> (detect) -> reading -> (refine -> (refine2)) -> (detect2 ->
reading2) -> (refit) -> (grow) -> (reinforce) -> released model.

out/tokenizer.json    out/pretrain/{step-*, loss.jsonl, scores.jsonl}    out/reading/...    out/released/
Where out/prepared/ holds the texts as tokens (gpt/prepared.py), pretraining starts from them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from gpt.budget import model_at, stage_configs
from gpt.calibrate import calibrate_one_passage, fit_relevance
from gpt.card import model_card
from gpt.checkpoint import Released, load_latest, release
from gpt.compiled import compile_blocks, compiled_chunk_loss
from gpt.config import Recipe, ReinforceConfig, TrainConfig
from gpt.cuda import accelerate
from gpt.data import read_texts
from gpt.definitions import load_definitions
from gpt.detection import STATISTICS_TOKENS, Detection
from gpt.distant import distant_articles, found_file, load_open_questions
from gpt.errors import CheckpointError, ConfigError
from gpt.explanations import explanation_articles
from gpt.growth import grow
from gpt.model import GPT
from gpt.prepared import PREPARED, build_stream, build_vectors, fingerprint, load_prepared
from gpt.pretrain import Pretraining
from gpt.qamr import load_qamr
from gpt.quantize import pack, unpack
from gpt.reader import Reader
from gpt.reading_data import N_ALTERED, N_MISLEADING, ReadingData, Styles
from gpt.reading_task import Reading
from gpt.recurring import recurring_articles
from gpt.reinforce import Reinforce
from gpt.replacements import Replacements
from gpt.squad import Article, load_articles
from gpt.teachers import Teachers, load_teachers
from gpt.tokenizer import Tokenizer, train_tokenizer
from gpt.train import OnStep, train
from gpt.written import text_files, written_articles
from gpt.yardstick import UNCALIBRATED, Labelled, Yardstick, split_articles

_log = logging.getLogger(__name__)
ALL_CHARS = 10**12
HELD_OUT_SELF_MADE = 20  # articles of definitions, and of explanations


def tokenizer_stage(recipe: Recipe, corpus: Path, out: Path) -> Tokenizer:
    """Trains the tokenizer on the recipe's texts, or loads the one the run already has."""
    path = out / "tokenizer.json"
    if path.exists():
        return Tokenizer.load(path)
    texts = read_texts([corpus / f for f in recipe.text_files], recipe.tokenizer_chars, recipe.fields)
    tokenizer = train_tokenizer(texts, recipe.model.vocab_size)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(path)
    return tokenizer


def pretrain_stage(recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
    """Pretrains from token vectors of corpus statistics; the weights end in out/pretrain."""
    tokenizer = tokenizer_stage(recipe, corpus, out)
    prepared = load_prepared(out / PREPARED, fingerprint(recipe, tokenizer))
    stream = prepared.stream if prepared else build_stream(recipe, tokenizer, corpus)
    torch.manual_seed(recipe.pretrain.seed)
    model = GPT(recipe.model)
    if load_latest(out / "pretrain") is None:
        vectors = prepared.vectors if prepared else build_vectors(recipe, stream)
        with torch.no_grad():
            model.embedding.weight.copy_(torch.from_numpy(vectors) * 0.5)
    of_chunk = compiled_chunk_loss(recipe.pretrain, device)
    task = accelerate(model.to(device), Pretraining(stream, tokenizer, recipe.pretrain, device, of_chunk), device)
    return train(model, task, recipe.pretrain, out / "pretrain", on_step, evaluate_every=500)


def detect_stage(
    recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu", *, stage: str = "detect"
) -> dict[str, Any]:
    """Teaches the model to tell which tokens of a text were replaced; the weights end in out/STAGE. `stage` is detect, or
    detect2, which goes on with a finished reader."""
    config = _config(recipe, stage)
    model = trained(recipe, out, before(recipe, stage)).to(device)
    tokenizer = tokenizer_stage(recipe, corpus, out)
    prepared = load_prepared(out / PREPARED, fingerprint(recipe, tokenizer))
    stream = prepared.stream if prepared else build_stream(recipe, tokenizer, corpus)
    replacements = Replacements.build(stream.train[:STATISTICS_TOKENS], recipe.model.vocab_size)
    of_chunk = compiled_chunk_loss(config, device)
    _forget_spans(model)
    task = accelerate(model, Detection(stream, replacements, tokenizer, config, device, of_chunk), device)
    return train(model, task, config, out / stage, on_step, evaluate_every=1000)


def trained(recipe: Recipe, out: Path, stage: str) -> GPT:
    """The model that out/STAGE ended with. Raises CheckpointError when there is none."""
    found = load_latest(out / stage)
    if found is None:
        raise CheckpointError(f"no model in {out / stage}; run `studygpt train {stage} {recipe.name}` first")
    model = GPT(model_at(recipe, stage))
    try:
        model.load_state_dict(found[0]["average"], strict=True)
    except RuntimeError:
        raise CheckpointError(
            f"the weights in {out / stage} are not of {model.config.n_layer} layers, as {recipe.name!r} has them there; train "
            "that stage again, or use another --out"
        ) from None
    return model


def _config(recipe: Recipe, stage: str) -> TrainConfig:
    config = stage_configs(recipe).get(stage)
    if config is None:
        raise ConfigError(f"recipe {recipe.name!r} has no {stage} stage; give it one in gpt/config.py")
    return config


def _forget_spans(model: GPT) -> None:
    """Puts the span head back to how it begins: detection and reading use it for different things."""
    with torch.no_grad():
        model.span_head.weight.zero_()


def before(recipe: Recipe, stage: str) -> str:
    """The stage whose weights that one goes on from."""
    order = list(STEPPED)
    return [name for name in stage_configs(recipe) if order.index(name) < order.index(stage)][-1]


def reading_stage(recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
    """Teaches the pretrained model to point at answers; the weights end in out/reading, scored on held-out articles.

    Beside the labels it learns from the recipe's teachers, if any.
    """
    tokenizer, config = tokenizer_stage(recipe, corpus, out), recipe.reading
    model = trained(recipe, out, before(recipe, "reading")).to(device)
    teachers = None
    if recipe.teachers:
        teachers, who = load_teachers(recipe.teachers, tokenizer, model, config, device)
        config = replace(config, taught_by=who)
    examples = _reading(recipe, "reading", corpus, tokenizer, device, teachers)
    _forget_spans(model)
    task = accelerate(model, examples, device)
    return train(model, task, config, out / "reading", on_step, evaluate_every=1000)


def refine_stage(
    recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu", *, stage: str = "refine"
) -> dict[str, Any]:
    """Goes on reading, with examples that the reading stage did not have; what the reader said before is its teacher, so that
    it forgets little. The weights end in out/STAGE, scored alike; `stage` is refine, or refine2 for the second round, or refit,
    which learns from the held-out articles, too, and is scored on those of them that nothing reads, or grow, which does so with
    more layers."""
    config = replace(_config(recipe, stage), taught_by="itself before")
    tokenizer = tokenizer_stage(recipe, corpus, out)
    model = trained(recipe, out, before(recipe, stage)).to(device)
    teachers = _teacher(deepcopy(model), config, device)
    if stage == "grow":
        model = grow(model, model_at(recipe, stage)).to(device)
    task = accelerate(model, _reading(recipe, stage, corpus, tokenizer, device, teachers), device)
    return train(model, task, config, out / stage, on_step, evaluate_every=500)


def reading2_stage(recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
    """Learns to read anew, from the weights that detect2 left, taught by the reader that stood before detect2 (born-again
    networks: Furlanello et al. 2018), and ends `way` of the way from that one. The weights end in out/reading2, scored alike."""
    config = replace(_config(recipe, "reading2"), taught_by="itself before")
    tokenizer = tokenizer_stage(recipe, corpus, out)
    model = trained(recipe, out, before(recipe, "reading2")).to(device)
    before_it = trained(recipe, out, before(recipe, "detect2")).to(device)
    examples = _reading(recipe, "reading2", corpus, tokenizer, device, _teacher(before_it, config, device))
    examples.origin = dict(before_it.named_parameters())
    _forget_spans(model)
    task = accelerate(model, examples, device)
    return train(model, task, config, out / "reading2", on_step, evaluate_every=1000)


def _teacher(model: GPT, config: TrainConfig, device: str) -> Teachers:
    if device == "cpu":
        compile_blocks(model, config)
    return Teachers([model])


def reinforce_stage(recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
    """Rewards the reader for right words, passages and abstentions; the weights end in out/reinforce, scored alike."""
    config = cast(ReinforceConfig, _config(recipe, "reinforce"))
    examples = _reading(recipe, "reinforce", corpus, tokenizer_stage(recipe, corpus, out), device)
    model = trained(recipe, out, before(recipe, "reinforce")).to(device)
    return train(model, Reinforce(examples, config), config, out / "reinforce", on_step, 500)


STEPPED: dict[str, Callable[..., dict[str, Any]]] = {
    "pretrain": pretrain_stage,
    "detect": detect_stage,
    "reading": reading_stage,
    "refine": refine_stage,
    "refine2": partial(refine_stage, stage="refine2"),
    "detect2": partial(detect_stage, stage="detect2"),
    "reading2": reading2_stage,
    "refit": partial(refine_stage, stage="refit"),
    "grow": partial(refine_stage, stage="grow"),
    "reinforce": reinforce_stage,
}
"""The stages that take steps, by name and in their order."""
WITH_HELD_OUT = ("refit", "grow")  # these read most of the held-out articles, and what is read with them
AFTER_REFIT = (*WITH_HELD_OUT, "reinforce")  # judged on what no stage reads, where there is a refit


def _reading(
    recipe: Recipe,
    stage: str,
    corpus: Path,
    tokenizer: Tokenizer,
    device: str,
    teachers: Teachers | None = None,
) -> Reading:
    config, labelled = _config(recipe, stage), _labelled(recipe, corpus)
    judged = labelled.never_read if stage in AFTER_REFIT else labelled.held_out
    self_made = {"definitions": _definitions(recipe, corpus), "explanations": _explanations(recipe, corpus)}
    yardsticks = {"": Yardstick.build(tokenizer, judged, limit=600)}
    yardsticks |= {
        f"{name}_": Yardstick.build(tokenizer, held, limit=300) for name, (_, held) in self_made.items() if held
    }
    made = [article for articles, _ in self_made.values() for article in articles]
    data = _examples(recipe, config, corpus, tokenizer, made)
    if stage in WITH_HELD_OUT:
        found = _open_questions(recipe, corpus, tokenizer, teachers) if teachers else []
        more = (labelled.added, found, _written(recipe, corpus))
        n_misleading, n_altered = _twisted(config)
        for articles, times in zip(more, (config.repeats, config.repeats_open, config.repeats_written), strict=True):
            if articles:
                of_these = ReadingData.build(tokenizer, articles, n_misleading, [], _styles(config), n_altered)
                data = data.joined(of_these, times)

    def score(model: GPT) -> dict[str, float]:
        return {f"{prefix}{k}": v for prefix, y in yardsticks.items() for k, v in y.score(model).items()}

    return Reading(data, config, recipe.model.context_len, score, device, teachers)


def _open_questions(recipe: Recipe, corpus: Path, tokenizer: Tokenizer, teachers: Teachers) -> list[Article]:
    """Passages for the recipe's questions that came without, which the first teacher helps to choose unless they were chosen
    elsewhere or for the stage before; none where the data folder has no such questions."""
    global _found
    files = _open_question_files(recipe, corpus)
    here = [corpus / file for file in files if (corpus / file).is_file()]
    found = [
        article for file in files if (corpus / file) not in here for article in load_articles(found_file(corpus / file))
    ]
    if here:
        wanted = (recipe.open_texts, [(file, file.stat().st_mtime_ns) for file in here])
        if _found is None or _found[0] != wanted:
            reader = Reader(Released("teacher", teachers.models[0], tokenizer, UNCALIBRATED, {}))
            with torch.compiler.set_stance("force_eager"):  # passages of many lengths, each met once
                _found = wanted, passages_for(recipe, corpus, here, reader)
        found += _found[1]
    if not found:
        return []
    n_found = sum(len(paragraph.questions) for article in found for paragraph in article.paragraphs)
    _log.info("%d pairs of a question and a passage found for %s", n_found, ", ".join(files))
    return found


def _written(recipe: Recipe, corpus: Path) -> list[Article]:
    """Questions written for this project (gpt/questions), where a stage of the recipe learns from them."""
    return written_articles(corpus) if recipe.written and any((recipe.refit, recipe.grow)) else []


def passages_for(recipe: Recipe, corpus: Path, files: list[Path], reader: Reader) -> list[Article]:
    """Passages of the recipe's texts for the open questions of these files, which the reader helps to choose."""
    texts = read_texts([corpus / name for name in recipe.open_texts], ALL_CHARS)
    return distant_articles([q for file in files for q in load_open_questions(file)], texts, reader)


def _open_question_files(recipe: Recipe, corpus: Path) -> list[str]:
    """The recipe's files of questions without passages that there are, they or their passages, for refit to learn from."""
    there = [
        file for file in recipe.open_questions if any(f.is_file() for f in (corpus / file, found_file(corpus / file)))
    ]
    return there if recipe.refit else []


def _examples(
    recipe: Recipe, config: TrainConfig, corpus: Path, tokenizer: Tokenizer, made: list[Article]
) -> ReadingData:
    """What the stages that read learn from. Making it takes minutes, so the last one made is kept for the next stage."""
    global _made
    n_misleading, n_altered = _twisted(config)
    chosen = (n_misleading, n_altered, _styles(config), bool(config.recurring))
    data_only = replace(recipe, teachers=(), **dict.fromkeys(STEPPED, None))  # type: ignore[arg-type]
    files = [(corpus / name, (corpus / name).stat().st_mtime_ns) for name in recipe.files if (corpus / name).is_file()]
    wanted = (tokenizer.fingerprint, data_only, chosen, files)
    if _made is None or _made[0] != wanted:
        _made = None  # two of them would fill a laptop's memory
        training = _labelled(recipe, corpus).training
        of_sentences = (load_qamr(corpus / file, recipe.max_of_sentence) for file in recipe.sentence_files)
        articles = [*training, *made, *(article for found in of_sentences for article in found)]
        recurring = _recurring(recipe, corpus) if config.recurring else []
        _made = wanted, ReadingData.build(tokenizer, articles, n_misleading, recurring, _styles(config), n_altered)
    return _made[1]


def _styles(config: TrainConfig) -> Styles:
    return Styles(config.notes, config.spoken)


def _twisted(config: TrainConfig) -> tuple[int, int]:
    """Misleading questions and altered paragraphs to make of each question."""
    return N_MISLEADING if config.misleading else 0, N_ALTERED if config.altered or config.renamed else 0


_made: tuple[object, ReadingData] | None = None  # by `_examples`: what for, and what
_found: tuple[object, list[Article]] | None = None  # by `_open_questions`, alike


def release_stage(recipe: Recipe, corpus: Path, out: Path, device: str = "cpu") -> Path:
    """Calibrates the abstention on the held-out articles and writes out/released/NAME with its model card. What is
    calibrated and scored are the weights as they are stored."""
    tokenizer = Tokenizer.load(out / "tokenizer.json")
    order = tuple(stage_configs(recipe))
    model = trained(recipe, out, order[-1]).to(device)
    model.load_state_dict(unpack(pack(model.state_dict(), "int8")))
    labelled = _labelled(recipe, corpus)
    yardstick = Yardstick.build(tokenizer, labelled.never_read, limit=1500)
    relevance = fit_relevance(model, tokenizer, labelled.training)
    calibration, fitted_on = yardstick.calibrate(model, relevance), "on held-out articles"
    file = corpus / recipe.calibration_file
    if recipe.calibration_file and file.is_file():
        calibration = calibrate_one_passage(Released(recipe.name, model, tokenizer, calibration, {}, relevance), file)
        fitted_on = f"for one passage on `{recipe.calibration_file}`, for several on held-out articles"
    open_questions, written = _open_question_files(recipe, corpus), _written(recipe, corpus)
    ran = {stage: load_latest(out / stage) for stage in order}
    stages = {stage: found[1] for stage, found in ran.items() if found}
    training = {
        "recipe": recipe.name,
        "recipe_fingerprint": recipe.fingerprint,
        "data": sorted({*recipe.files, *open_questions, *(text_files() if written else ())}),
        "stages": {
            k: {n: s.get(n) for n in ("step", "tokens", "seconds", "loss")} | {"layers": model_at(recipe, k).n_layer}
            for k, s in stages.items()
        },
        "taught_by": stages["reading"]["identity"]["training"].get("taught_by", ""),
        "held_out": yardstick.score(model, relevance),
        "held_out_articles": len(labelled.never_read),
        "calibrated_on": fitted_on + (", relevance on articles it learnt from" if relevance else ""),
        "open_questions": open_questions,
        "written": sum(len(p.questions) for a in written for p in a.paragraphs),
    }
    folder = out / "released" / recipe.name
    released = Released(recipe.name, model, tokenizer, calibration, training, relevance)
    release(folder, released, model_card(released), "int8")
    return folder


def _labelled(recipe: Recipe, corpus: Path) -> Labelled:
    return Labelled.of(recipe, [article for file in recipe.qa_files for article in load_articles(corpus / file)])


def _definitions(recipe: Recipe, corpus: Path) -> tuple[list[Article], list[Article]]:
    if not recipe.definition_files:
        return [], []
    articles = load_definitions([corpus / f for f in recipe.definition_files], recipe.max_definitions)
    return split_articles(articles, min(HELD_OUT_SELF_MADE, len(articles) // 10))


def _explanations(recipe: Recipe, corpus: Path) -> tuple[list[Article], list[Article]]:
    if not recipe.explanation_files:
        return [], []
    texts = read_texts([corpus / f for f in recipe.explanation_files], recipe.explanation_chars, ("text",))
    articles = explanation_articles(texts, recipe.max_explanations, seed=0)
    return split_articles(articles, min(HELD_OUT_SELF_MADE, len(articles) // 10))


def _recurring(recipe: Recipe, corpus: Path) -> list[Article]:
    texts = read_texts([corpus / f for f in recipe.recurring_files], recipe.recurring_chars, ("text",))
    return recurring_articles(texts, recipe.max_recurring, seed=0)
