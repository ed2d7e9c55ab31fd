"""`studygpt explain reading`: the released model's own numbers, readable on a narrow terminal."""

from __future__ import annotations

import math

import pytest

from tests.api.cli_case import Run, run

__all__ = ["run"]

ASKED = ("--question", "Who is the baker?", "--passage", "In this village the baker is Ada Brown.")


def test_the_default_shows_four_views_in_eighty_columns(run: Run) -> None:
    outcome = run("explain", "reading")
    assert (outcome.status, outcome.err) == (0, "")
    for words in ("SPANS", "LAYER BY LAYER", "WORDS", "ATTENTION", "three", "researchers", "(not in the passage)"):
        assert words in outcome.out
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)


def test_json_holds_the_whole_reading(run: Run) -> None:
    found = run("explain", "reading", "--json", *ASKED).json
    best = found["spans"][0]
    assert found["passage"][best["start"] : best["end"]].strip() == "Ada Brown"
    assert len(found["first"]) == len(found["attention"]["weights"])
    assert found["attention"]["token"] == best["first"]
    assert math.isclose(sum(found["first"][-1]), 1, abs_tol=1e-3)
    strongest = max(found["words"], key=lambda word: word["effect"])
    assert "baker" in "".join(token["text"] for token in found["tokens"][strongest["first"] : strongest["last"] + 1])


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--passage", ""), "the passage is empty"),
        (("--passage", "word " * 5000), "shorten them"),
        (("--model", "nowhere"), "no model at nowhere"),
    ],
)
def test_what_does_not_exist_is_one_line(run: Run, argv: tuple[str, ...], complaint: str) -> None:
    assert complaint in run("explain", "reading", *argv).complaint
