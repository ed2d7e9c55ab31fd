"""What must hold for any bytes, and random changes of bytes."""

from __future__ import annotations

import random

from indexer.chunk import chunk
from indexer.errors import LoadError
from indexer.loaders import load
from indexer.types import Extracted
from indexer.wire import decode, encode
from tests.indexer.fuzz.seeds import MAX_BYTES, Parser


def examine(parser: Parser, piece: bytes) -> bool:
    """Whether the loader reads the file as a document; it may refuse it, in one line, but do nothing else.

    A document's anchors and blocks lie in its text (the wire checks), and its chunks are what they say.
    """
    try:
        extracted = load(f"x{parser.suffix}", parser.wrap(piece))
        answer = encode(extracted)
    except LoadError as error:
        reason = str(error)
    else:
        _check(extracted, answer)
        return True
    assert reason.strip()
    assert "\n" not in reason
    return False


def _check(extracted: Extracted, answer: bytes) -> None:
    assert decode(answer) == extracted
    assert extracted.text.strip()
    for each in chunk(extracted, count_tokens=lambda text: len(text) // 4, budget_tokens=40):
        assert extracted.text[each.start : each.end] == each.text


def mutated(parser: Parser, rng: random.Random) -> bytes:
    """A seed after some changes: bytes and words put in, taken out, repeated, moved."""
    piece = bytearray(rng.choice(parser.seeds))
    for _ in range(rng.choice((1, 2, 4, 8, 32))):
        at = rng.randrange(len(piece) + 1)
        to = min(len(piece), at + rng.choice((1, 2, 8, 64)))
        match rng.randrange(7):
            case 0:
                piece[at:to] = b""
            case 1:
                piece[at:at] = rng.choice(parser.words)
            case 2:
                piece[at:at] = rng.choice(parser.words) * rng.choice((2, 10, 300))
            case 3:
                piece[at:to] = bytes(rng.randrange(256) for _ in range(to - at))
            case 4:
                piece[at:at] = piece[at:to] * rng.choice((1, 5, 100))
            case 5:
                other = rng.choice(parser.seeds)
                cut = rng.randrange(len(other) + 1)
                piece[at:at] = other[cut : cut + 40]
            case _ if at < len(piece):
                piece[at] ^= 1 << rng.randrange(8)
    return bytes(piece[:MAX_BYTES])
