"""Examples -> batches of prompts with a known answer: the `Task` of pointing at answers.

Every batch is a pure function of the seed and the step. A pass over the examples decides for each what it will be: the
right paragraph alone or altered with its question, one with another beside it, or an unanswerable one; then examples of one
length make a batch, so that a step holds hardly any padding and a run has few shapes (which a compiled model needs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gpt.config import TrainConfig
from gpt.model import GPT
from gpt.reading import (
    OVERHEAD_TOKENS,
    Piece,
    Prompt,
    PromptBatch,
    build_prompt,
    encode_piece,
    padded_length,
    span_log_probs,
)
from gpt.reading_data import N_NEGATIVES, ReadingData
from gpt.teachers import Teachers

MIN_DISTRACTOR_TOKENS = 16
# Of the passes of an example that was dealt labelled questions without an answer: the share with a wrong paragraph, and of the
# others that with such a question.
LABELLED = 0.35, 0.45
ALONE, BESIDE, COMPARED, WRONG, MISLED, ALTERED, RENAMED = range(7)  # what an example is in a pass: see _Pass.kind


@dataclass(frozen=True)
class _Pass:
    """What one pass over the n examples looks like.

    kind (n,): the right paragraph ALONE, BESIDE another in one prompt, or COMPARED with another in the next row; unanswerable
    with the WRONG paragraph, with a question that the right one only seems to answer (MISLED), or with the right one ALTERED
    in a word of the question; answerable again with that word RENAMED in the question, too. other (n,): the other paragraph, -1
    for none. which (n,): of the misleading questions or the altered paragraphs. room (n,): tokens a passage may have. batches:
    of one padded length each, the example of each row; one that is COMPARED has two, the second for the other paragraph.
    """

    number: int
    kind: np.ndarray
    other: np.ndarray
    which: np.ndarray
    room: np.ndarray
    batches: list[tuple[int, np.ndarray]]


class Reading:
    """The `Task` of pointing at answers, by steps of `config.batch_tokens` tokens.

    Of a pass's examples `config.unanswerable` hold no answer, of which `config.misleading` by a word of their question or,
    `config.altered` of these, of their paragraph; `config.renamed` of the answerable ones are altered in both;
    `config.distractors` have a second paragraph, before or after the right one; `config.compared` of these and of those with
    the right one alone have a second one in a prompt of its own instead, and the answer competes with what is in both
    (`compared`). In `config.crop` of all, passages are cut to `config.crop_tokens` tokens, a window around the answer. A pass
    takes all examples, of those about recurring spans others than the pass before.

    `origin`, if it is set, are the weights that `config.way` is measured from, by name (gpt/train.py).

    Where labelled questions that their paragraph does not answer were dealt to an example, `LABELLED` tells in how many passes it
    holds no answer: with a wrong paragraph, and of the others with one of these questions.

    Where there are `teachers`, `config.taught` of the loss is about what they answer; they see the prompts whole. About
    altered paragraphs, and those with labelled questions of both kinds, which no teacher had, the label alone tells.
    """

    name = "reading"

    def __init__(
        self,
        data: ReadingData,
        config: TrainConfig,
        context_len: int,
        score: Callable[[GPT], dict[str, float]] = lambda model: {},
        device: str = "cpu",
        teachers: Teachers | None = None,
    ):
        self.data, self.config, self.context_len, self.device = data, config, context_len, device
        self.teachers = teachers
        self.origin: dict[str, Tensor] | None = None
        self.evaluate = score
        examples = data.examples
        self._paragraph_len = np.array([len(p) for p in data.paragraphs])
        self._question_len = np.array([len(e.question) for e in examples])
        self._gold = np.array([e.paragraph for e in examples])
        self._n_misleading = np.array([len(e.misleading) for e in examples])
        self._n_altered = np.array([len(e.altered) for e in examples])
        self._is_labelled = np.array([e.is_labelled for e in examples])
        self._n_negatives = np.array([len(e.negatives) for e in examples])
        self._passes: dict[int, _Pass] = {}  # the last two
        self._n_batches: list[int] = []  # of each pass from the first

    @cached_property
    def made_of(self) -> str:
        """sha256 of the paragraphs and of what is asked about them."""
        digest = hashlib.sha256()
        for paragraph in self.data.paragraphs:
            digest.update(paragraph.ids.tobytes())
        for e in self.data.examples:
            digest.update(
                f"{e.paragraph} {e.start} {e.end} {e.negatives} {[len(a.question) for a in e.altered]}".encode()
            )
            for question in (e.question, *e.misleading):
                digest.update(question.ids.tobytes())
        return digest.hexdigest()

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """Mean of -log P(first token) and -log P(last token), nats; of the teachers' answers the cross-entropy."""
        batch, target = self.batch(step)
        hidden = model(self.shown(batch.ids, step), batch.marks, batch.mask)
        log_p = span_log_probs(model.span_logits(hidden), batch.allowed)
        loss = -log_p.gather(1, target[:, None, :]).squeeze(1)
        loss = compared(loss, log_p, batch.answer_at, self.seconds(step)).mean(dim=1)
        if self.teachers is not None:
            believed = self.teachers(batch)
            taught = -(believed * log_p.masked_fill(~batch.allowed[..., None], 0.0)).sum(dim=1).mean(dim=1)
            loss = torch.where(self.untaught(step), loss, loss.lerp(taught, self.config.taught))
        return loss.mean(), batch.ids.numel()

    def batch(self, step: int) -> tuple[PromptBatch, Tensor]:
        """Prompts and targets (B, 2) of that step; the same at every call."""
        plan, (length, members) = self._at(step)
        rows = [
            self._other_row(plan, int(i)) if second else self._row(plan, int(i))
            for i, second in zip(members, _seconds(plan, members), strict=True)
        ]
        special = self.data.tokenizer.special_ids
        batch = PromptBatch.pad([prompt for prompt, *_ in rows], special["<|pad|>"], length, self.device)
        return batch, torch.tensor([[start, end] for _, start, end in rows], device=self.device)

    def untaught(self, step: int) -> Tensor:
        """(B,) bool: which rows of that step have an altered paragraph, or one with labelled questions of both kinds."""
        plan, (_, members) = self._at(step)
        return torch.from_numpy((plan.kind[members] >= ALTERED) | self._is_labelled[members]).to(self.device)

    def seconds(self, step: int) -> Tensor:
        """(B,) bool: which rows of that step hold what the row before is COMPARED with."""
        plan, (_, members) = self._at(step)
        return torch.from_numpy(_seconds(plan, members)).to(self.device)

    def shown(self, ids: Tensor, step: int) -> Tensor:
        """The ids of that step's prompts with `config.token_dropout` of their words masked; the same at every call."""
        if not self.config.token_dropout:
            return ids
        special = self.data.tokenizer.special_ids
        rng = np.random.default_rng((self.config.seed, step, 1))
        dropped = torch.from_numpy(rng.random(ids.shape) < self.config.token_dropout).to(ids.device)
        return ids.masked_fill(dropped & (ids < min(special.values())), special["<|mask|>"])

    def _at(self, step: int) -> tuple[_Pass, tuple[int, np.ndarray]]:
        """The pass that step belongs to, and its batch: the padded length and the examples."""
        number, index = 0, step
        while index >= (n := self._batches_of(number)):
            number, index = number + 1, index - n
        plan = self.passed(number)
        return plan, plan.batches[index]

    def passed(self, number: int) -> _Pass:
        """The plan of that pass over the examples."""
        if number not in self._passes:
            self._passes = {k: v for k, v in self._passes.items() if k == number - 1} | {number: self._plan(number)}
        return self._passes[number]

    def _batches_of(self, number: int) -> int:
        """How many batches that pass has; passes are asked for in order."""
        if number == len(self._n_batches):
            self._n_batches.append(len(self.passed(number).batches))
        return self._n_batches[number]

    def _plan(self, number: int) -> _Pass:
        c, n = self.config, len(self.data.examples)
        rng = np.random.default_rng((c.seed, number))
        draw, luck = rng.random(n), rng.random((3, n))
        other = np.array(
            [
                e.negatives[k % len(e.negatives)] if e.negatives else -1
                for e, k in zip(self.data.examples, rng.integers(N_NEGATIVES, size=n), strict=True)
            ]
        )
        kind = np.full(n, ALONE)
        kind[(draw > 1 - c.distractors) & (other >= 0)] = BESIDE
        by_rule = (draw < c.unanswerable) & ~self._is_labelled
        kind[by_rule & (other >= 0)] = WRONG
        kind[by_rule & (luck[1] < c.misleading) & (self._n_misleading > 0)] = MISLED
        if self._is_labelled.any():
            chance = np.random.default_rng((c.seed, number, 4)).random((2, n))
            kind[self._is_labelled & (chance[0] < LABELLED[0]) & (other >= 0)] = WRONG
            kind[self._is_labelled & (chance[1] < LABELLED[1]) & (kind != WRONG)] = MISLED
        if c.altered or c.renamed:  # drawn apart, so that a run without them stays what it was
            chance = np.random.default_rng((c.seed, number, 3)).random(n)
            kind[(kind == MISLED) & (chance < c.altered) & (self._n_altered > 0)] = ALTERED
            kind[(kind == ALONE) & (chance < c.renamed) & (self._n_altered > 0)] = RENAMED
        if c.compared:
            chance = np.random.default_rng((c.seed, number, 5)).random(n)
            kind[(kind <= BESIDE) & (chance < c.compared) & (other >= 0)] = COMPARED
        choices = np.where(kind >= ALTERED, self._n_altered, self._n_misleading)
        which = (luck[0] * np.maximum(1, choices)).astype(int)
        room = np.where(luck[2] < c.crop, c.crop_tokens, self.context_len)
        asked, passage = self._question_len.copy(), self._paragraph_len[self._gold]
        for i in np.flatnonzero(kind == MISLED):
            asked[i] = len(self.data.examples[i].misleading[which[i]])
        for i in np.flatnonzero(kind >= ALTERED):
            altered = self.data.examples[i].altered[which[i]]
            passage[i] = altered.length
            if kind[i] == RENAMED:
                asked[i] = len(altered.question)
        length = 2 * asked + np.minimum(passage, room) + OVERHEAD_TOKENS + 1
        length += (kind == BESIDE) * (np.minimum(self._paragraph_len[other], room) + 1)
        members = self._members(number)
        length = np.minimum(length[members], self.context_len)
        batches = _batches(length, 1 + (kind[members] == COMPARED), self.context_len, c.batch_tokens, rng)
        return _Pass(number, kind, other, which, room, [(width, members[rows]) for width, rows in batches])

    def _members(self, number: int) -> np.ndarray:
        """The examples of a pass: all of them, but of those about recurring spans the next `config.recurring` in turn."""
        n_recurring = self.data.n_recurring
        others = len(self.data.examples) - n_recurring
        taken = min(n_recurring, round(self.config.recurring * others))
        at = (number * taken + np.arange(taken)) % max(1, n_recurring)
        return np.concatenate([np.arange(others), others + at])

    def _other_row(self, plan: _Pass, index: int) -> tuple[Prompt, int, int]:
        """The same of its question with the other paragraph, no longer than its own."""
        rng = np.random.default_rng((self.config.seed, plan.number, index))
        example, paragraphs = self.data.examples[index], self.data.paragraphs
        room = min(self._room(example.question), int(plan.room[index]), len(paragraphs[example.paragraph]))
        wrong = _cut(paragraphs[plan.other[index]], room, rng)
        return _unanswerable(build_prompt(self.data.tokenizer, example.question, [wrong]))

    def _room(self, question: Piece) -> int:
        return self.context_len - 2 * len(question) - OVERHEAD_TOKENS - 1

    def _row(self, plan: _Pass, index: int) -> tuple[Prompt, int, int]:
        """The prompt of an example in a pass, and the positions of its answer's first and last token."""
        example, kind = self.data.examples[index], plan.kind[index]
        if kind == WRONG:
            return self._other_row(plan, index)
        rng = np.random.default_rng((self.config.seed, plan.number, index))
        question = example.misleading[plan.which[index]] if kind == MISLED else example.question
        gold, tokenizer = self.data.paragraphs[example.paragraph], self.data.tokenizer
        answer = example.start, example.end
        if kind >= ALTERED:
            altered = example.altered[plan.which[index]]
            question = altered.question if kind == RENAMED else question
            gold, answer = encode_piece(tokenizer, altered.context), (altered.start, altered.end)
        left = self._room(question)
        room = min(left, int(plan.room[index]))
        piece, start, end = _window(gold, *answer, room, rng)
        if kind in (MISLED, ALTERED):
            return _unanswerable(build_prompt(tokenizer, question, [piece]))
        passages, at = [piece], 0
        room = min(left - len(piece) - 1, int(plan.room[index]))
        if kind == BESIDE and room > MIN_DISTRACTOR_TOKENS:
            at = int(rng.integers(2))
            passages.insert(1 - at, _cut(self.data.paragraphs[plan.other[index]], room, rng))
        prompt = build_prompt(tokenizer, question, passages)
        return prompt, prompt.starts[at] + start, prompt.starts[at] + end


