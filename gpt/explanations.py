"""Questions that ask for an explanation, made from text by rule and answered by a clause of it: "Why ...?" by a reason or a
purpose, "How is X made?" by a way, "What is X used for?" by a use, "What does X do?" by its verb phrase, "What happens
if ...?" by an outcome, and "What is X?" by the predicate of a sentence anywhere in a passage.

Only sentences of plain build are read; most are left alone, for a wrong question teaches worse than none.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gpt.cloze import base_form
from gpt.recurring import articles_of, windows_of
from gpt.sentences import clause_end, sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion

MAX_ANSWER_CHARS, MIN_ANSWER_CHARS = 110, 12  # as a definition's (gpt/definitions.py)
MAX_OTHERS = 8  # passages of a document that explain nothing
_SUBJECT = (
    r"(?P<subject>(?!(?:It|They|This|These|He|She|There|That|Those|Such|Which|What|Here|We|I|You|One|Some|Others?|Both|Each)\b)"
    r"[A-Z][\w'’-]*(?: [\w'’/-]+){0,6}?)"
)
_BE = "is|are|was|were"
_AUXILIARY = f"{_BE}|can|could|may|might|must|should|will|would|has|have|had"
_PAST = r"[a-z]{3,}ed|became|began|chose|fell|gave|grew|held|kept|left|led|lost|made|moved|rose|saw|took|went|won|wrote"
_DOES = """allows avoids causes compares computes converts creates determines detects divides enables encodes ensures explains
    generates helps identifies improves increases learns lets maximizes minimizes multiplies normalizes performs predicts
    prevents produces protects provides reduces regulates removes replaces represents selects simplifies solves stabilizes
    transforms treats"""
_ALSO_NOUNS = """calls changes controls counts defines estimates maps marks measures models projects returns scales splits stores
    tests tracks turns updates uses"""  # a verb where an article follows
_ALSO_WHY = "contains needs requires keeps makes takes gives holds works fails has becomes remains differs follows appears means"
_FUNCTION = f"(?:{'|'.join(_DOES.split())}|(?:{'|'.join(_ALSO_NOUNS.split())})(?= (?:the|a|an|its|each|all|every)\\b))"
_PRESENT = "|".join([*_DOES.split(), *_ALSO_NOUNS.split(), *_ALSO_WHY.split()])
_GENERIC = re.compile(
    r"^(?:The|An?|Another|Its|Their|His|Her|Our)?\s?(?:result|reason|latter|former|first|second|last|goal|name|idea|problem|effect|"
    r"purpose|question|story|following|main|other|same|next|rest|author|authors|use|only|aim|answer|difference|paper|most|majority|"
    r"example|common|advantage|problem|issue)s?\b"
)
_PERSON = re.compile(
    r"\b(?:[Pp]resident|singer|actor|actress|player|politician|writer|author|professor|king|queen|emperor|philosopher|scientist|physicist|composer|"
    r"mathematician|director|artist|musician|footballer|poet|lawyer|journalist|comedian|painter|novelist|who)\b"
)
_NO_SUBJECT = re.compile(
    r"\b(?:who|which|that|whose|where|when|if|because|and|or|but|not|also|only|is|are|was|were|has|have|can|to|he|she|it|they|we)\b"
    r"|^(?:In|On|At|By|For|From|With|After|Before|During|Under|When|While|If|As|Since|Although|Despite|To|Of|Among|Because|However"
    r"|Thus|Therefore|Then|Today|Once|Later|Another|Even|Whether|Sometimes|Perhaps|Though|Until|Unlike|Like|Often|Our|My|His|Her"
    r"|Its|Their)\b|^\w+ly\b|\b(?:\w+ly|itself)$"
)  # fmt: skip


@dataclass(frozen=True)
class Explanation:
    """A question and where the clause that answers it stands in its sentence."""

    question: str
    start: int
    end: int


_Rule = Callable[[re.Match[str], str], "Explanation | None"]


def explain(sentence: str) -> Explanation | None:
    """The explanation that the sentence holds, or None when it does not read as one."""
    if '"' in sentence or "“" in sentence or ":" in sentence:
        return None
    for pattern, rule in _RULES:
        match = pattern.match(sentence)
        subject = match.groupdict().get("subject") or "" if match else ""
        if match is not None and not _NO_SUBJECT.search(subject) and not _GENERIC.match(subject):
            found = rule(match, sentence)
            if found is not None and found.end - found.start >= MIN_ANSWER_CHARS:
                return found
    return None


def explanation_articles(texts: Iterable[str], max_questions: int, seed: int) -> list[Article]:
    """At most `max_questions` questions as `articles_of` documents."""
    rng = random.Random(seed)
    return articles_of(
        texts, max_questions, "Explanation", lambda text, number, limit: _paragraphs(text, number, limit, rng)
    )


def _paragraphs(text: str, number: int, limit: int, rng: random.Random) -> list[Paragraph]:
    """The passages of a document that explain something, and some of those that do not, which a reader could be misled by."""
    made: list[Paragraph] = []
    others: list[Paragraph] = []
    for place, window in enumerate(windows_of(text)):
        questions = _questions(window, f"explanation-{number}-{place}", rng)[:limit]
        limit -= len(questions)
        (made if questions else others).append(Paragraph(window, tuple(questions)))
    return [*made, *rng.sample(others, min(len(others), MAX_OTHERS))] if made else []


def _questions(window: str, identity: str, rng: random.Random) -> list[SquadQuestion]:
    made = []
    for start, end in sentence_spans(window):
        found = explain(window[start:end])
        if found is not None:
            first, second = (*window[start:end].split(" ", 2), "")[:2]
            if (
                first[1:].islower() and second.islower() and re.search(rf"\b{re.escape(first.lower())}\b", window)
            ):  # no name, for it is written small
                found = replace(found, question=found.question.replace(f" {first}", f" {first.lower()}", 1))
            at, answer = start + found.start, window[start + found.start : start + found.end]
            question = _as_typed(found.question, rng)
            made.append(SquadQuestion(f"{identity}-{start}", question, window, (answer,), (at,), False, identity))
    return made


def _as_typed(question: str, rng: random.Random) -> str:
    """One in eight as people type: small letters at the beginning and no mark at the end."""
    return question if rng.random() > 0.125 else question[0].lower() + question[1:].rstrip("?")


def _answer(question: str, sentence: str, match: re.Match[str]) -> Explanation | None:
    """The question with the clause that begins where the match's answer does, and ends no later."""
    question = " ".join(question.split()).rstrip(" ,;.")
    start, end = match.span("answer")
    tail = _TAIL.search(sentence, start + MIN_ANSWER_CHARS, end)
    end = min(tail.start() if tail else end, clause_end(sentence, start, MAX_ANSWER_CHARS))
    if _DANGLING.search(question) or not 3 <= len(question.split()) <= 22:
        return None
    return Explanation(question + "?", start, end)


