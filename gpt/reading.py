"""The reading task: how a question and its passages become one prompt, and where an answer may stand in it.

    <|question|> question <|passage|> first passage <|passage|> second ... <|question|> question <|answer|>

Attention is bidirectional over all of it. The answer is a first and a last token inside one passage; <|answer|> itself
stands for "not in the passages". Every token carries a mark, role * 4 + overlap: role is 0 for the question (and for
plain text), 1 for a passage; overlap says whether the token's word occurs on the other side: 0 no, 1 a shared stop word,
2 a shared stem, 3 a shared word (DrQA's strongest feature, Chen et al. 2017; worth 29 points of F1 in ten minutes of
training, docs/log.md).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gpt.errors import ConfigError, ContextTooLong
from gpt.model import attention_mask
from gpt.sentences import asking_spans
from gpt.span import TokenSpan, best_spans
from gpt.tokenizer import Tokenizer

STOP_WORDS = frozenset(
    """the a an of in on at to for and or is are was were be been do does did what which who whom whose when where why
    how many much that this it its by with from as has have had not""".split()
)
_WORD = re.compile(r"\w+")
_SUFFIXES = ("ing", "ed", "es", "s", "ly")
# Latin, Greek and Cyrillic letters and digits; scripts that put no blanks between words have no such bounds.
_OF_A_WORD = re.compile(r"[0-9A-Za-z\u00c0-\u024f\u0370-\u052f]")
PASSAGE_ROLE = 4
OVERHEAD_TOKENS = 3  # two <|question|> and one <|answer|>; each passage adds one <|passage|>


def stem(word: str) -> str:
    """The lower-case word without one common suffix, if at least three letters stay."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


@dataclass(frozen=True)
class Piece:
    """An encoded text. Token i covers text[offsets[i]:offsets[i + 1]].

    words, stems (n,) int64: the token's word and its stem as 32-bit checksums, 0 where the token is no word; stems are
    0 for stop words. stop (n,) bool.
    """

    ids: np.ndarray
    offsets: np.ndarray
    words: np.ndarray
    stems: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def cut(self, start: int, end: int) -> Piece:
        """Tokens [start, end); offsets still count from the text's beginning."""
        at = slice(start, end)
        return Piece(self.ids[at], self.offsets[start : end + 1], self.words[at], self.stems[at], self.stop[at])


def encode_piece(tokenizer: Tokenizer, text: str) -> Piece:
    """Ids of `text` and, for each token, the first word that ends after the token begins and starts before it ends."""
    ids, offsets = tokenizer.encode_with_offsets(text)
    found = [(m.start(), m.end(), m.group().lower()) for m in _WORD.finditer(text)]
    sums = np.array([_checksum(w) for *_, w in found] + [0], dtype=np.int64)
    stops = np.array([w in STOP_WORDS for *_, w in found] + [False])
    stems = np.array([0 if w in STOP_WORDS else _checksum(stem(w)) for *_, w in found] + [0], dtype=np.int64)
    starts = np.array([s for s, *_ in found] + [len(text) + 1])
    ends = np.array([e for _, e, _ in found] + [len(text) + 1])
    word = np.searchsorted(ends, offsets[:-1], side="right")
    word = np.where(starts[np.minimum(word, len(found))] < offsets[1:], word, len(found))
    return Piece(ids, offsets, sums[word], stems[word], stops[word])


def _checksum(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) or 1


def overlap(piece: Piece, others: Sequence[Piece]) -> np.ndarray:
    """(n,) int64 in 0..3: how each token of `piece` recurs in `others` (see the module's words on marks)."""
    words = np.concatenate([o.words for o in others]) if others else np.zeros(0, np.int64)
    stems = np.concatenate([o.stems for o in others]) if others else np.zeros(0, np.int64)
    same_word = np.isin(piece.words, words[words != 0])
    same_stem = np.isin(piece.stems, stems[stems != 0])
    return np.where(piece.stop, same_word * 1, np.where(same_word, 3, same_stem * 2))


@dataclass(frozen=True)
class Prompt:
    """One row to read. ids, marks (n,); passage i's tokens stand at [starts[i], starts[i] + lengths[i])."""

    ids: np.ndarray
    marks: np.ndarray
    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def build_prompt(tokenizer: Tokenizer, question: Piece, passages: Sequence[Piece]) -> Prompt:
    """The question, the passages, the question again, and <|answer|> at the end."""
    special = tokenizer.special_ids
    q, p, a = ([special[name]] for name in ("<|question|>", "<|passage|>", "<|answer|>"))
    asked = overlap(question, passages)
    ids: list[Sequence[int] | np.ndarray] = [q, question.ids]
    marks: list[Sequence[int] | np.ndarray] = [[0], asked]
    starts, at = [], 1 + len(question)
    for passage in passages:
        ids += [p, passage.ids]
        marks += [[PASSAGE_ROLE], PASSAGE_ROLE + overlap(passage, [question])]
        starts.append(at + 1)
        at += 1 + len(passage)
    ids += [q, question.ids, a]
    marks += [[0], asked, [0]]
    return Prompt(np.concatenate(ids), np.concatenate(marks), tuple(starts), tuple(len(x) for x in passages))


