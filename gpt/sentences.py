"""Where the sentences of a text and their clauses begin and end, by rule."""

from __future__ import annotations

import re

_BREAK = re.compile(r"[.!?…]+[\"”'’)\]]*\s+(?=[\"“'‘(\[]?[A-Z0-9])")
_LOOSE_BREAK = re.compile(r"[.!?…]+[\"”'’)\]]*(?=\s)")
_LETTER = re.compile(r"[^\W\d_]")
_STOP = re.compile(r"(?<=[\w)\]\"”%'’])[.;?!](?=[\s\"”)]|$)")
_JOINTS = tuple(  # the best first: the last one of the first kind found ends a clause that is too long
    re.compile(pattern)
    for pattern in (
        r", (?:which|who|whose|where|when|whereas|while|but|although|so that|especially|particularly|including|such as)\b",
        r" (?:which|who|whose|where|such that|so that|in which|by which|for which|because|whereas|such as)\b| [–—] | \(",
        r" (?:that|used|using|based|consisting|involving|when|if) | to [a-z]+ (?:the|a|an|its|their) ",
        r",? (?:or|as well as) (?:a|an|the|of|to|in|for) |,? and (?:a|an|the|of|to|in|for|by|is|are|was|has) ",
        r" (?:for|from|with|by|between|through|under|on|in|at|during|within) ",
        r", ",
    )
)
_DANGLING = re.compile(
    r"[ ,]+(?:a|an|the|of|and|or|to|in|for|by|with|from|that|which|such|as|its|their|is|are|was|were|on|at|e\.g|i\.e|especially"
    r"|usually|often|typically|primarily|mainly|including|in order)$"
)
_OPEN_PARTICIPLE = re.compile(r" \w+ed(?= (?:by|as|in|to) ?$)")
_LAST_WORD = re.compile(r"(\S+)$")
_ABBREVIATIONS = frozenset(
    """mr mrs ms dr st mt ft sr jr prof gen col lt sgt capt rev hon gov sen rep pres no vol vs fig eq etc cf al ca c inc
    ltd co corp dept est approx jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e u.s u.k u.n d.c a.m p.m""".split()
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, its closing mark included and the blanks between sentences not.

    A line that ends is no sentence's end by itself; a stop after an abbreviation, an initial or a list's number is none.
    """
    spans, begin = [], 0
    for found in _BREAK.finditer(text):
        if found.group().startswith(".") and _abbreviated(text[begin : found.start()]):
            continue
        end = found.start() + len(found.group().rstrip())
        spans.append((begin, end))
        begin = found.end()
    end = len(text.rstrip())
    begin += len(text[begin:]) - len(text[begin:].lstrip())
    return [*spans, (begin, end)] if end > begin else spans


def asking_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence that ends in a question mark, the blanks before it included.

    What is written without capitals `sentence_spans` takes for one sentence; there every stop ends one.
    """
    spans, before = [], 0
    for start, end in sentence_spans(text):
        letter = _LETTER.search(text, start, end)
        stops = _LOOSE_BREAK.finditer(text, start, end - 1) if letter and letter[0].islower() else ()
        stop_ends = [m.end() for m in stops if m[0] != "." or not _abbreviated(text[start : m.start()])]
        for behind in (*stop_ends, end):
            if text[behind - 1] == "?":
                spans.append((before, behind))
            before = behind
    return spans


def sentence_end(text: str, start: int) -> int:
    """Where the sentence that holds `start` ends, before its closing mark; a semicolon ends it too."""
    word = start  # where the word begins that `start` may lie in
    while word and not text[word - 1].isspace():
        word -= 1
    for found in _STOP.finditer(text, start):
        if found.group() != "." or not _abbreviated(text[word : found.start()]):
            return found.start()
    return len(text)


def clause_end(text: str, start: int, max_chars: int) -> int:
    """Where what begins at `start` ends: with its sentence, or when that is longer than `max_chars` at the joint that leaves
    the most whole phrase; `start` when no joint does."""
    end = sentence_end(text, start)
    if end - start > max_chars:
        end = next((at for joint in _JOINTS if (at := _last(joint, text, start, max_chars)) > start), start)
    clause = text[start:end]
    if clause.count("(") > clause.count(")"):
        clause = clause[: clause.rindex("(")]
    while found := _DANGLING.search(clause) or _OPEN_PARTICIPLE.search(clause + text[start + len(clause) :][:4]):
        clause = clause[: found.start()]
    return start + len(clause.rstrip(" ,;:–—-"))


def _last(joint: re.Pattern[str], text: str, start: int, max_chars: int) -> int:
    """The last place of the joint that leaves at least a third of `max_chars`; `start` when there is none."""
    places = [m.start() for m in joint.finditer(text, start + max_chars // 3, start + max_chars)]
    return places[-1] if places else start


def _abbreviated(before: str) -> bool:
    last = _LAST_WORD.search(before)
    if last is None:
        return True
    word = last[1].lstrip("(\"“'‘[")
    return (
        word.lower() in _ABBREVIATIONS
        or bool(re.fullmatch(r"[A-Z](\.[A-Z])*|\d{1,2}", word) and last.start() < 3)
        or (len(word) == 1 and word.isupper() and word != "I")
    )