def _small(subject: str) -> str:
    """The subject inside a sentence: its article or quantifier in small letters, and a common noun that is written so."""
    first = subject.split(" ", 1)[0]
    common = first in (
        "The",
        "A",
        "An",
        "All",
        "Many",
        "Most",
        "Several",
        "Its",
        "Their",
        "His",
        "Her",
        "Our",
        "Any",
        "Every",
        "No",
    )
    return subject[0].lower() + subject[1:] if common else subject


def _why(match: re.Match[str], sentence: str) -> Explanation | None:
    """ "X was left because it burned" -> "Why was X left?"."""
    inverted = _inverted(match)
    return None if inverted is None else _answer(f"Why {inverted}", sentence, match)


def _inverted(match: re.Match[str]) -> str | None:
    """The statement as a question asks it, without its question word; None when its verb may be no verb."""
    subject, verb, rest = _small(match["subject"]), match["verb"], match["rest"]
    if verb in ("has", "have", "had") and re.match(r"(?:a|an|the|no|many|more|few|its|to)\b", rest):
        return f"{'did' if verb == 'had' else 'does' if verb == 'has' else 'do'} {subject} have {rest}"
    if re.fullmatch(_AUXILIARY, verb):
        return f"{verb} {subject} {rest}"
    if re.search(r"\b(?:is|are|was|were|has|have)\b", rest):
        return None
    return (
        f"did {subject} {_base(verb)} {rest}"
        if re.fullmatch(_PAST, verb)
        else f"does {subject} {_one_to_base(verb)} {rest}"
    )


def _how(match: re.Match[str], sentence: str) -> Explanation | None:
    """ "X is computed by summing ..." -> "How is X computed?"."""
    inverted = _inverted(match)
    return None if inverted is None else _answer(f"How {inverted}", sentence, match)


def _used_for(match: re.Match[str], sentence: str) -> Explanation | None:
    return _answer(f"What {match['verb']} {_small(match['subject'])} used for", sentence, match)


def _does(match: re.Match[str], sentence: str) -> Explanation | None:
    plain = " " not in match["subject"] and match["subject"].endswith("s")
    many = len(match["subject"].split()) > 5
    return None if plain or many else _answer(f"What does {_small(match['subject'])} do", sentence, match)


