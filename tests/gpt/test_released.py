"""The released model: whole, within its size, and able to read what it was made for."""

from __future__ import annotations

import pytest

from gpt.budget import model_at, stage_configs
from gpt.config import RECIPES
from gpt.processor import Arithmetic, integers_are_exact
from gpt.reader import RELEASED, Reader

MAX_BYTES = 32 * 2**20

PASSAGE = (
    "Backpropagation is an algorithm that computes the gradient of a loss with respect to every weight of a network. "
    "It was popularised in 1986 by David Rumelhart, Geoffrey Hinton and Ronald Williams in a paper in the journal Nature. "
    "Training the network took 150 sweeps through the data."
)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was backpropagation popularised?", "1986"),
        ("What is backpropagation?", "an algorithm that computes the gradient"),
        ("How many sweeps through the data did training take?", "150"),
    ],
)
def test_it_reads_a_plain_passage(reader: Reader, question: str, answer: str) -> None:
    best = reader.read(question, [PASSAGE]).spans[0]
    assert answer in PASSAGE[best.start : best.end]
    assert best.end - best.start < 100


def test_what_is_there_is_more_probable_than_what_is_not(reader: Reader) -> None:
    there = reader.read("Who popularised backpropagation in 1986?", [PASSAGE]).answerable
    missing = reader.read("What is the capital of Mongolia?", [PASSAGE]).answerable
    assert there > 0.5 > missing


@pytest.mark.parametrize("kind", ["bfloat16", "int8"])
def test_each_arithmetic_reads_alike(reader: Reader, kind: Arithmetic) -> None:
    """A processor chooses one (gpt/processor.py); int8 here is slow where it would not choose it."""
    if kind == "int8" and not integers_are_exact():
        pytest.skip("this torch has no product of 8-bit integers")
    for question in (
        "When was backpropagation popularised?",
        "What is backpropagation?",
        "What is the capital of Mongolia?",
    ):
        exact, found = (Reader(reader.released, kind=k).read(question, [PASSAGE]) for k in ("float32", kind))
        if exact.answerable > 0.5:  # where nothing answers, places that do so equally badly may change
            assert (exact.spans[0].start, exact.spans[0].end) == (found.spans[0].start, found.spans[0].end)
        assert exact.spans[0].score == pytest.approx(found.spans[0].score, abs=0.5)
        assert exact.answerable == pytest.approx(found.answerable, abs=0.05)


def test_every_released_model_fits_its_recipe_and_its_size() -> None:
    folders = [folder for folder in RELEASED.iterdir() if folder.is_dir()]
    assert folders
    for folder in folders:
        released = Reader.load(folder).released
        recipe = RECIPES[released.name]
        assert released.model.config == model_at(recipe, list(stage_configs(recipe))[-1])
        assert released.training["recipe_fingerprint"] in (folder / "card.md").read_text()
        assert sum(file.stat().st_size for file in folder.iterdir()) <= MAX_BYTES
