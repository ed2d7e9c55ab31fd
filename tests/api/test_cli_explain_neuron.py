"""`studygpt explain neuron`: the released model's own numbers, readable on a narrow terminal."""

from __future__ import annotations

import pytest

from tests.api.cli_case import Run, run

__all__ = ["run"]


def test_the_default_shows_both_passes_in_eighty_columns(run: Run) -> None:
    outcome = run("explain", "neuron")
    assert (outcome.status, outcome.err) == (0, "")
    for words in ("FORWARD", "gate = sum of x * g", "h = silu(gate) * up =", "BACKWARD", "scalar engine", "WITHOUT IT"):
        assert words in outcome.out
    assert max(len(line) for line in outcome.out.splitlines()) <= 80


def test_json_holds_every_number_once_by_the_engine_and_once_by_torch(run: Run) -> None:
    found = run("explain", "neuron", "--layer", "2", "--neuron", "11", "--json").json
    assert (found["layer"], found["neuron"], found["engine_log_p"]) == (2, 11, None)
    assert found["answer"] in found["passage"]
    width = len(found["forward"]["x"])
    for slopes in (found["engine"], found["torch"]):
        assert [len(slopes[name]) for name in ("state", "x", "gate_weights", "up_weights", "out_weights")] == [
            width
        ] * 5
    assert found["gap"] < 1e-3
    assert found["engine"]["output"] == pytest.approx(found["torch"]["output"], rel=1e-3)


def test_an_earlier_layer_says_where_torch_helped(run: Run) -> None:
    asked = ("--question", "Who is the baker?", "--passage", "In this village the baker is Ada Brown.")
    out = run("explain", "neuron", "--layer", "1", *asked, "--model", "mini").out
    assert "More layers follow." in out
    assert "in layer 1" in out
    assert "the baker is Ada Brown." in out


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--layer", "99"), "layer 99 does not exist; this model counts them from 1 to"),
        (("--neuron", "99999"), "neuron 99999 does not exist"),
        (("--passage", ""), "the passage is empty"),
        (("--model", "nowhere"), "no model at nowhere"),
    ],
)
def test_what_does_not_exist_is_one_line(run: Run, argv: tuple[str, ...], complaint: str) -> None:
    assert complaint in run("explain", "neuron", *argv).complaint
