"""The ladder of the lecture "Let's build GPT: from scratch, in code, spelled out", climbed on any text.

Eight models of the next character. Each rung adds one idea to the rung before it and is trained and measured alike,
so what an idea is worth can be read off the losses.

B batch, T time (characters of context), C channels, H heads, D = C / H channels of a head, V vocabulary.
Sources: A. Karpathy's lecture (youtu.be/kCc8FmEb1nY), whose settings these are; Vaswani et al. 2017, arXiv:1706.03762.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gpt.errors import ConfigError, DataError
from gpt.ladder_plot import plot_ladder

__all__ = ["LADDER", "RUNGS", "Rung", "RungResult", "Settings", "evaluate", "plot_ladder", "run_ladder"]

OnStep = Callable[[str, int, int, float], None]
"""Called after every training step with the rung's name, the step from 1, the number of steps, and the batch's loss."""


@dataclass(frozen=True)
class Settings:
    """How a rung is shaped and trained; the defaults are those of the lecture's small models."""

    steps: int = 5000
    learning_rate: float = 1e-3
    batch_size: int = 32
    context_len: int = 8
    n_embd: int = 32
    n_head: int = 1
    n_layer: int = 1
    dropout: float = 0.0


@dataclass(frozen=True)
class Rung:
    """One idea: `build(vocab_size, settings)` makes the model that maps ids (B, T) to logits (B, T, V)."""

    name: str
    explanation: str
    build: Callable[[int, Settings], nn.Module]
    settings: Settings


@dataclass(frozen=True)
class RungResult:
    """What one rung reached; losses are nats a character.

    `train_curve` holds (step, mean training loss of the steps since the point before), about fifty points.
    """

    name: str
    explanation: str
    parameters: int
    val_loss: float
    train_curve: tuple[tuple[int, float], ...]
    steps: int
    seconds: float


# --- The models, in the order of the lecture --------------------------------------------------------------------------


def bigram(vocab_size: int, settings: Settings) -> nn.Module:
    """Row i of one table holds the logits of what follows character i."""
    return nn.Embedding(vocab_size, vocab_size)


class LanguageModel(nn.Module):
    """Every rung after the first: what and where each character is -> a body that mixes (B, T, C) -> logits."""

    def __init__(self, vocab_size: int, settings: Settings, body: nn.Module) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab_size, settings.n_embd)
        self.position = nn.Embedding(settings.context_len, settings.n_embd)
        self.body = body
        self.head = nn.Linear(settings.n_embd, vocab_size)

    def forward(self, ids: Tensor) -> Tensor:  # (B, T)
        x = self.token(ids) + self.position.weight[: ids.shape[1]]  # (B, T, C) + (T, C)
        return self.head(self.body(x))  # (B, T, V)


class CausalMean(nn.Module):
    """Position t becomes the mean of positions 0..t: a product with a lower triangle whose rows sum to one."""

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        triangle = torch.ones(x.shape[1], x.shape[1], device=x.device).tril()  # (T, T)
        return triangle / triangle.sum(dim=1, keepdim=True) @ x  # (T, T) @ (B, T, C) -> (B, T, C)


def averaging(vocab_size: int, settings: Settings) -> nn.Module:
    """The weakest way to look back: all earlier characters count the same."""
    return LanguageModel(vocab_size, settings, CausalMean())


