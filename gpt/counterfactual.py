"""Passages changed in a word of a question that they answered, by rule (counterfactual data, Kaushik et al. 2020).

gpt/mislead.py asks something else of the passage: who built the last lighthouse, where it tells of the first. Here the question
stays as a person asked it, and the passage tells of the last one. A reader overlooks that more often, above all where the
word that was changed stands elsewhere too, as in questions that people wrote to mislead (docs/log.md). The question with
the same change is answered by the changed passage, so that an odd word on either side does not tell that there is no answer.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from gpt.mislead import may_be_answered, twist
from gpt.sentences import sentence_spans
from gpt.twists import Draft, view_of, within
from gpt.wordpool import Pool

ATTEMPTS = 4
BESIDE_THE_ANSWER = 0.6  # the yardstick's; as it is, its figures can be compared with earlier ones


@dataclass(frozen=True)
class Counterfactual:
    """`context` does not answer the question that it was made for. It answers `question`, that one with the same change,
    with the same words as before, which begin at `start`. Where the word that was changed still stands elsewhere in it
    (`elsewhere`), a reader overlooks the change most."""

    question: str
    context: str
    start: int
    elsewhere: bool


def counterfactual(
    question: str,
    context: str,
    answer_at: tuple[int, int],
    pool: Pool,
    rng: random.Random,
    beside: float = BESIDE_THE_ANSWER,
) -> Counterfactual | None:
    """`context`, which answers `question` with its characters `answer_at`, changed in a word of the question, or None when
    no rule finds one. `pool` holds the words of the article. In the share `beside` of the passages that hold the word in other
    sentences, too, only the answer's is changed."""
    start, stop = answer_at
    answer = context[start:stop]
    for _ in range(ATTEMPTS):
        draft = twist(question, context, answer, pool, rng)
        if draft is None:
            return None
        if not _is_usable(draft, context, answer):
            continue
        before, after = context[:start], context[stop:]
        first, end = _sentence(context, start)
        places = [first <= m.start() < end for m in _words(draft.old).finditer(context)]
        if len(set(places)) == 2 and rng.random() < beside:
            rest = max(0, end - stop)
            before = before[:first] + _replace(before[first:], draft)
            after = _replace(after[:rest], draft) + after[rest:]
        else:
            before, after = (exchange(part, draft.old, draft.new) for part in (before, after))
        changed = before + answer + after
        if not _still_answers(question, draft, context, changed, answer):
            return Counterfactual(draft.text, changed, len(before), _words(draft.old).search(changed) is not None)
    return None


def exchange(text: str, one: str, other: str) -> str:
    """The text with `one` where `other` stood and the other way round, as whole words."""
    return _words(one, other).sub(lambda m: other if m.group() == one else one, text)


def _replace(text: str, draft: Draft) -> str:
    return _words(draft.old).sub(lambda _: draft.new, text)


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")


def _sentence(context: str, at: int) -> tuple[int, int]:
    return next(((s, e) for s, e in sentence_spans(context) if s <= at < e), (0, len(context)))


def _is_usable(draft: Draft, context: str, answer: str) -> bool:
    """Whether something was put in the place of words that the passage holds outside of the answer."""
    if not draft.old or not draft.new or draft.old == draft.new:
        return False
    in_answer = any(within(word.lower(), answer.lower()) for word in (draft.old, draft.new))
    return not in_answer and _words(draft.old).search(context) is not None


def _still_answers(question: str, draft: Draft, context: str, changed: str, answer: str) -> bool:
    """Whether the changed passage may answer the question all the same: by another form of the word, or elsewhere."""
    view = view_of(changed)
    if not within(draft.old, changed) and draft.new.lower() not in context.lower() and view.holds(draft.old):
        return True
    return may_be_answered(Draft(question, draft.new, draft.old), draft.text, answer, view)
