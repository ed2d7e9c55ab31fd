"""What of the evidence goes before the reader's eyes, and the way back from there to the exact characters.

The reader learnt from running prose, so every run of white space (a PDF's line ends, a code block's indentation)
becomes one space. Nothing else changes: each character of a passage is a character of its evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Evidence

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Passage:
    """What the reader sees of one evidence: `text[i]` stands at `evidence.text[offsets[i]]`."""

    evidence: Evidence
    text: str
    offsets: tuple[int, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The range of `evidence.text` behind the characters [start, end) of `text`; start < end."""
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"[{start}, {end}) is no range of a passage of {len(self.text)} characters")
        return self.offsets[start], self.offsets[end - 1] + 1


def augment(evidence: Sequence[Evidence]) -> tuple[Passage, ...]:
    """One passage for each evidence, in the same order."""
    return tuple(_passage(item) for item in evidence)


def _passage(evidence: Evidence) -> Passage:
    """The evidence with each run of white space as one space, standing where the run begins, and none at the ends."""
    pieces: list[str] = []
    offsets: list[int] = []
    for word in _WORD.finditer(evidence.text):
        if pieces:
            pieces.append(" ")
            offsets.append(offsets[-1] + 1)
        pieces.append(word[0])
        offsets.extend(range(word.start(), word.end()))
    return Passage(evidence, "".join(pieces), tuple(offsets))