def compared(loss: Tensor, log_p: Tensor, answer_at: Tensor, seconds: Tensor) -> Tensor:
    """The loss of rows (B, 2), that of the rows before `seconds` normalised over both rows, and theirs 0.

    "Not in the passage", which every row has, is what the rows are compared by (shared normalisation: Clark & Gardner 2018):
    log P(x) - log P(not in it) is what x has in its row; x competes with all that both rows have so, and with 0, "in neither".
    """
    second = seconds.nonzero().squeeze(1)
    if not len(second):
        return loss
    null = log_p.gather(1, answer_at[:, None, None].expand(-1, 1, 2)).squeeze(1)
    own, others = -null[second - 1], -null[second]  # log(1 + what all tokens of the row have together)
    most = torch.maximum(own, others)
    both = most + ((own - most).exp() + (others - most).exp() - (-most).exp()).log()
    return loss.index_copy(0, second - 1, loss[second - 1] - own + both).index_fill(0, second, 0.0)


def _seconds(plan: _Pass, members: np.ndarray) -> np.ndarray:
    """Which rows of a batch are the second of an example that is COMPARED; one whose rows two batches share has none."""
    second = np.zeros(len(members), bool)
    for row in range(1, len(members)):
        second[row] = members[row] == members[row - 1] and plan.kind[members[row]] == COMPARED and not second[row - 1]
    return second


