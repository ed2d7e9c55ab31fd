"""Batches made ahead of time by other processes, in order, while a GPU works on the present one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Tensors = tuple[Tensor, ...]
AHEAD = 4  # batches that each worker keeps ready


class _Steps(Dataset[Tensors]):
    def __init__(self, make: Callable[[int], Tensors]):
        self.make = make

    def __getitem__(self, step: int) -> Tensors:
        return self.make(step)


class Prefetch:
    """`get(step)` equals `make(step)` moved to the device. Asked in order of steps, the batches are there already.

    `make` must be a pure function of the step that touches no GPU: `n_workers` forked processes call it.
    """

    def __init__(self, make: Callable[[int], Tensors], device: str, n_workers: int):
        self.make, self.device, self.n_workers = make, torch.device(device), n_workers
        self._next = -1
        self._batches: Iterator[Any] = iter(())

    def get(self, step: int) -> Tensors:
        """The batch of that step; going anywhere but to the next step starts the workers anew."""
        if self.n_workers == 0:
            return self._moved(self.make(step))
        if step != self._next:
            self._batches = iter(self._loader(step))
        self._next = step + 1
        return self._moved(next(self._batches))

    def close(self) -> None:
        """Ends the workers."""
        self._batches, self._next = iter(()), -1

    def _loader(self, first: int) -> DataLoader[Tensors]:
        return DataLoader(
            _Steps(self.make),
            batch_size=None,
            sampler=itertools.count(first),  # any iterable of indices will do
            num_workers=self.n_workers,
            prefetch_factor=AHEAD,
            pin_memory=self.device.type == "cuda",
            multiprocessing_context="fork",  # the data is shared, not copied
            generator=torch.Generator(),  # its own: training's random numbers stay what they are
        )

    def _moved(self, batch: Tensors) -> Tensors:
        return tuple(tensor.to(self.device, non_blocking=True) for tensor in batch)
