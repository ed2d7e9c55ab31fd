"""Types of arguments: what they take, and how they refuse."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from api.arguments import collection, folder, minutes, names, port, positive, words


def test_a_text_that_fits_becomes_its_value() -> None:
    assert (positive("7"), port("0"), port("65535"), words("Why? ∂"), collection("my notes")) == (
        7,
        0,
        65535,
        "Why? ∂",
        "my notes",
    )
    assert folder("~/notes") == Path.home() / "notes"
    assert (minutes("0.5"), minutes("10"), names("title, body,")) == (0.5, 10.0, ("title", "body"))


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (positive, "0", "0 is not at least 1"),
        (positive, "-3", "-3 is not at least 1"),
        (positive, "many", "'many' is not a whole number"),
        (positive, "1.5", "'1.5' is not a whole number"),
        (port, "65536", "'65536' is not a port"),
        (port, "-1", "'-1' is not a port"),
        (port, "http", "'http' is not a port"),
        (folder, " ", "the name of the folder is empty"),
        (minutes, "soon", "'soon' is not a number of minutes"),
        (minutes, "0", "0 is not above zero"),
        (minutes, "inf", "inf is not above zero"),
        (names, " ,", "names nothing"),
        (words, "caf\udce9", r"is not text in UTF-8"),
        (collection, "", "'' is no name"),
        (collection, "a\x1b[2J", "is no name"),
    ],
)
def test_a_text_that_does_not_fit_is_named(kind: Callable[[str], object], text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        kind(text)
