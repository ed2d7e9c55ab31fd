"""A sentence with a hole -> a question that the hole's text answers (in the manner of Lewis et al. 2019, by rule alone).

The clause around the span is kept; a subject gives way to its question word ("Who wrote ..."); with an auxiliary or a past
form the question word goes to the front ("In what year was X built?", "What did X build?"); else it stays where the
span was ("X led to what?").
"""

from __future__ import annotations

import random
import re

from gpt.names import BODY, EVENT, PERSON, PLACE, head_of

YEAR_KIND, DATE, NUMBER, TERM = "year", "date", "number", "term"
MAX_WORDS, MIN_WORDS, MIN_CONTENT = 20, 4, 3
IN_PLACE = 0.6  # of the questions that can only be asked with the question word inside
_JOINT = re.compile(
    r"; |: | – | — |, (?:which|who|whom|whose|where|and|but|although|though|while|whereas|so|because|with|including)\b"
)
_NEW_CLAUSE = re.compile(
    r"(?:; |, (?:and|but|while|whereas|although|so|because) )(?=(?:the|a|an|it|he|she|they|[A-Z]\w+) )"
)
_ASIDE = re.compile(r" ?\([^()]*\)| ?\[[^\]]*\]|(?<=\w), (?:however|therefore|thus|too|though|then|for example),")
_OPENING = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|In addition|Also|Finally|Today|Additionally|Then|And|But), ?"
)
_DETERMINER = re.compile(r"(?:^|(?<=\s))(?:the|a|an|this|these|its|their|his|her)\s+$", re.I)
_AUXILIARY = re.compile(r" (is|are|was|were|has|have|had|can|could|will|would|may|must|should|did) ")
_PAST = re.compile(
    r" ([a-z]{2,}ed|became|wrote|made|took|won|led|began|held|gave|went|left|built|found|saw|came|fought) "
)
_BASES = dict(
    pair.split()
    for pair in """became become, wrote write, made make, took take, won win, led lead, began begin, held hold, gave give, went
    go, left leave, built build, found find, saw see, came come, fought fight""".split(",")
)
_SILENT_E = re.compile(
    r"(?:at|iz|is|uc|ur|os|us|as|ps|rs|ns|v|c|rg|ng|dg|ir|gu|id|ud|ag|ar|pl|bl|tl|ok|ak|ik|op|ut|u|um|ot|ov|fin|lin|mbin)ed$"
)
_DOUBLED = re.compile(r"([bdgmnprt])\1ed$")
_NO_SUBJECT = re.compile(
    r"\b(?:who|which|that|whose|where|when|if|as|because)\b"
    r"|^(?:(?:in|on|at|by|for|from|with|after|before|during|under|when|while|if|as|since|there|although|despite|to|among"
    r"|between|of|both|not|here|due|though|until|unlike|such|further|about|over)|[a-z]+ly|[a-z]+ing)\b",
    re.I,
)
_TIME_PLACE = frozenset("in on at since during near around inside within".split())
_PREPOSITION = frozenset(
    "of in on at by for from with to into over under between against through about near as than".split()
)
_FUNCTION = _PREPOSITION | frozenset(
    """and or but is are was were has have had can could will would may must should did do does that which who where when while
    if because so then also not only be been being during after before until since within without under among via out up
    off down away back along across per both either alone himself itself themselves became made took""".split()
)
_PART_OF_MORE = re.compile(r"[A-Z0-9][\w.]* \||[\w.$£€#(\"“–-]\||\|[\w%°-]|\| [A-Z0-9]|\|/")  # | is the span
_KEEPS_CAPITAL = re.compile(
    r"^(?:The|A|An|This|These|Its|Their|His|Her|Our|All|Other|Various|Each|Every|No|Some|Many|Most|Several|He|She|It|They|We|One|Two)\b"
)


