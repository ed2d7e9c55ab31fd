"""Subtitles (SubRip .srt and WebVTT .vtt): what is said, in paragraphs that begin with their time.

A cue breaks off in the middle of a sentence, so cues are joined until a sentence ends or a pause follows; the time of
the first one stands before them in brackets. A place is the lines of the cues in the file.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import decode, title_of, without_surrogates
from indexer.loaders.html_text import Writer
from indexer.loaders.missing import numbered
from indexer.types import Extracted

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMES = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?![^ \t])")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>|<\d\d[\d:.]{0,12}>|\{\\[^{}\n]{0,80}\}")
_VOICE = re.compile(r"<v(?:\.[\w.]{0,80})?[ \t]+([^<>\n]{1,80})>")
_NOT_SAID = re.compile(r"(?:NOTE|STYLE|REGION|WEBVTT)(?![^ \t])")
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
_PAUSE_S = 3.0
_PARAGRAPH_S = 20.0  # a paragraph ends with the first sentence that ends after so long
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is said from `start` to `end`, in seconds: (line of the file, words) pairs; `line` has the times."""

    start: float
    end: float
    line: int
    said: tuple[tuple[int, str], ...]


def load(name: str, data: bytes) -> Extracted:
    """The words of a subtitle file, without marks and repeated lines. Raises LoadError."""
    text = decode(data)
    lines = text.split("\n")
    stray: list[int] = []
    cues = [cue for cue in _cues(lines, stray) if cue.said]
    if not cues:
        if not any(_TIMES.match(line) for line in lines):
            raise LoadError('the file has no subtitles: no line like "00:00:01,000 --> 00:00:02,000"')
        raise EmptyDocument("the subtitles have no words")
    writer = Writer()
    begun: _Cue | None = None
    last: _Cue | None = None
    for cue in cues:
        if begun is None or last is None or _ends_paragraph(begun, last, cue):
            begun = _begin(writer, cue)
        for line, words in cue.said:
            writer.at_line(line)
            writer.write(" " + words)
        last = cue
    written, anchors, blocks = writer.finish()
    media_type = "text/vtt" if text.startswith("WEBVTT") else "application/x-subrip"
    missing = (f"{numbered('line', stray)} left out: the words belong to no time",) if stray else ()
    return Extracted(written, title_of(name), media_type, anchors, blocks, missing)


def _begin(writer: Writer, cue: _Cue) -> _Cue:
    """Begins a paragraph with the time of its first cue."""
    writer.open("paragraph")
    writer.close()
    writer.at_line(cue.line)
    seconds = int(cue.start)
    writer.write(f"[{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}]")
    return cue


def _ends_paragraph(begun: _Cue, last: _Cue, cue: _Cue) -> bool:
    """Whether a cue begins a new paragraph."""
    if cue.start - last.end >= _PAUSE_S or cue.start - begun.start >= _LONGEST_S or cue.start < begun.start:
        return True
    return cue.start - begun.start >= _PARAGRAPH_S and bool(_SENTENCE_END.search(last.said[-1][1]))


def _cues(lines: Sequence[str], stray: list[int]) -> Iterator[_Cue]:
    """The cues in the order of the file; a line that the cue before showed as well is said once. The numbers of lines
    with words that belong to no cue go to `stray`.
    """
    number, shown = 0, frozenset[str]()
    while number < len(lines):
        times = _TIMES.match(lines[number])
        if not times:
            if _is_stray(lines, number):
                stray.append(number + 1)
            number = _after_note(lines, number)
            continue
        first = number
        number += 1
        said = []
        while number < len(lines) and lines[number].strip():
            words = _words(lines[number])
            if words:
                said.append((number + 1, words))
            number += 1
        new = tuple((line, words) for line, words in said if words not in shown)
        shown = frozenset(words for _, words in said)
        yield _Cue(_seconds(times.groups()[:4]), _seconds(times.groups()[4:]), first + 1, new)


def _after_note(lines: Sequence[str], number: int) -> int:
    """The line after one that is no time; the whole of a note or style sheet is passed over."""
    if _NOT_SAID.match(lines[number]):
        while number < len(lines) and lines[number].strip() and not _TIMES.match(lines[number]):
            number += 1
        return number
    return number + 1


def _is_stray(lines: Sequence[str], number: int) -> bool:
    """Whether a line outside of all cues has words: it is no note, and no name of the cue that begins under it."""
    if not _LETTER.search(lines[number]) or _NOT_SAID.match(lines[number]):
        return False
    return number + 1 == len(lines) or not _TIMES.match(lines[number + 1])


def _words(line: str) -> str:
    """A line of a cue without its marks; a voice's name is followed by a colon."""
    line = _TAG.sub("", _VOICE.sub(lambda voice: f"{voice[1].strip()}: ", line))
    return without_surrogates(" ".join(html.unescape(line).split())).replace("\0", "\ufffd")


def _seconds(time: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, part = time
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{part or 0}")