def _works(match: re.Match[str], sentence: str) -> Explanation | None:
    verb = {"works": "does", "work": "do", "worked": "did"}[match["verb"]]
    return _answer(f"How {verb} {_small(match['subject'])} work", sentence, match)


def _happens(match: re.Match[str], sentence: str) -> Explanation | None:
    if not _CONDITION.match(match["condition"]) or re.search(
        r"\b(?:he|she|they|it|his|her|we|you)\b", match["condition"], re.I
    ):
        return None
    tense = "happened" if re.search(rf"\b(?:was|were|had|{_PAST})\b", match["condition"]) else "happens"
    return _answer(f"What {tense} {match['joint'].lower()} {match['condition']}", sentence, match)


def _what(match: re.Match[str], sentence: str) -> Explanation | None:
    """ "An X is a Y that ..." -> "What is an X?"."""
    if len(match["subject"].split()) > 4:
        return None
    single = match["verb"] == "was" and " " not in match["subject"]
    if single and not _PERSON.search(match["answer"][:60]):  # mostly a person after all
        return None
    word = "Who" if _PERSON.search(match["answer"][:60]) and match["verb"] in ("is", "was") else "What"
    return _answer(f"{word} {match['verb']} {_small(match['subject'])}", sentence, match)


def _base(past: str) -> str:
    irregular = {"chose": "choose", "fell": "fall", "grew": "grow", "kept": "keep", "lost": "lose", "rose": "rise"}
    return irregular.get(past) or base_form(past)


def _one_to_base(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes")) else verb[:-1]


_DANGLING = re.compile(
    r"\b(?:that|as|in|of|to|the|a|by|and|or|is|are|be|but|only|partly|largely|mainly)$| as (?:he|she|they|it)\b", re.I
)
_TAIL = re.compile(  # where another statement begins
    r", (?:and|but|so|yet|or|nor) (?:the|a|an|it|he|she|they|we|most|many|some|[A-Z]\w+) |, (?:it|he|she|they|we|there|this) "
    r"| (?:and|but) (?:is|was|are|were|has|have|had|can|could|will|therefore|thus|also|so) |, and [a-z]+s (?:the|a|an|to) "
)
_CONDITION = re.compile(
    r"(?!this|these|such)(?:the|a|an|two|all|no|[A-Z]\w+|\w+s) [\w' -]*"
    rf"\b(?:is|are|was|were|has|have|had|can|becomes?|{_PRESENT}|{_PAST})\b"
)
_VERB = rf"(?P<verb>{_AUXILIARY}|{_PAST}|{_PRESENT})"
_REST = r"(?P<rest>[^,;()]{4,90}?)"
_DONE = r"(?P<rest>(?:be )?(?:usually |often |typically )?[a-z]{3,}(?:ed|en|wn|ilt|ade|und)(?: [^,;()]{3,50}?)?)"
_KIND_OF = r"(?:a|an|any|one of the|the (?:\w+ ){1,2}(?:of|that|in which)) "
_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (rf"{_SUBJECT} {_VERB} {_REST},? because (?!of )(?P<answer>.+)$", _why),
        (rf"{_SUBJECT} {_VERB} {_REST},? (?:because of|due to|owing to) (?P<answer>.+)$", _why),
        (
            r"(?:Because|Since) (?P<answer>[^,;]{12,110}), (?P<subject>(?:the|a|an|[A-Z])[\w'’ -]{2,40}?) "
            + rf"{_VERB} {_REST}[.,;]",
            _why,
        ),
        (rf"{_SUBJECT} {_VERB} {_REST} (?P<answer>(?:in order to|so that|so as to) .+)$", _why),
        (rf"{_SUBJECT} (?P<verb>{_AUXILIARY}) {_DONE} (?P<answer>by [a-z]{{3,}}ing (?!to |of ).+)$", _how),
        (rf"{_SUBJECT} (?P<verb>{_BE}) (?:also )?used (?P<answer>(?:to [a-z]+|for) (?!this|that|these).+)$", _used_for),
        (r"(?P<joint>If|When) (?P<condition>[^,;()]{12,80}), (?:then )?(?P<answer>(?:the|a|an) [^;]+)$", _happens),
        (rf"{_SUBJECT} (?P<verb>{_BE}) (?P<answer>{_KIND_OF}.+)$", _what),
        (rf"{_SUBJECT} (?P<answer>(?P<verb>{_FUNCTION}) [a-z].+)$", _does),
        (rf"{_SUBJECT} (?P<verb>works|work|worked) (?P<answer>by [a-z]{{3,}}ing .+)$", _works),
    )
)
