"""Batches that are made ahead are the batches that would have been made when asked."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor

from gpt.prefetch import Prefetch


def make(step: int) -> tuple[Tensor, Tensor]:
    return torch.full((2, 3), step), torch.tensor([os.getpid()])


@pytest.mark.parametrize("n_workers", [0, 2])
def test_steps_come_in_order_and_from_anywhere(n_workers: int) -> None:
    prefetch = Prefetch(make, "cpu", n_workers)
    for step in (5, 6, 7, 2, 3):
        values, made_by = prefetch.get(step)
        assert torch.equal(values, make(step)[0])
        assert (int(made_by) == os.getpid()) == (n_workers == 0)
    prefetch.close()


def test_training_s_random_numbers_are_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    prefetch = Prefetch(make, "cpu", 1)
    prefetch.get(0)
    assert torch.equal(torch.rand(1), expected)
    prefetch.close()


def test_an_error_in_a_worker_arrives() -> None:
    def fail(step: int) -> tuple[Tensor, ...]:
        raise ValueError(f"no batch {step}")

    with pytest.raises(ValueError, match="no batch 4"):
        Prefetch(fail, "cpu", 1).get(4)
