"""Byte-level BPE: trained with the `tokenizers` library, run by `tiktoken.Encoding`.

Ids are laid out as [256 bytes | merges in the order learnt | special tokens]; every text round-trips, since every byte
is a token. Sources: Sennrich et al. 2016 (BPE), the GPT-2 report (byte level), tiktoken (ranks as merge order).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tiktoken

from gpt.errors import TokenizerError

PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The GPT-4 split with numbers cut into at most two digits (better at small vocabularies, nanochat's sweep)."""

SPECIALS = (
    *("<|pad|>", "<|end|>", "<|question|>", "<|passage|>", "<|answer|>", "<|mask|>"),
    *(f"<|reserved{i}|>" for i in range(10)),
)


@dataclass(frozen=True)
class Tokenizer:
    """Text to ids and back. `ranks[i]` are the bytes of token i; special tokens follow after the last rank."""

    ranks: tuple[bytes, ...]
    pattern: str = PATTERN

    @property
    def vocab_size(self) -> int:
        return len(self.ranks) + len(SPECIALS)

    @cached_property
    def special_ids(self) -> dict[str, int]:
        return {name: len(self.ranks) + i for i, name in enumerate(SPECIALS)}

    @cached_property
    def encoding(self) -> tiktoken.Encoding:
        return tiktoken.Encoding(
            name=f"studygpt-{self.fingerprint[:8]}",
            pat_str=self.pattern,
            mergeable_ranks={token: i for i, token in enumerate(self.ranks)},
            special_tokens=self.special_ids,
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of everything that decides the ids; a checkpoint carries it."""
        parts = [self.pattern, *SPECIALS, *(token.hex() for token in self.ranks)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def token_bytes(self) -> np.ndarray:
        """(vocab_size,) int64: bytes of text each id stands for; 0 for special tokens."""
        return np.array([len(token) for token in self.ranks] + [0] * len(SPECIALS), dtype=np.int64)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; the names of special tokens inside it are plain text."""
        return self.encoding.encode_ordinary(text)

    def encode_batch(self, texts: Sequence[str], num_threads: int = 2) -> list[list[int]]:
        return self.encoding.encode_ordinary_batch(list(texts), num_threads=num_threads)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; bytes that are not UTF-8 become U+FFFD."""
        return self.encoding.decode(list(ids), errors="replace")

    def stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Pieces of text as the ids arrive; a character split over several tokens comes out once it is whole."""
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for i in ids:
            if piece := decoder.decode(self.encoding.decode_single_token_bytes(i)):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def encode_with_offsets(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Ids (n,) and character offsets (n + 1,): token i covers text[offsets[i]:offsets[i + 1]].

        A token that begins inside a character starts at that character's offset, so its slice may be empty; the
        slices of consecutive tokens always join to the text.
        """
        ids = np.array(self.encode(text), dtype=np.int64)
        byte_offsets = np.concatenate([[0], np.cumsum(self.token_bytes[ids])])
        raw = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
        if len(raw) == len(text):  # ASCII: bytes are characters
            return ids, byte_offsets
        chars_before = np.concatenate([[0], np.cumsum((raw & 0xC0) != 0x80)])  # characters begun before each byte
        inside = np.concatenate([(raw & 0xC0) == 0x80, [False]])[byte_offsets]
        return ids, chars_before[byte_offsets] - inside

    def save(self, path: Path) -> None:
        tokens = [base64.b64encode(token).decode() for token in self.ranks]
        path.write_text(json.dumps({"format": 1, "pattern": self.pattern, "specials": SPECIALS, "tokens": tokens}))

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Raises TokenizerError when the file is missing, is not a tokenizer, or has other special tokens."""
        try:
            raw = json.loads(path.read_text())
            ranks = tuple(base64.b64decode(token) for token in raw["tokens"])
            specials, pattern = tuple(raw["specials"]), raw["pattern"]
        except FileNotFoundError:
            raise TokenizerError(f"no tokenizer at {path}; train one with `studygpt train tokenizer`") from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise TokenizerError(f"{path} is not a tokenizer file: {error!r}; train it again") from error
        if specials != SPECIALS or len(set(ranks)) != len(ranks):
            raise TokenizerError(f"{path} was made by another version of studygpt; train it again")
        return cls(ranks, pattern)


def train_tokenizer(texts: Iterable[str], vocab_size: int = 8192) -> Tokenizer:
    """Learns the merges from `texts`. Raises TokenizerError when the corpus is too small for `vocab_size`."""
    from tokenizers import Regex, models, pre_tokenizers, trainers
    from tokenizers import Tokenizer as HFTokenizer

    n_merges = vocab_size - 256 - len(SPECIALS)
    if n_merges < 0:
        raise TokenizerError(f"vocab_size {vocab_size} is below {256 + len(SPECIALS)}, the bytes and special tokens")
    hf = HFTokenizer(models.BPE())
    hf.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    hf.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=256 + n_merges, initial_alphabet=alphabet, show_progress=False),
    )
    merges = json.loads(hf.to_str())["model"]["merges"]
    if len(merges) < n_merges:
        raise TokenizerError(
            f"the corpus gives {len(merges)} merges of {n_merges}; give more text or a smaller vocab_size"
        )
    to_byte = byte_of_character()
    learnt = [bytes(to_byte[c] for c in "".join(pair)) for pair in merges]
    unique = list(dict.fromkeys(learnt))  # two pairs may spell the same token; the first one learnt keeps its rank
    single = [bytes([b]) for b in range(256)]
    missing = n_merges - len(unique)
    if missing:
        raise TokenizerError(f"{missing} merges repeat a token; train with a vocab_size {missing} larger")
    return Tokenizer(tuple(single + unique))


def byte_of_character() -> dict[str, int]:
    """The inverse of GPT-2's byte-to-character table, which `tokenizers` spells tokens with."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {chr(b): b for b in printable}
    others = [b for b in range(256) if b not in set(printable)]
    return table | {chr(256 + i): b for i, b in enumerate(others)}
