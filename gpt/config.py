"""Every number of a model and of its training, frozen and checked once.

`GPTConfig` has one dial, `depth`: width, heads and the MLP follow from it. A `Recipe` is the whole way from raw text
to a released checkpoint; `RECIPES` holds the ones we release.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from gpt.errors import ConfigError


@dataclass(frozen=True, slots=True)
class GPTConfig:
    """The shape of a GPT. The stock shape is Qwen3's: RMS norms, QK norm, rotary positions, SwiGLU, no biases."""

    depth: int = 6  # n_layer
    aspect: int = 64  # n_embd = depth * aspect, rounded to whole heads
    head_dim: int = 64
    vocab_size: int = 8192
    context_len: int = 512  # tokens of a prompt; rotary positions reach no further
    rope_base: float = 100_000.0  # >= 100k: -0.001 bits per byte at this size (autoresearch)
    n_marks: int = 8  # see gpt/reading.py: role (question or plain, passage) * 4 + overlap

    def __post_init__(self) -> None:
        for name in ("depth", "aspect", "head_dim", "vocab_size", "context_len", "n_marks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        if self.head_dim % 2:
            raise ConfigError(f"head_dim={self.head_dim} must be even; rotary positions turn pairs of channels")

    @property
    def n_layer(self) -> int:
        return self.depth

    @property
    def n_embd(self) -> int:
        return self.n_head * self.head_dim

    @property
    def n_head(self) -> int:
        return max(1, round(self.depth * self.aspect / self.head_dim))

    @property
    def n_hidden(self) -> int:
        """SwiGLU's inner width: 8/3 of n_embd, so that it costs what a 4x MLP costs, rounded up to 32."""
        return -(-8 * self.n_embd // 3 // 32) * 32

    @property
    def n_params(self) -> int:
        """All parameters; the output embedding is tied to the input embedding."""
        block = 4 * self.n_embd**2 + 3 * self.n_embd * self.n_hidden
        return self.n_layer * block + (self.vocab_size + self.n_marks + 2) * self.n_embd

    def with_layers(self, n_layer: int) -> GPTConfig:
        """The same shape with another number of layers. Raises ConfigError where no aspect gives the same width."""
        shape = dataclasses.replace(self, depth=n_layer, aspect=max(1, round(self.n_embd / n_layer)))
        if shape.n_embd != self.n_embd:
            raise ConfigError(f"n_layer={n_layer} has no aspect that gives {self.n_embd} channels; choose fewer layers")
        return shape

    def flops_per_token(self, context: int) -> int:
        """Forward and backward: 6 a matrix parameter, 12 * n_layer * n_embd a position attended (PaLM, appendix B)."""
        matrices = self.n_params - (self.n_marks + 2) * self.n_embd
        return 6 * matrices + 12 * self.n_layer * self.n_embd * context


_COUNTED = "steps cycles batch_tokens checkpoint_every row_tokens repeats repeats_open repeats_written"
_FRACTIONS = """
    cooldown way ema_decay dropout embedding_rate prefix_fraction replaced unanswerable misleading altered renamed
    distractors compared crop notes spoken token_dropout taught recurring
"""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One stage of training. Learning rates are peaks; the schedule is `optim.lr_scale`.

    It runs `cycles` times over the steps; what a stage ends with is the mean of what each cycle ended with (Izmailov et
    al. 2018; in the one run that was compared it read better than either, docs/log.md).
    """

    steps: int
    batch_tokens: int = 8192  # tokens a step, padding included
    muon_lr: float = 0.02
    adam_lr: float = 0.003  # embeddings, marks and heads
    embedding_rate: float = 1.0  # of adam_lr, for the token embedding: Adam moves a rare token as far as a frequent one
    weight_decay: float = 0.01
    warmup_steps: int = 50
    cooldown: float = 0.6  # the last fraction of a cycle's steps, linear to zero
    cycles: int = 1
    way: float = 1.0  # from the weights it began with to those it ended with (WiSE-FT, Wortsman et al. 2022)
    ema_decay: float = 0.998
    dropout: float = 0.0  # of a residual branch's channels, the same ones at every position of a row
    checkpoint_every: int = 100
    seed: int = 0
    # pretraining
    row_tokens: int = 256  # length of a packed row
    prefix_fraction: float = 0.5  # rows whose first part attends in both directions; their loss is on the rest
    replaced: float = 0.15  # of a row's tokens, what detection takes away
    # reading
    unanswerable: float = 0.3  # fraction of examples whose passages hold no answer
    misleading: float = 0.0  # of the unanswerable ones, those that mislead by a word instead of having a wrong passage
    altered: float = 0.0  # of those that mislead, the ones whose passage was altered instead of their question
    renamed: float = 0.0  # of the answerable ones with one passage, those altered in both (gpt/counterfactual.py)
    distractors: float = 0.0  # fraction of examples with a second passage beside the right one
    compared: float = 0.0  # of the answerable ones, those read beside a wrong passage in a prompt of its own
    crop: float = 0.0  # fraction of examples whose passages are cut to crop_tokens around the answer
    crop_tokens: int = 96
    notes: float = 0.0  # fraction of the passages that are written as notes are (gpt/markup.py)
    spoken: float = 0.0  # and of those that are written as a lecture's captions are (gpt/spoken.py)
    token_dropout: float = 0.0  # fraction of a prompt's tokens that become <|mask|>; their marks stay
    taught: float = 0.5  # of the loss, what is learnt from teachers, where there are any (gpt/teachers.py)
    taught_by: str = ""  # which ones
    recurring: float = 0.0  # questions about recurring spans in a pass, new ones each time, for each of the others
    repeats: int = 1  # times a pass takes each question of the articles that refit and grow alone read
    repeats_open: int = 1  # and each of those that came without a passage (gpt/distant.py)
    repeats_written: int = 1  # and each of those written for this project (gpt/written.py)

    def cycle_of(self, step: int) -> tuple[int, int, int]:
        """(the cycle that step belongs to, from 0; its first step; the first one after it)."""
        cycle = min(step * self.cycles // self.steps, self.cycles - 1)
        first, end = (-(-self.steps * k // self.cycles) for k in (cycle, cycle + 1))
        return cycle, first, end

    def __post_init__(self) -> None:
        for name in _COUNTED.split():
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        for name in _FRACTIONS.split():
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)} must lie in [0, 1]")
        if self.dropout > 0.9:
            raise ConfigError(f"dropout={self.dropout} must lie in [0, 0.9]")


@dataclass(frozen=True, slots=True)
class ReinforceConfig(TrainConfig):
    """The last stage: what an answer is worth, and how the expected worth is estimated (gpt/reinforce.py).

    A span is worth its F1 from -wrong_answer (no right word) to 1; declining what is answerable is worth 0.
    """

    muon_lr: float = 0.002
    adam_lr: float = 0.0003
    warmup_steps: int = 10
    ema_decay: float = 0.98
    checkpoint_every: int = 50
    seed: int = 1  # another order of the examples than in reading
    estimator: Literal["exact", "sampled"] = "exact"
    samples: int = 8  # answers drawn a question, when sampled
    anchor: float = 0.5  # weight of the supervised loss
    citation: float = 0.1  # more for a span of the right passage, where there are several
    abstention: float = 1.0  # declining what has no answer
    wrong_answer: float = 0.2  # what a span costs where nothing answers

    def __post_init__(self) -> None:
        TrainConfig.__post_init__(self)
        if self.estimator not in ("exact", "sampled"):
            raise ConfigError(f"estimator={self.estimator!r} must be exact or sampled")
        if self.samples < 2:
            raise ConfigError(f"samples={self.samples} must be at least 2: each is compared with the others' mean")
        for name in ("anchor", "citation", "abstention", "wrong_answer"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 0")


@dataclass(frozen=True, slots=True)
class Recipe:
    """From raw text to a scored checkpoint. Paths are relative to the data folder (`--corpus`)."""

    name: str
    model: GPTConfig
    pretrain: TrainConfig
    reading: TrainConfig
    text_files: tuple[str, ...]  # jsonl or jsonl.xz with a "text" field a line
    tokenizer_chars: int = 60_000_000
    pretrain_chars: int = 120_000_000
    qa_files: tuple[str, ...] = ("qa/squad-train-v1.1.json.xz",)
    sentence_files: tuple[str, ...] = ()  # questions about single sentences (gpt/qamr.py)
    max_of_sentence: int = 12
    definition_files: tuple[str, ...] = ("qa/definitions.jsonl.xz",)
    max_definitions: int = 24_000
    explanation_files: tuple[str, ...] = ()  # texts that "why" and "how" are asked of (gpt/explanations.py)
    explanation_chars: int = 80_000_000
    max_explanations: int = 12_000
    recurring_files: tuple[str, ...] = ()  # texts whose recurring spans are asked for (gpt/recurring.py)
    recurring_chars: int = 200_000_000
    max_recurring: int = 60_000
    # Files of questions without passages, for refit and grow, where the data folder has them; of texts to look for passages in.
    open_questions: tuple[str, ...] = ()
    open_texts: tuple[str, ...] = ()
    written: bool = False  # whether refit and grow learn from gpt/questions, too
    detect: TrainConfig | None = None  # a stage between pretraining and reading, if any (gpt/detection.py)
    refine: TrainConfig | None = None  # a stage after reading, if any: it reads on, with itself as the teacher
    refine2: TrainConfig | None = None  # and once more, from where that ended
    # Detection again, of the reader that these left, and reading anew: that reader teaches, and `way` is measured from it.
    detect2: TrainConfig | None = None
    reading2: TrainConfig | None = None
    refit: TrainConfig | None = None  # a stage after these, if any: as refine, of the held-out articles, too
    grow: TrainConfig | None = None  # a stage after these, if any: with more layers it reads on, what refit read
    grown_layers: int = 0  # how many it has from then on
    reinforce: ReinforceConfig | None = None  # a stage after these, if any
    calibration_file: str = ""  # SQuAD 2.0's format; fits the abstention for one passage, where the data folder has it
    teachers: tuple[str, ...] = ()  # released models that the reading stage learns from beside the labels
    held_out_articles: int = 44  # the yardstick: not trained on; the abstention is calibrated on them
    never_read: int = 8  # of these, those that are the yardstick where the others are read in the end, by refit
    fields: tuple[str, ...] = field(default=("title", "text"))

    def __post_init__(self) -> None:
        if self.detect2 is not None and self.reading2 is None:
            raise ConfigError(
                f"recipe {self.name!r} has detect2 without reading2, and would end with no reader; give it both"
            )
        if self.grow is not None and not self.model.depth < self.grown_layers <= 2 * self.model.depth:
            raise ConfigError(
                f"recipe {self.name!r}: grow puts at most one copy behind each of the {self.model.depth} layers, so "
                f"grown_layers={self.grown_layers} must lie in {self.model.depth + 1} to {2 * self.model.depth}"
            )
        if self.refit is not None and not 0 < self.never_read < self.held_out_articles:
            raise ConfigError(
                f"recipe {self.name!r}: never_read={self.never_read} of held_out_articles={self.held_out_articles} leaves "
                "refit nothing new, or nothing to be judged on; it must be at least 1 and below them"
            )

    @property
    def files(self) -> list[str]:
        """Every file it trains on, sorted."""
        asked = self.qa_files + self.sentence_files + self.definition_files
        return sorted({*asked, *self.text_files, *self.explanation_files, *self.recurring_files})

    @property
    def fingerprint(self) -> str:
        """sha256 of every number above; the model card carries it. Where teachers lie is no part of it: the card tells
        which ones they are."""
        told = {**dataclasses.asdict(self), "teachers": ()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


_WIKI = tuple(f"pretrain/wiki-{i:02d}.jsonl.xz" for i in range(7))
_OPEN = ("qa/open-questions.jsonl",)  # made by tests/bench/open_questions.py
_HOTPOT = ("qa/hotpotqa.jsonl",)  # with passages, as tests/bench/hotpot_questions.py makes them
_ARXIV = tuple(f"pretrain/arxiv-{i:02d}.jsonl.xz" for i in range(6))

_DETECT = TrainConfig(steps=8600, muon_lr=0.01, adam_lr=0.002, cooldown=0.0, seed=7, checkpoint_every=200)
_READING = TrainConfig(
    steps=4900,
    muon_lr=0.01,
    adam_lr=0.002,
    unanswerable=0.33,
    misleading=0.5,
    crop=0.5,
    notes=0.3,
    token_dropout=0.1,
    checkpoint_every=250,
)
_REFINE = dataclasses.replace(
    _READING,
    steps=1700,
    muon_lr=0.005,
    adam_lr=0.001,
    cooldown=0.8,
    way=0.5,
    unanswerable=0.38,
    misleading=0.6,
    altered=0.5,
    renamed=0.2,
    checkpoint_every=100,
    seed=3,
)

_REFIT = dataclasses.replace(_REFINE, way=0.7, spoken=0.25, repeats=4, repeats_written=4)
_REFINE_LARGE = dataclasses.replace(
    _REFINE, steps=500, batch_tokens=65536, crop=0.3, token_dropout=0.05, checkpoint_every=200
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(  # seconds of steps, minutes with the questions: for tests and for trying a machine
            name="tiny",
            model=GPTConfig(depth=2, aspect=32, head_dim=32, vocab_size=512, context_len=256),
            pretrain=TrainConfig(steps=20, batch_tokens=1024, row_tokens=128, checkpoint_every=10),
            reading=TrainConfig(steps=20, batch_tokens=1024, checkpoint_every=10),
            text_files=(_WIKI[0],),
            tokenizer_chars=2_000_000,
            pretrain_chars=2_000_000,
            definition_files=(),
            detect=TrainConfig(steps=10, batch_tokens=1024, row_tokens=128, checkpoint_every=10),
            refine=TrainConfig(steps=5, batch_tokens=1024, checkpoint_every=5),
            refine2=TrainConfig(steps=5, batch_tokens=1024, checkpoint_every=5, seed=1),
            detect2=TrainConfig(steps=5, batch_tokens=1024, row_tokens=128, checkpoint_every=5, seed=1),
            reading2=TrainConfig(steps=5, batch_tokens=1024, checkpoint_every=5, seed=2),
            refit=TrainConfig(steps=5, batch_tokens=1024, checkpoint_every=5, spoken=0.25, repeats=2),
            grow=TrainConfig(steps=5, batch_tokens=1024, checkpoint_every=5, seed=3),
            grown_layers=3,
            reinforce=ReinforceConfig(steps=5, batch_tokens=1024, checkpoint_every=5),
            open_questions=_OPEN,
            open_texts=(_WIKI[0],),
            held_out_articles=2,
            never_read=1,
        ),
        Recipe(  # two CPU cores, seventeen hours
            name="mini",
            model=GPTConfig(depth=6, aspect=42, vocab_size=16384),  # 256 wide, 4 heads of 64
            pretrain=TrainConfig(steps=800),
            detect=_DETECT,
            reading=_READING,
            refine=_REFINE,
            refine2=dataclasses.replace(_REFINE, seed=9),
            detect2=dataclasses.replace(_DETECT, steps=700, seed=11, checkpoint_every=100),
            reading2=dataclasses.replace(
                _READING, steps=4000, way=0.5, unanswerable=0.36, misleading=0.6, altered=0.4, renamed=0.15, seed=21
            ),
            refit=dataclasses.replace(_REFIT, steps=3500, cycles=2, repeats_open=2, seed=53),
            grow=dataclasses.replace(_REFIT, steps=14800, cycles=6, compared=0.5, seed=101),
            grown_layers=12,
            open_questions=_OPEN + _HOTPOT,
            open_texts=_WIKI,
            written=True,
            text_files=(*_WIKI, _ARXIV[0], _ARXIV[3]),
            pretrain_chars=300_000_000,
            definition_files=("qa/definitions.jsonl.xz", _WIKI[1], _WIKI[4]),
            explanation_files=(_WIKI[2], _ARXIV[1]),
            calibration_file="qa/squad-dev-v2.0-open.json.xz",
        ),
        Recipe(  # one large GPU, under half an hour
            name="base",
            model=GPTConfig(depth=8, aspect=64, head_dim=64),
            pretrain=TrainConfig(steps=1500, batch_tokens=131072, row_tokens=512, checkpoint_every=500),
            detect=TrainConfig(
                steps=4500,
                batch_tokens=131072,
                row_tokens=512,
                muon_lr=0.01,
                adam_lr=0.002,
                cooldown=0.0,
                checkpoint_every=500,
            ),
            reading=TrainConfig(
                steps=4000,
                batch_tokens=65536,
                muon_lr=0.01,
                adam_lr=0.002,
                unanswerable=0.33,
                misleading=0.5,
                altered=0.5,
                renamed=0.15,
                crop=0.3,
                notes=0.3,
                token_dropout=0.05,  # some eighteen passes over the questions: not tried yet, see docs/log.md
                checkpoint_every=500,
            ),
            refine=_REFINE_LARGE,
            refit=dataclasses.replace(
                _REFINE_LARGE, spoken=0.25, repeats=4, repeats_open=2, repeats_written=4, seed=41
            ),
            open_questions=_OPEN + _HOTPOT,
            open_texts=_WIKI,
            written=True,
            text_files=_WIKI + _ARXIV,
            explanation_files=(_WIKI[2], _ARXIV[1]),
            calibration_file="qa/squad-dev-v2.0-open.json.xz",
            tokenizer_chars=200_000_000,
            pretrain_chars=700_000_000,
        ),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises ConfigError that lists the known ones."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}; known recipes: {', '.join(RECIPES)}")
    return RECIPES[name]


def config_from_dict(raw: dict[str, Any]) -> GPTConfig:
    """The inverse of `dataclasses.asdict`. Raises ConfigError on an unknown or missing key."""
    known = {f.name for f in dataclasses.fields(GPTConfig)}
    if set(raw) != known:
        raise ConfigError(f"model config has keys {sorted(raw)}, expected {sorted(known)}; it is of another version")
    return GPTConfig(**raw)