@dataclass(frozen=True)
class OnePassage:
    """A prompt with a single passage that stands whole in the window, and what it was made of."""

    question: Piece
    passage: Piece
    prompt: Prompt

    @classmethod
    def encode(cls, tokenizer: Tokenizer, question: str, passage: str, window: int) -> OnePassage:
        """Raises ContextTooLong when they exceed `window` tokens together, ConfigError when the passage holds nothing."""
        asked, piece = encode_piece(tokenizer, question), encode_piece(tokenizer, passage)
        if not len(piece):
            raise ConfigError("the passage is empty; give it words to answer from")
        size = 2 * len(asked) + len(piece) + OVERHEAD_TOKENS + 1
        if size > window:
            raise ContextTooLong(
                f"question and passage make a prompt of {size} tokens, the model reads {window}; shorten them"
            )
        return cls(asked, piece, build_prompt(tokenizer, asked, [piece]))


def padded_length(n: int, context_len: int) -> int:
    """The length to which a prompt of `n` tokens is padded: few different ones, so that compiled code is used again."""
    step = 16 if n <= 256 else 32
    return min(-(-n // step) * step, max(n, context_len))


@dataclass(frozen=True)
class PromptBatch:
    """Prompts padded to one length T. ids, marks (B, T) int64; allowed (B, T) bool: where an answer's tokens may stand,
    <|answer|> included; answer_at (B,) its position, the last one that is no padding."""

    ids: Tensor
    marks: Tensor
    allowed: Tensor
    answer_at: Tensor

    @classmethod
    def pad(cls, prompts: Sequence[Prompt], pad_id: int, length: int | None = None, device: str = "cpu") -> PromptBatch:
        """`length` tokens a row, at least the longest prompt's; None: its length rounded up to 16."""
        T = length or -(-max(len(p) for p in prompts) // 16) * 16
        ids = np.full((len(prompts), T), pad_id, np.int64)
        marks = np.zeros((len(prompts), T), np.int64)
        allowed = np.zeros((len(prompts), T), bool)
        for row, prompt in enumerate(prompts):
            n = len(prompt)
            ids[row, :n], marks[row, :n] = prompt.ids, prompt.marks
            for start, length in zip(prompt.starts, prompt.lengths, strict=True):
                allowed[row, start : start + length] = True
            allowed[row, n - 1] = True
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        on = [torch.from_numpy(x).to(device) for x in (ids, marks, allowed)]
        return cls(on[0], on[1], on[2], lengths - 1)

    @cached_property
    def mask(self) -> Tensor:
        """(B, 1, T, T) bool, as `attention_mask` makes it."""
        lengths = self.answer_at + 1
        return attention_mask(lengths, lengths, self.ids.size(1))

    @property
    def passage_tokens(self) -> Tensor:
        """(B, T) int64: 1 for a passage's tokens, as `best_spans` wants rows of a single passage."""
        return self.allowed.long().scatter(1, self.answer_at[:, None], 0)

    def at_answer(self, hidden: Tensor) -> Tensor:
        """(B, C): of the states (B, T, C) those at <|answer|>, which stands for "not in the passages"."""
        return hidden[torch.arange(len(hidden), device=hidden.device), self.answer_at]


def span_log_probs(span_logits: Tensor, allowed: Tensor) -> Tensor:
    """log P of the answer's first and last token, (B, T, 2), normalised over the allowed positions of a row."""
    return span_logits.masked_fill(~allowed[..., None], float("-inf")).log_softmax(dim=1)


def stretches(batch: PromptBatch, prompts: Sequence[Prompt], passages: Sequence[tuple[str, Piece]]) -> Tensor:
    """(B, T) int64 on the CPU: the tokens that an answer may begin and end at, each with the number, from 1, of the stretch
    of its passage that an answer may not leave; 0 for the others. `passages`: of each prompt the text, and the piece of it
    that stands there.

    Sentences that ask part the stretches: what asks, as a heading or an exercise may, answers nothing.
    """
    numbers = batch.passage_tokens.cpu()
    for row, (prompt, (text, piece)) in enumerate(zip(prompts, passages, strict=True)):
        if "?" in text:
            numbers[row, prompt.starts[0] : prompt.starts[0] + len(piece)] = torch.from_numpy(_between(text, piece))
    return numbers


def _between(text: str, piece: Piece) -> np.ndarray:
    """For each token of the piece the number of its stretch between the sentences of the text that ask; 0 inside these."""
    numbers = np.ones(len(piece), np.int64)
    for start, end in asking_spans(text):
        numbers[piece.offsets[:-1] >= start] += 1
        numbers[(piece.offsets[1:] > start) & (piece.offsets[:-1] < end)] = 0
    return numbers


def best_of_one(log_p: Tensor, batch: PromptBatch, read: OnePassage, passage: str, n: int) -> list[TokenSpan]:
    """The `n` best spans of the only prompt of a batch, in its tokens; log_p (1, T, 2). Raises ConfigError where nothing in
    the passage can be an answer."""
    spans = best_spans(log_p, stretches(batch, [read.prompt], [(passage, read.passage)]), n)[0]
    if not spans:
        raise ConfigError("the passage only asks, and nothing in it can be an answer; give one that says something")
    return spans


def whole_words(text: str, piece: Piece, first: int, last: int) -> tuple[int, int]:
    """Tokens [first, last] of a piece of `text`, and the others of the words that they begin and end in: a rare word has
    several tokens, and no answer begins or ends inside one."""

    def splits_a_word(at: int) -> bool:
        return 0 < at < len(text) and all(_OF_A_WORD.match(character) for character in text[at - 1 : at + 1])

    while first > 0 and splits_a_word(int(piece.offsets[first])):
        first -= 1
    while last + 2 < len(piece.offsets) and splits_a_word(int(piece.offsets[last + 1])):
        last += 1
    return first, last