class Attention(nn.Module):
    """The mean again, but each position chooses its weights: H heads of size D, none sees a later position.

    Scores are divided by sqrt(D), which keeps their variance at one, else softmax starts out nearly one-hot.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        C = settings.n_embd
        self.n_head = settings.n_head
        self.query = nn.Linear(C, C, bias=False)  # what do I look for?
        self.key = nn.Linear(C, C, bias=False)  # what do I hold?
        self.value = nn.Linear(C, C, bias=False)  # what do I say when I am found?
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        B, T, C = x.shape
        D = C // self.n_head
        projections = (self.query(x), self.key(x), self.value(x))
        q, k, v = (p.view(B, T, self.n_head, D).transpose(1, 2) for p in projections)  # (B, T, C) -> (B, H, T, D)
        scores = q @ k.transpose(2, 3) * D**-0.5  # (B, H, T, D) @ (B, H, D, T) -> (B, H, T, T)
        later = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(diagonal=1)
        weights = self.dropout(scores.masked_fill(later, float("-inf")).softmax(dim=-1))
        return (weights @ v).transpose(1, 2).reshape(B, T, C)  # (B, H, T, T) @ (B, H, T, D), heads side by side


def attention(vocab_size: int, settings: Settings) -> nn.Module:
    """Self-attention with one head, multi-head with more: the same number of parameters."""
    return LanguageModel(vocab_size, settings, Attention(settings))


def feed_forward(vocab_size: int, settings: Settings) -> nn.Module:
    """First the characters talk (attention), then each thinks over what it heard (a layer of its own)."""
    C = settings.n_embd
    return LanguageModel(vocab_size, settings, nn.Sequential(Attention(settings), nn.Linear(C, C), nn.ReLU()))


class Residual(nn.Module):
    """x + path(x): the sum hands the gradient down unchanged, however many blocks lie on top."""

    def __init__(self, *path: nn.Module) -> None:
        super().__init__()
        self.path = nn.Sequential(*path)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C)
        return x + self.path(x)


def residual(vocab_size: int, settings: Settings) -> nn.Module:
    """Blocks of talking and thinking on a residual stream; each path ends in a projection back into the stream."""
    C = settings.n_embd
    blocks = [
        nn.Sequential(
            Residual(Attention(settings), nn.Linear(C, C)),
            Residual(nn.Linear(C, 4 * C), nn.ReLU(), nn.Linear(4 * C, C)),
        )
        for _ in range(settings.n_layer)
    ]
    return LanguageModel(vocab_size, settings, nn.Sequential(*blocks))


def layer_norm(vocab_size: int, settings: Settings) -> nn.Module:
    """The same blocks, each path fed channels of mean 0 and variance 1; dropout (if any) at the end of each path."""
    C, p = settings.n_embd, settings.dropout
    blocks = [
        nn.Sequential(
            Residual(nn.LayerNorm(C), Attention(settings), nn.Linear(C, C), nn.Dropout(p)),
            Residual(nn.LayerNorm(C), nn.Linear(C, 4 * C), nn.ReLU(), nn.Linear(4 * C, C), nn.Dropout(p)),
        )
        for _ in range(settings.n_layer)
    ]
    return LanguageModel(vocab_size, settings, nn.Sequential(*blocks, nn.LayerNorm(C)))


DEEP = Settings(n_head=4, n_layer=3)
SCALED = Settings(learning_rate=3e-4, batch_size=64, context_len=256, n_embd=384, n_head=6, n_layer=6, dropout=0.2)
LADDER = (
    Rung("bigram", "each character alone predicts the next", bigram, Settings(steps=3000, learning_rate=1e-2)),
    Rung("averaging", "look back through a plain mean: which came last is lost", averaging, Settings()),
    Rung("self-attention", "look back by choice: each character weighs the ones before it", attention, Settings()),
    Rung("multi-head", "four smaller heads look for four things at once", attention, Settings(n_head=4)),
    Rung("feed-forward", "after looking back, each position thinks for itself", feed_forward, Settings(n_head=4)),
    Rung("residual", "three blocks, each adding to a stream that passes by", residual, DEEP),
    Rung("layer-norm", "every step starts from channels of mean 0 and variance 1", layer_norm, DEEP),
    Rung("scaled", "the same but far larger, 256 characters of context, and dropout", layer_norm, SCALED),
)
RUNGS: tuple[str, ...] = tuple(rung.name for rung in LADDER)


# --- Training and measuring -------------------------------------------------------------------------------------------


def run_ladder(
    text: str,
    *,
    steps: int | None = None,
    seed: int = 1337,
    rungs: Sequence[str] | None = None,
    on_step: OnStep | None = None,
    device: str = "cpu",
) -> list[RungResult]:
    """Train the rungs on the first nine tenths of `text` and measure each on the last tenth, in the ladder's order.

    `steps` None: the lecture's number for each rung. `rungs` None: all, but on a CPU not "scaled" (a day or more).
    The same arguments give the same losses on the same machine; the caller's random state is left as it was.
    Raises DataError for a text too short or without variety, ConfigError for an unknown rung, device or step count.
    """
    chosen = _choose(rungs, steps, device)
    vocabulary = sorted(set(text))
    _check_text(text, vocabulary, chosen)
    id_of = {character: i for i, character in enumerate(vocabulary)}
    ids = torch.tensor([id_of[character] for character in text], device=device)
    return [_climb(rung, ids, len(vocabulary), seed, on_step) for rung in chosen]


def _choose(names: Sequence[str] | None, steps: int | None, device: str) -> list[Rung]:
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise ConfigError(f"device is {device!r}: use 'cpu' or 'cuda'")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device is {device!r}, but there is no CUDA device here: use 'cpu'")
    if steps is not None and steps < 1:
        raise ConfigError(f"steps is {steps}: give at least 1")
    if names is None:
        names = RUNGS[:-1] if device == "cpu" else RUNGS
    unknown = [name for name in names if name not in RUNGS]
    if unknown or not names:
        raise ConfigError(f"no rung {', '.join(map(repr, unknown)) or 'was named'}: choose from {', '.join(RUNGS)}")
    chosen = [rung for rung in LADDER if rung.name in names]
    if steps is not None:
        chosen = [replace(rung, settings=replace(rung.settings, steps=steps)) for rung in chosen]
    return chosen


def _check_text(text: str, vocabulary: list[str], rungs: list[Rung]) -> None:
    for rung in rungs:
        least = 10 * rung.settings.context_len + 1  # the last tenth, rounded up, then holds one window and what follows
        if len(text) < least:
            raise DataError(
                f"the text has {len(text)} characters, but the {rung.name} rung needs at least {least}"
                f" (ten times its context of {rung.settings.context_len}, and one): give a longer text"
            )
    if len(vocabulary) < 2:
        raise DataError(
            f"the text is {len(text)} times the character {vocabulary[0]!r}: give a text of at least two different ones"
        )


def _climb(rung: Rung, ids: Tensor, vocab_size: int, seed: int, on_step: OnStep | None) -> RungResult:
    split = len(ids) * 9 // 10
    with torch.random.fork_rng(devices=[ids.device] if ids.is_cuda else []):
        torch.manual_seed(seed)
        started = time.perf_counter()
        model = rung.build(vocab_size, rung.settings).to(ids.device)
        curve = _train(model, ids[:split], rung, on_step)
        return RungResult(
            name=rung.name,
            explanation=rung.explanation,
            parameters=sum(p.numel() for p in model.parameters()),
            val_loss=evaluate(model, ids[split:], rung.settings.context_len),
            train_curve=curve,
            steps=rung.settings.steps,
            seconds=time.perf_counter() - started,
        )


def _train(model: nn.Module, ids: Tensor, rung: Rung, on_step: OnStep | None) -> tuple[tuple[int, float], ...]:
    settings, curve, recent = rung.settings, [], []
    windows = ids.unfold(0, settings.context_len + 1, 1)  # (N - T, T + 1), a view: T characters and the one after each
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, fused=True)
    model.train()
    for step in range(1, settings.steps + 1):
        batch = windows[torch.randint(len(windows), (settings.batch_size,)).to(ids.device)]  # (B, T + 1)
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recent.append(loss.item())
        if on_step is not None:
            on_step(rung.name, step, settings.steps, recent[-1])
        if step % max(1, settings.steps // 50) == 0 or step == settings.steps:
            curve.append((step, sum(recent) / len(recent)))
            recent.clear()
    return tuple(curve)


MAX_WINDOWS = 2**14  # the standard error of the loss is then under 0.01 even for T = 8
TOKENS_AT_ONCE = 2**14  # bounds the memory of one forward pass


@torch.no_grad()
def evaluate(model: nn.Module, ids: Tensor, context_len: int) -> float:
    """Mean loss over the whole of `ids` in windows side by side (at most MAX_WINDOWS, evenly spaced): no sampling."""
    windows = ids.unfold(0, context_len + 1, 1)
    windows = windows[:: max(context_len, len(windows) // MAX_WINDOWS)]
    model.eval()
    total = 0.0
    for batch in windows.split(max(1, TOKENS_AT_ONCE // context_len)):  # (B, T + 1)
        logits = model(batch[:, :-1]).flatten(0, 1)
        total += F.cross_entropy(logits, batch[:, 1:].flatten(), reduction="sum").item()
    return total / (len(windows) * context_len)
