"""The stages of a recipe, each resumable: tokenizer -> pretrain -> reading -> released model.

out/tokenizer.json    out/pretrain/{step-*, loss.jsonl, scores.jsonl}    out/reading/...    out/released/
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gpt.checkpoint import Released, load_latest, release
from gpt.config import Recipe
from gpt.data import TokenStream, ppmi_svd, read_texts
from gpt.definitions import load_definitions
from gpt.errors import CheckpointError
from gpt.model import GPT
from gpt.pretrain import Pretraining
from gpt.reading_data import Reading, ReadingData
from gpt.squad import Article, load_articles
from gpt.tokenizer import Tokenizer, train_tokenizer
from gpt.train import Progress, train
from gpt.yardstick import Yardstick, split_articles

SVD_TOKENS = 12_000_000  # corpus statistics settle well before; the SVD takes about 30 s
HELD_OUT_DEFINITION_ARTICLES = 20

OnStep = Callable[[Progress], None]


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
    paths = [corpus / f for f in recipe.text_files]
    stream = TokenStream.build(tokenizer, read_texts(paths, recipe.pretrain_chars, recipe.fields))
    torch.manual_seed(recipe.pretrain.seed)
    model = GPT(recipe.model)
    if load_latest(out / "pretrain") is None:
        vectors = ppmi_svd(stream.train[:SVD_TOKENS], recipe.model.vocab_size, recipe.model.n_embd)
        with torch.no_grad():
            model.embedding.weight.copy_(torch.from_numpy(vectors) * 0.5)
    task = Pretraining(stream, tokenizer, recipe.pretrain, device)
    return train(model.to(device), task, recipe.pretrain, out / "pretrain", on_step, evaluate_every=500)


def pretrained(recipe: Recipe, out: Path) -> GPT:
    """The model that out/pretrain ended with. Raises CheckpointError when there is none."""
    found = load_latest(out / "pretrain")
    if found is None:
        raise CheckpointError(
            f"no pretrained model in {out / 'pretrain'}; run `studygpt train pretrain {recipe.name}` first"
        )
    model = GPT(recipe.model)
    model.load_state_dict(found[0]["average"], strict=True)
    return model


def reading_stage(recipe: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
    """Teaches the pretrained model to point at answers; the weights end in out/reading, scored on held-out articles."""
    tokenizer = tokenizer_stage(recipe, corpus, out)
    training, held_out = _articles(recipe, corpus)
    defined, held_out_definitions = _definitions(recipe, corpus)
    yardstick = Yardstick.build(tokenizer, held_out, limit=600)
    definitions = Yardstick.build(tokenizer, held_out_definitions, limit=300)
    data = ReadingData.build(tokenizer, [*training, *defined])

    def score(model: GPT) -> dict[str, float]:
        asked = {f"definitions_{k}": v for k, v in definitions.score(model).items()} if held_out_definitions else {}
        return yardstick.score(model) | asked

    task = Reading(data, recipe.reading, recipe.model.context_len, score, device)
    model = pretrained(recipe, out).to(device)
    return train(model, task, recipe.reading, out / "reading", on_step, evaluate_every=500)


def release_stage(recipe: Recipe, corpus: Path, out: Path) -> Path:
    """Calibrates the abstention on the held-out articles and writes out/released/NAME with its model card."""
    tokenizer = Tokenizer.load(out / "tokenizer.json")
    found = load_latest(out / "reading")
    if found is None:
        raise CheckpointError(f"no reader in {out / 'reading'}; run `studygpt train reading {recipe.name}` first")
    groups, state = found
    model = GPT(recipe.model)
    model.load_state_dict(groups["average"], strict=True)
    yardstick = Yardstick.build(tokenizer, _articles(recipe, corpus)[1], limit=1500)
    calibration = yardstick.calibrate(model)
    before = load_latest(out / "pretrain")
    stages = {"pretrain": before[1] if before else {}, "reading": state}
    training = {
        "recipe": recipe.name,
        "recipe_fingerprint": recipe.fingerprint,
        "data": sorted({*recipe.text_files, *recipe.qa_files, *recipe.definition_files}),
        "stages": {k: {n: s.get(n) for n in ("step", "tokens", "seconds", "loss")} for k, s in stages.items()},
        "held_out": yardstick.score(model),
    }
    folder = out / "released" / recipe.name
    released = Released(recipe.name, model, tokenizer, calibration, training)
    release(folder, released, model_card(released))
    return folder


def _articles(recipe: Recipe, corpus: Path) -> tuple[list[Article], list[Article]]:
    articles = [article for file in recipe.qa_files for article in load_articles(corpus / file)]
    return split_articles(articles, recipe.held_out_articles)


def _definitions(recipe: Recipe, corpus: Path) -> tuple[list[Article], list[Article]]:
    if not recipe.definition_files:
        return [], []
    articles = load_definitions([corpus / f for f in recipe.definition_files], recipe.max_definitions)
    return split_articles(articles, min(HELD_OUT_DEFINITION_ARTICLES, len(articles) // 10))


def model_card(released: Released) -> str:
    """The model's card in Markdown: what it is, how it was made, how well it reads."""
    config, training = released.model.config, released.training
    rows = [
        f"| {name} | {s['step']} | {s['tokens'] / 1e6:.1f}M | {s['seconds'] / 60:.0f} min |"
        for name, s in training["stages"].items()
        if s.get("step")
    ]
    flops = sum(config.flops_per_token(256) * s["tokens"] for s in training["stages"].values() if s.get("tokens"))
    scores = ", ".join(f"{k} {v}" for k, v in training["held_out"].items())
    calibration = ", ".join(f"{k} {v}" for k, v in released.calibration.items())
    return f"""# {released.name}

A GPT of {config.n_params / 1e6:.1f}M parameters ({config.n_layer} layers, {config.n_embd} wide, {config.n_head} heads,
vocabulary {config.vocab_size}, window {config.context_len}) that reads passages and points at the answer to a question,
or says that it is not there. Trained from scratch by this project: `studygpt train all {training["recipe"]}`.

| stage | steps | tokens | time |
|---|---|---|---|
{chr(10).join(rows)}

- Recipe: `{training["recipe"]}`, fingerprint `{training["recipe_fingerprint"]}`; about {flops:.2g} FLOP.
- Data: {", ".join(f"`{name}`" for name in training["data"])} (Wikipedia and SQuAD CC BY-SA, arXiv abstracts CC0,
  definitions from Wikipedia, WordNet and FOLDOC).
- Held-out articles of the labelled training data: {scores}.
- Abstention: {calibration}. Scores on the public development files stand in `docs/results.md`.
- Limits: English; short factual answers that stand in one passage; it copies and never composes. It was not trained
  to resist passages written to mislead it.
"""
