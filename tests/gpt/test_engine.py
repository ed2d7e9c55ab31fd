"""The engine beside the plain forward pass of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from gpt.config import GPTConfig
from gpt.engine import GROUP_TOKENS, Engine, _cores, _groups, _integers
from gpt.model import GPT, attention_mask
from gpt.processor import integers_are_exact
from gpt.quantize import dequantize_rows, quantize_rows

LENGTHS = [40, 7, 200, 200, 1, 129, 33, 256]

needs_integers = pytest.mark.skipif(not integers_are_exact(), reason="this torch has no product of 8-bit integers")


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    made = GPT(GPTConfig(depth=3, aspect=32, head_dim=32, vocab_size=320, context_len=256), torch.float32).eval()
    for block in made.blocks:  # they begin as zeros, which would add nothing
        for last in (block.attention.out, block.mlp.out):
            torch.nn.init.normal_(last.weight, std=last.weight.size(1) ** -0.5)
    return made


def rows(model: GPT) -> tuple[Tensor, Tensor, Tensor]:
    """ids, marks and the mask of rows of LENGTHS."""
    made = torch.Generator().manual_seed(1)
    T = max(LENGTHS)
    ids = torch.randint(0, 320, (len(LENGTHS), T), generator=made)
    marks = torch.randint(0, model.config.n_marks, ids.shape, generator=made)
    lengths = torch.tensor(LENGTHS)
    return ids, marks, attention_mask(lengths, lengths, T)


def test_states_are_those_of_the_padded_rows_under_a_mask(model: GPT) -> None:
    ids, marks, mask = rows(model)
    found = Engine(model)(ids, marks, LENGTHS)
    with torch.no_grad():
        expected = model(ids, marks, mask)
    for row, n in enumerate(LENGTHS):
        torch.testing.assert_close(found[row, :n], expected[row, :n], rtol=1e-4, atol=1e-4)
        assert not found[row, n:].any()


def test_what_is_read_beside_a_row_changes_nothing(model: GPT) -> None:
    ids, marks, _ = rows(model)
    engine = Engine(model)
    together = engine(ids, marks, LENGTHS)
    for row, n in enumerate(LENGTHS):
        alone = engine(ids[row : row + 1, :n], marks[row : row + 1, :n], [n])[0]
        torch.testing.assert_close(together[row, :n], alone, rtol=1e-5, atol=1e-5)


def test_in_bfloat16_they_are_close(model: GPT) -> None:
    ids, marks, _ = rows(model)
    exact, found = Engine(model)(ids, marks, LENGTHS), Engine(model, "bfloat16")(ids, marks, LENGTHS)
    assert found.dtype == torch.bfloat16
    assert _least_cosine(exact, found) > 0.995


@needs_integers
def test_in_integers_they_are_close(model: GPT) -> None:
    ids, marks, _ = rows(model)
    exact, found = Engine(model)(ids, marks, LENGTHS), Engine(model, "int8")(ids, marks, LENGTHS)
    assert found.dtype == torch.float32
    assert not torch.equal(exact, found)  # it is another arithmetic
    assert _least_cosine(exact, found) > 0.995


def _least_cosine(exact: Tensor, found: Tensor) -> float:
    pairs = [(exact[row, :n], found[row, :n].float()) for row, n in enumerate(LENGTHS)]
    return min(float(torch.cosine_similarity(a, b, dim=-1).min()) for a, b in pairs)


@needs_integers
def test_a_product_of_integers_is_that_of_both_sides_rounded() -> None:
    made = torch.Generator().manual_seed(2)
    x, w = torch.randn(50, 96, generator=made), torch.randn(70, 96, generator=made)
    x[3] *= 1000  # each token has its own scale
    x[7] = 0
    rounded = [dequantize_rows(*quantize_rows(side)).double() for side in (x, w)]
    found = _integers(w)(x)
    torch.testing.assert_close(found.double(), rounded[0] @ rounded[1].t(), rtol=1e-5, atol=1e-5)
    assert not found[7].any()
    error = (found - x @ w.t()).norm(dim=1) / (x @ w.t()).norm(dim=1).clamp(min=1)
    assert error.max() < 0.02


def test_the_engine_keeps_the_weights_it_was_made_of(model: GPT) -> None:
    ids, marks, _ = rows(model)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    Engine(model, "bfloat16")(ids, marks, LENGTHS)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("n_cores", [1, 2, 8])
@pytest.mark.parametrize("lengths", [LENGTHS, [GROUP_TOKENS + 1, 1], [5], [], [100] * 50])
def test_groups_hold_every_row_once_and_are_as_large_as_each_other(lengths: list[int], n_cores: int) -> None:
    groups = _groups(lengths, n_cores)
    assert sorted(row for group in groups for row in group) == list(range(len(lengths)))
    sums = [sum(lengths[row] for row in group) for group in groups]
    assert sums == sorted(sums, reverse=True)
    assert len(groups) % n_cores == 0 or len(groups) == len(lengths)  # each core has as many
    assert all(a - b <= max(lengths) for a in sums for b in sums)


@pytest.fixture
def cores() -> Iterator[Callable[[int], None]]:
    """Sets how many cores torch and the engine use, for one test."""
    before = torch.get_num_threads()

    def use(n: int) -> None:
        torch.set_num_threads(n)
        _cores.cache_clear()

    yield use
    use(before)


def test_on_any_number_of_cores_the_states_are_the_same(model: GPT, cores: Callable[[int], None]) -> None:
    ids, marks, _ = rows(model)
    found = []
    for n in (1, 3):
        cores(n)
        found.append(Engine(model)(ids, marks, LENGTHS))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_reading_leaves_other_threads_their_cores(model: GPT, cores: Callable[[int], None]) -> None:
    ids, marks, _ = rows(model)
    cores(2)
    Engine(model)(ids, marks, LENGTHS)
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 2
    used = _cores()
    assert used is not None
    assert [used.pool.submit(torch.get_num_threads).result() for _ in range(8)] == [1] * 8
    assert torch.get_num_threads() == 2


def test_what_fails_on_a_core_is_raised(model: GPT) -> None:
    ids, marks, _ = rows(model)
    with pytest.raises(IndexError, match="out of range"):
        Engine(model)(ids + model.config.vocab_size, marks, LENGTHS)
