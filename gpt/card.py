"""What a released model says of itself."""

from __future__ import annotations

from gpt.checkpoint import Released
from gpt.config import RECIPES
from gpt.written import text_files

FOUND = {  # files of a recipe's open questions that we know, in words
    "qa/open-questions.jsonl": "questions of TriviaQA, NQ-open and WebQuestions with passages of Wikipedia found for them",
    "qa/hotpotqa.jsonl": "questions of HotpotQA with their passages, CC BY-SA, more than half as HaluEval, MIT, holds them",
}
KNOWN = "Wikipedia and SQuAD CC BY-SA, arXiv abstracts CC0,\n  definitions from Wikipedia, WordNet and FOLDOC"


def model_card(released: Released) -> str:
    """The model's card in Markdown: what it is, how it was made, how well it reads."""
    config, training = released.model.config, released.training
    rows = [
        f"| {name} | {s.get('layers', config.n_layer)} | {s['step']} | {s['tokens'] / 1e6:.1f}M | {s['seconds'] / 60:.0f} min |"
        for name, s in training["stages"].items()
        if s.get("step")
    ]
    flops = sum(
        config.with_layers(s.get("layers", config.n_layer)).flops_per_token(256) * s["tokens"]
        for s in training["stages"].values()
        if s.get("tokens")
    )
    scores = ", ".join(f"{k} {v}" for k, v in training["held_out"].items())
    calibration = ", ".join(f"{k} {v}" for k, v in released.calibration.items())
    ours = {*text_files(), *(name for r in RECIPES.values() for name in (*r.files, *r.open_questions))}
    origins = [KNOWN] if ours & {*training["data"]} else []
    if {*training["data"]} - ours:
        origins.append("the rest is not this project's" if origins else "not this project's")
    teachers = training.get("taught_by")
    found = "".join(f"; {FOUND.get(name, f'questions of {name}')}" for name in training.get("open_questions") or ())
    written = ", or written" if training.get("written") else ""
    if written:
        found += (
            f"; {training['written']} questions written for this project by a large language model (`gpt/questions`)"
        )
    taught = f"\n- Taught, beside the labels, by readers of before: {teachers}." if teachers else ""
    return f"""# {released.name}

A GPT of {config.n_params / 1e6:.1f}M parameters ({config.n_layer} layers, {config.n_embd} wide, {config.n_head} heads,
vocabulary {config.vocab_size}, window {config.context_len}) that reads passages and points at the answer to a question,
or says that it is not there. Trained from scratch by this project: `studygpt train all {training["recipe"]}`.

| stage | layers | steps | tokens | time |
|---|---|---|---|---|
{chr(10).join(rows)}

- Recipe: `{training["recipe"]}`, fingerprint `{training["recipe_fingerprint"]}`; about {flops:.2g} FLOP.
- Weights: int8 with a scale a row, float32 once loaded.
- Data: {", ".join(f"`{name}`" for name in training["data"])} ({"; ".join(origins)}{found}).{taught}
- On {training["held_out_articles"]} articles of the labelled training data that no stage read: {scores}.
- Abstention: {calibration}; fitted {training.get("calibrated_on", "on held-out articles")}.
- Scores of the project's own releases on the public development files stand in its `docs/results.md`.
- Limits: English; short answers that stand in one passage; it copies and never composes. Questions that mislead were made by
  rule for its training{written}; people write others, and passages may mislead too.
"""
