"""Questions that ask what something is, the passages that say so, and how far what they say reaches.

A search ranks passages by what they are about; of those about dropout most use it, and the one that says what it is may stand
anywhere among them. Sentences that define have few forms (Hildebrandt, Katz and Lin 2004, "Answering definition questions
using multiple knowledge sources"), so they can be told and moved up to where they are read; where there are none, those that
say what the thing does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from gpt.sentences import sentence_end, sentence_spans

T = TypeVar("T")
DEFINES, ACTS = 2, 1  # a passage says what a term is, or at least what it does

MAX_DEFINITION_CHARS = 300  # a longer sentence is left to the reader, who ends at a joint of it
MIN_REPEATED = 3  # letters of a term that are no answer; fewer may be its symbol
MAX_MOVED = 2  # passages that give way; the others stay as the search ranked them
IN_PLACE_WEIGHT = 2.0  # nats for a span that stands where a definition says what the term is
UNNAMED_WEIGHT = 4.0  # nats off a span whose sentence does not name the term (docs/log.md)
_ASKED = re.compile(
    r"\s*(?:what(?:'s|\s+is|\s+are|\s+does|\s+do)(?:\s+meant\s+by)?|how\s+(?:is|are))\s+"
    r"(?:an?\s+|the\s+)?(?P<term>[\w'’.+#-]+(?:\s+[\w'’.+#-]+){0,4}?)(?:\s+(?:mean|defined))?\s*[?.!]*\s*",
    re.IGNORECASE,
)
# "What is dropout used for?" asks something else.
_TAIL = re.compile(r"(?<!\S)(?:of|for|used|in|to|between|from|by|with|on|about)(?!\S)", re.IGNORECASE)
_MEANT = re.compile(r"\b(?:mean|defined)\b", re.IGNORECASE)
_SAYS = r"refers?\s+to|means?|denotes?|describes?|stands?\s+for"
_KINDS = r"(?:an?|any|the|one|when|how|what|defined|just)"  # what a predicate that defines begins with
_IS = rf"(?:(?:is|are|was|were)\s+(?:\w+ly\s+)?{_KINDS}|{_SAYS})\b"
_IS_BEFORE = rf"(?:(?:is|are|was|were)(?:\s+\w+ly)?(?:\s+(?:just|defined\s+as))?|{_SAYS})\s+$"
# What stands before the subject of a sentence, or of an item of a list: its end is where the subject begins.
_BEFORE_SUBJECT = re.compile(
    r"(?:\A|[.!?…:][\"”’')\]]*\s|\n\s*\n|\n\s*[#>-])[#>\s-]*(?:an?\s+|the\s+)?$", re.IGNORECASE
)
# Behind "dropout": what is no verb though it ends in s, "dropout layers" among it.
_NO_VERBS = frozenset("is was has as its this does us others layers units networks".split())
_KIND = re.compile(rf"{_KINDS}\b", re.IGNORECASE)
_SAID = re.compile(rf"(?:{_SAYS})\s+$", re.IGNORECASE)
_CALLED = r"\b(?:called|termed|known\s+as|referred\s+to\s+as)\s+(?:an?\s+|the\s+)?[\"“']?"
# "The idea of dropout is ..." says what the idea is.
_PART_OF = re.compile(
    r"\b(?:of|for|in|with|by|on|from|to|and|or|using|between|behind|about|than)\s+(?:an?\s+|the\s+|\w+\s)?$",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s[-*•]\s")  # of a list whose lines end without a stop; a dash parts clauses as well
_MARKS = re.compile(r"[*_`]+|\]\([^)\s]*\)|\[(?=\w)")  # Markdown's, which part a term from its verb


def asked_term(question: str) -> str | None:
    """What the question asks the meaning of ("What is a random forest?" -> "random forest"), or None."""
    asked = _ASKED.fullmatch(question)
    if asked is None or _TAIL.search(asked["term"]):
        return None
    if re.match(r"\s*(?:what\s+do|how)", question, re.IGNORECASE) and not _MEANT.search(question):
        return None
    term = asked["term"].rstrip(".")
    return term if re.search(r"\w", term) else None


def defines(text: str, term: str) -> bool:
    """Whether a sentence of the text has the form of one that says what the term is."""
    plain = _MARKS.sub("", text)
    if re.search(rf"{_CALLED}{_words(term)}(?!\w)", plain, re.IGNORECASE):
        return True
    said = re.finditer(rf"{_named(term)}{_IS}", plain, re.IGNORECASE)
    return any(not _PART_OF.search(plain, max(0, found.start() - 40), found.start()) for found in said)


def tells(text: str, term: str) -> int:
    """DEFINES if the text defines the term, ACTS if a sentence of it begins with the term and a verb ("Dropout sets some of its
    inputs to zero"), else 0."""
    if defines(text, term):
        return DEFINES
    plain = _MARKS.sub("", text)
    said = (found for found in re.finditer(_acts(term), plain, re.IGNORECASE) if found["verb"] not in _NO_VERBS)
    begins = any(_BEFORE_SUBJECT.search(plain, max(0, found.start() - 40), found.start()) for found in said)
    return ACTS if begins else 0


def whole_definition(text: str, start: int, end: int, term: str) -> tuple[int, int]:
    """(start, end) of all that is said of the term, if [start, end) is how that begins: behind "Dropout is", to the end of the
    clause; and where it stands behind another verb, as in "Dropout sets", with the verb. Of "its dropout. Dropout sets ..."
    the second sentence. Else the range as it is.

    A reader learnt from short answers and stops at "a technique"; who asked wants to know which one.
    """
    before = text[max(0, start - 200) : start]
    if not re.search(rf"{_named(term)}{_IS_BEFORE}", before, re.IGNORECASE):
        verb = re.search(rf"{_acts(term)}$", before, re.IGNORECASE)
        if verb is None or verb["verb"] in _NO_VERBS:
            return _said_next(text, start, end, term), end
        start -= len(before) - verb.start("verb")
    stop = sentence_end(text, end - 1)
    if item := _ITEM.search(text, end - 1, stop):
        stop = item.start()
    return start, stop if end < stop <= start + MAX_DEFINITION_CHARS else end


def _said_next(text: str, start: int, end: int, term: str) -> int:
    """Where a sentence begins inside [start, end) that has the term as its subject, if the range only names it before; else
    `start`."""
    for first, _ in sentence_spans(text):
        if start < first < end and re.match(_named(term), text[first:end], re.IGNORECASE):
            named = re.search(rf"(?<!\w){_words(term)}(?!\w)", text[start:first], re.IGNORECASE)
            return first if named else start
    return start


def worth(text: str, start: int, end: int, term: str) -> float:
    """Nats that the place of [start, end) is worth as an answer to what the term is: more behind "Dropout is", if a kind of
    thing follows, less in a sentence that does not name the term.

    A passage about SGD says many things of gradients, and to a reader "the gradient is a good estimate" fits the question.
    """
    first, stop = next(((a, b) for a, b in sentence_spans(text) if a <= start < b), (0, len(text)))
    if not re.search(rf"(?<!\w){_words(term)}(?!\w)", _MARKS.sub("", text[first : max(stop, end)]), re.IGNORECASE):
        return -UNNAMED_WEIGHT
    before = text[max(0, start - 200) : start]
    said = re.search(rf"{_named(term)}{_IS_BEFORE}", before, re.IGNORECASE)
    if said is None or _PART_OF.search(before, 0, said.start()):
        return 0.0
    return IN_PLACE_WEIGHT if _KIND.match(text, start) or _SAID.search(before) else 0.0


def repeats(text: str, term: str) -> bool:
    """Whether the text says the term, or a part of it, and nothing more: no answer to what it is."""
    said = _letters(text).removesuffix("s")
    return len(said) >= MIN_REPEATED and said in _letters(term)


def _letters(text: str) -> str:
    return re.sub(r"\W", "", re.sub(r"\b(?:an?|the)\b", "", text.casefold()))


def _words(term: str) -> str:
    words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", term) if word)
    return rf"{words}(?:e?s)?"


def _named(term: str) -> str:
    """The term as a subject: perhaps with its abbreviation, or as one, before its verb."""
    words = _words(term)
    return rf"(?:(?<=\(){words}\)|(?<!\w){words})(?:\s+\([^()]{{1,40}}\))?,?\s+"


def _acts(term: str) -> str:
    """The term as a subject, and its verb in the third person."""
    return rf"{_named(term)}(?-i:(?P<verb>[a-z]{{2,}}s))\s+"


def with_defining(ranked: Sequence[T], n: int, text_of: Callable[[T], str], term: str) -> list[T]:
    """The first `n`, of which the last ones give way to those further down that define the term, or, if these are too few,
    to those that say what it does: at most MAX_MOVED and only as many as the first `n` lack. The order stays."""
    graded = [(tells(text_of(one), term), one) for one in ranked]
    kept, further = graded[:n], graded[n:]
    moved: list[T] = []
    for least in (DEFINES, ACTS):
        lacking = min(MAX_MOVED, n - 1) - sum(grade >= least for grade, _ in kept) - len(moved)
        found = [one for grade, one in further if grade >= least and one not in moved][: max(0, lacking)]
        mute = sorted((i for i in range(1, len(kept)) if kept[i][0] < least), key=lambda i: (kept[i][0], -i))
        leaving = set(mute[: len(found)])
        kept = [one for i, one in enumerate(kept) if i not in leaving]
        moved += found
    return [*(one for _, one in kept), *moved]
