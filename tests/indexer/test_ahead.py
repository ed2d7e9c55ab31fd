"""Drafts come in the order of their steps, made ahead but not too far, and what is given up is told so."""

from __future__ import annotations

import threading

import pytest

from indexer import ahead
from indexer.ahead import drafts
from indexer.errors import LoadError
from indexer.plan import Step
from indexer.records import Draft
from indexer.scan import Found

STEPS = [Step(Found(str(number), 10, 0), None) for number in range(20)]


def draft(step: Step) -> Draft:
    return Draft(step.found.path, "", "", b"", "", None, "", b"", (), (), (), (), False)


def test_drafts_and_errors_come_in_order() -> None:
    def make(step: Step, _given_up: threading.Event) -> Draft:
        if step.found.path in ("3", "4"):
            raise LoadError(f"no {step.found.path}")
        return draft(step)

    made = [
        (step.found.path, str(got) if isinstance(got, LoadError) else got.path) for step, got in drafts(STEPS, make)
    ]
    assert made == [(str(n), f"no {n}" if n in (3, 4) else str(n)) for n in range(20)]


def test_no_more_bytes_than_agreed_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 30)
    begun: list[str] = []

    def make(step: Step, _given_up: threading.Event) -> Draft:
        begun.append(step.found.path)
        return draft(step)

    for done, _ in enumerate(drafts(STEPS, make)):
        assert len(begun) <= done + 3


def test_what_is_in_the_making_is_given_up_when_the_iterator_is_closed() -> None:
    begun, seen = threading.Event(), threading.Event()

    def make(step: Step, given_up: threading.Event) -> Draft:
        if step.found.path != "0":
            begun.set()
            if given_up.wait(30):
                seen.set()
        return draft(step)

    making = drafts(STEPS, make)
    next(making)
    assert begun.wait(30)
    making.close()
    assert seen.is_set()


def test_another_error_is_raised() -> None:
    def make(step: Step, _given_up: threading.Event) -> Draft:
        raise KeyError(step.found.path)

    with pytest.raises(KeyError):
        list(drafts(STEPS, make))
