"""Questions that a paragraph seems to answer and does not, made by rule from questions that it does answer.

The kinds are those that people wrote for SQuAD 2.0 (Rajpurkar et al. 2018, table 2): negation, an opposite, another entity or
number, something mutually exclusive, an impossible condition, and other content the paragraph does not tell of. One content
word or name of the question is changed for another of the same article, which the paragraph may lack or may hold
elsewhere. A change is given up when the sentence that holds the new word tells most of the rest of the question too.
"""

from __future__ import annotations

import random

from gpt.reading import STOP_WORDS
from gpt.twists import WAYS, WORD, Draft, View, key_of, view_of, within
from gpt.wordpool import Pool

_SHARED = 0.4  # of the rest of the question, in the new word's sentence: then it may be answered there


def mislead(question: str, context: str, answer: str, pool: Pool, rng: random.Random) -> str | None:
    """A question much like `question` that `context` does not answer, or None when no rule finds one.

    `answer` is what `context` answers `question` with; `pool` holds the words of the article.
    """
    draft = twist(question, context, answer, pool, rng)
    return None if draft is None else draft.text


def twist(question: str, context: str, answer: str, pool: Pool, rng: random.Random) -> Draft | None:
    """As `mislead`, with what was taken out of the question and what was put in."""
    view = view_of(context)
    order = sorted(WAYS, key=lambda maker: rng.random() ** (1 / maker[0]), reverse=True)
    for _, make in order:
        for draft in make(question, view, pool, rng):
            if _is_new(draft, question, answer) and not may_be_answered(draft, question, answer, view):
                return draft
    return None


# What a draft must hold.


def _is_new(draft: Draft, question: str, answer: str) -> bool:
    new, lower = draft.new.lower(), answer.lower()
    return draft.text != question and not (new and (within(new, lower) or within(lower, new)))


def may_be_answered(draft: Draft, question: str, answer: str, view: View) -> bool:
    """Whether some sentence with the new word tells of the rest of the question, so that it may hold an answer."""
    if not draft.new or not view.holds(draft.new):
        return False
    taken = {key_of(w) for w in WORD.findall(draft.old.lower())}
    rest = {k for w in WORD.findall(question.lower()) if w not in STOP_WORDS and (k := key_of(w)) not in taken}
    old, new, key = draft.old.lower(), draft.new.lower(), key_of(draft.new.lower())
    for text, keys in view.sentences:
        if not (key in keys if new.isalpha() else new in text):
            continue
        if answer.lower() in text:
            at, other = text.find(old), text.find(new)
            named = draft.new[:1].isupper() or draft.new[:1].isdigit()
            if not named or at < 0 or other < 0 or abs(at - other) < max(len(old), len(new)) + 20:
                return True
        elif len(rest & keys) > _SHARED * len(rest):
            return True
    return False