def ask(sentence: str, start: int, end: int, kind: str, rng: random.Random) -> str | None:
    """The question that sentence[start:end], which names a `kind` of thing, answers; None when too little is left of the
    sentence, or too much."""
    before, after = _clause(sentence, start, end)
    words = (before + after).split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS or _PART_OF_MORE.search(f"{before}|{after}"):
        return None
    if sum(len(w) > 3 and w.lower() not in _FUNCTION for w in words) < MIN_CONTENT:
        return None
    bare = _DETERMINER.sub("", before)
    if (
        kind == TERM and bare == before and before and before.split()[-1].lower() not in _FUNCTION
    ):  # an adjective's noun
        return None
    word = _question_word(sentence[start:end], kind, rng)
    if kind == NUMBER:
        counted = re.match(r" (?:[a-z]+ )?[a-z]+s\b", after)
        if counted is None:
            return None
        word, after = "how many" + counted.group(), after[counted.end() :]
    asked = _subject(bare, after, word) or _fronted(bare, after, word, kind, rng)
    if asked is None:
        if rng.random() > IN_PLACE or "," in before + after:
            return None
        asked = f"{bare}{'which' if _adjunct(after) and kind != PERSON else word}{after}"
    if asked.count('"') % 2 or asked.count("(") != asked.count(")"):
        return None
    asked = re.sub(r"\s+", " ", asked).strip(" ,;:-")
    return asked[:1].upper() + asked[1:] + "?"


def _adjunct(after: str) -> bool:
    """Whether the span only qualifies a noun that follows ("the Bolshevik revolution")."""
    following = re.match(r" ([a-z]+)", after)
    return following is not None and following[1] not in _FUNCTION and not following[1].endswith(("ed", "ing", "ly"))


def _clause(sentence: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after the span in its clause, without asides and closing marks."""
    begin = max((m.end() for m in _NEW_CLAUSE.finditer(sentence, 0, start)), default=0)
    stop = _JOINT.search(sentence, end)
    close = stop.start() if stop else len(sentence)
    if len((sentence[begin:start] + sentence[end:close]).split()) < MIN_WORDS + 1:
        close = len(sentence)
    before = _OPENING.sub("", _ASIDE.sub("", sentence[begin:start]))
    after = _ASIDE.sub("", sentence[end:close]).rstrip(" .!?;:,\"”'")
    return before, after


def _question_word(span: str, kind: str, rng: random.Random) -> str:
    head = head_of(span)
    if head is not None and rng.random() < 0.6:
        return f"which {head}"
    words = {
        PERSON: ("who",),
        PLACE: ("what place",),
        BODY: ("which organization", "what"),
        EVENT: ("what event", "what"),
        YEAR_KIND: ("what year",),
        DATE: ("what date", "which day"),
        TERM: ("what",),
    }
    return rng.choice(words.get(kind, ("what",)))


def _subject(before: str, after: str, word: str) -> str | None:
    """The span opens its clause: the question word takes its place."""
    if before.strip():
        return None
    if re.match(r"['’]s [a-z]", after):
        return ("Whose" if word == "who" else f"{word}'s") + after[2:]
    if re.match(r" [a-z]+", after) and after.split()[0] not in _PREPOSITION | {"and", "or"}:
        return word + after
    return None


def _fronted(before: str, after: str, word: str, kind: str, rng: random.Random) -> str | None:
    """The question word goes to the front and the auxiliary, or "did", before the subject."""
    auxiliary, past = _AUXILIARY.search(before + " "), _PAST.search(before + " ")
    verb = min((m for m in (auxiliary, past) if m), key=lambda m: m.start(), default=None)
    if verb is None or (verb is past and auxiliary) or _adjunct(after) or re.match(r"['’]s?\b", after):
        return None
    subject, middle = before[: verb.start()], before[verb.end() :]
    if (
        re.search(r"\b(?:and|or)$", middle.strip())
        or "," in subject
        or not subject
        or len(subject.split()) > 9
        or _NO_SUBJECT.search(subject)
    ):
        return None
    if _KEEPS_CAPITAL.match(subject):
        subject = subject[0].lower() + subject[1:]
    helper, main = (verb[1], "") if verb is auxiliary else ("did", base_form(verb[1]) + " ")
    last = middle.split()[-1] if middle.split() else ""
    if last in _TIME_PLACE and kind in (YEAR_KIND, DATE, PLACE):
        middle = middle.rstrip()[: -len(last)]
        word = {YEAR_KIND: "in what year", DATE: "on what date", PLACE: "where"}[kind]
        word = "when" if kind != PLACE and rng.random() < 0.5 else word
    return f"{word} {helper} {subject} {main}{middle.rstrip()}{after}"


def base_form(past: str) -> str:
    """The base form of an English past, by its spelling."""
    if past in _BASES:
        return _BASES[past]
    if past.endswith("ied"):
        return past[:-3] + "y"
    if _DOUBLED.search(past):
        return past[:-3]
    return past[:-1] if _SILENT_E.search(past) else past[:-2]