def _batches(
    length: np.ndarray, n_rows: np.ndarray, context_len: int, batch_tokens: int, rng: np.random.Generator
) -> list[tuple[int, np.ndarray]]:
    """(padded length, examples) of each batch, in random order: as many rows as `batch_tokens` hold at that length.

    What does not fill a batch moves on to the next greater length; at the greatest it is filled up with others again.
    """
    order = rng.permutation(len(length))
    order = np.repeat(order, n_rows[order])
    padded = np.array([padded_length(int(n), context_len) for n in range(int(length.max()) + 1)])[length]
    batches, waiting = [], np.zeros(0, int)
    widths = np.unique(padded)
    for width in widths:
        waiting = np.concatenate([waiting, order[padded[order] == width]])
        rows = max(1, batch_tokens // int(width))
        full = len(waiting) // rows * rows
        batches += [(int(width), members) for members in waiting[:full].reshape(-1, rows)]
        waiting = waiting[full:]
    if len(waiting):
        filled = np.concatenate([waiting, order])[:rows] if batches else waiting
        batches.append((int(widths[-1]), filled))
    return [batches[i] for i in rng.permutation(len(batches))]


def _unanswerable(prompt: Prompt) -> tuple[Prompt, int, int]:
    return prompt, len(prompt) - 1, len(prompt) - 1


def _cut(piece: Piece, room: int, rng: np.random.Generator) -> Piece:
    """At most `room` tokens of the piece, from a random place."""
    begin = int(rng.integers(max(0, len(piece) - room) + 1))
    return piece.cut(begin, min(len(piece), begin + room))


def _window(piece: Piece, start: int, end: int, room: int, rng: np.random.Generator) -> tuple[Piece, int, int]:
    """At most `room` tokens of the piece that hold tokens [start, end], and where these then stand."""
    if len(piece) <= room:
        return piece, start, end
    end = min(end, start + room - 1)
    begin = int(rng.integers(max(0, end + 1 - room), min(start, len(piece) - room) + 1))
    return piece.cut(begin, begin + room), start - begin, end - begin
