"""What of the evidence goes before the reader's eyes, and the way back from there to the exact characters.

The reader learnt from running prose, so it is shown prose: every run of white space (a PDF's line ends, a code block's
indentation) becomes one space, and headings, Markdown's emphasis marks and link targets are hidden. A heading repeats
the question's words without answering it, and attracts a reader; in code the same sign begins a comment, which stays. So
does a heading that is a question: it tells what the text under it answers, and the reader points at nothing in it. In
formats whose text has no marks of headings, those that the index names are looked for as lines of their own, and so are
numbered ones ("3.5.1 System management"), of which it names the outer ones only.
Nothing is added: each character of a passage is a character of its evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.types import Evidence

_WITH_HEADINGS = (".md", ".markdown", ".ipynb")
_WITH_LINES = (".html", ".htm", ".xhtml", ".epub", ".docx", ".tex", ".rst")  # their headings are lines, without marks
_WITH_NUMBERS = (".pdf",)  # headings are told by their looks there, which names may share; a number tells more
_NUMBERED = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?\s")
_SUBSECTION = re.compile(r"^[^\S\n]*\d+(?:\.\d+)+\.?[^\S\n]+[^\W\d_][^\n|]{0,100}(?<![.:;!?\s])[^\S\n]*$", re.MULTILINE)
_HEADING = re.compile(r"^(?P<mark>#{1,6}[ \t])(?:[^\n]*(?P<asks>\?)[ \t]*$|[^\n]*)", re.MULTILINE)
_MARKED = re.compile(  # everything but the group is hidden
    r"(?<![\w*])\*{1,3}(?=\S)(?P<emphasis>[^*\n]+?)(?<=\S)\*{1,3}(?![\w*])"
    r"|(?<!`)`(?P<code>[^`\n]+)`(?!`)"
    r"|!?\[(?P<link>[^\]\n]+)\]\([^)\s]+\)"
)


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
    """The evidence's visible characters, each run of white space as its first character made a space, none at the ends."""
    text, hidden = evidence.text, _hidden(evidence)
    pieces: list[str] = []
    offsets: list[int] = []
    for i, character in enumerate(text):
        if i in hidden:
            continue
        if not character.isspace():
            pieces.append(character)
            offsets.append(i)
        elif pieces and pieces[-1] != " ":
            pieces.append(" ")
            offsets.append(i)
    if pieces and pieces[-1] == " ":
        del pieces[-1], offsets[-1]
    return Passage(evidence, "".join(pieces), tuple(offsets))


def _hidden(evidence: Evidence) -> set[int]:
    """The places of the characters that are not shown; headings are, where a passage holds nothing else."""
    text = evidence.text
    hidden = {i for span in _headings(evidence) for i in range(*span)}
    if all(character.isspace() or i in hidden for i, character in enumerate(text)):
        hidden = set()
    for match in _MARKED.finditer(text):
        shown = range(*match.span(match.lastgroup or 0))
        hidden.update(i for i in range(*match.span()) if i not in shown)
    return hidden


def _headings(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """Where the headings of the text stand; of one that asks, the mark alone, if it has one."""
    text, path = evidence.text, evidence.path.lower()
    if path.endswith(_WITH_HEADINGS):
        for match in _HEADING.finditer(text):
            yield match.span("mark" if match["asks"] else 0)
    elif path.endswith(_WITH_LINES + _WITH_NUMBERS):
        numbered_alone = path.endswith(_WITH_NUMBERS)
        for heading in evidence.headings:
            if not heading.endswith("?") and (_NUMBERED.match(heading) or not numbered_alone):
                line = r"^[^\S\n]*" + r"\s+".join(map(re.escape, heading.split())) + r"[^\S\n]*:?[^\S\n]*$"
                yield from (found.span() for found in re.finditer(line, text, re.MULTILINE))
        if not numbered_alone:
            yield from (found.span() for found in _SUBSECTION.finditer(text))
