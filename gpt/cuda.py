"""What a stage does differently on a GPU: compiled blocks, block-sparse attention, chunked loss, batches made ahead.

`accelerate` wraps a stage's task; on any other device it gives the task back. Each way to run is tried on a real batch
first and its loss compared with the plain one: what fails or disagrees is left out with a line in the log, and the plain
way remains.
"""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gpt.cross_entropy import chunk_loss, linear_cross_entropy
from gpt.detection import Detection
from gpt.model import GPT, attention_mask
from gpt.prefetch import Prefetch, Tensors
from gpt.pretrain import Pretraining
from gpt.reading import PromptBatch
from gpt.reading_task import Reading

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

    from gpt.train import Task

PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bfloat16, the vendors' data sheets
BLOCK = 128  # tokens of a block of FlexAttention
TRIED_STEPS = 2  # batches that each way is tried on: a second shape makes compiled code dynamic
TOLERANCE = 0.1  # |a - b| / |b| of a loss or a gradient; bfloat16's rounding makes 0.01, a wrong mask 0.3
TINY = 1e-6
DETECTION_CHUNK = 4096  # tokens: a tenth of a batch is replaced, and a chunk is filled up
RECOMPILE_LIMIT = 64
MAX_WORKERS = 8
FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, NotImplementedError, ImportError, OSError)
"""What a compiler or a kernel that is missing raises; torch._dynamo's errors are RuntimeErrors."""

log = logging.getLogger(__name__)


def describe(device: str) -> str:
    """The device's name, for a log."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def peak_flops(device: str) -> float | None:
    """Dense bfloat16 FLOP/s of the device's data sheet, None when it is not known."""
    name = describe(device)
    return next((peak for part, peak in PEAK_FLOPS.items() if part in name), None)


def utilization(flops_per_token: int, tokens_per_second: float, peak: float | None) -> str:
    """Model FLOPs utilization (PaLM, appendix B) as ", 41% of 989 TFLOP/s"; nothing when the peak is not known."""
    return f", {flops_per_token * tokens_per_second / peak:.0%} of {peak / 1e12:.0f} TFLOP/s" if peak else ""


def compile_blocks(model: GPT, dynamic: bool | None = None) -> None:
    """Compiles a model's blocks in place, one code for all of them; `dynamic` as torch.compile has it."""
    torch._dynamo.config.recompile_limit = max(RECOMPILE_LIMIT, torch._dynamo.config.recompile_limit)
    for block in model.blocks:
        block.compile(dynamic=dynamic)


@contextmanager
def uncompiled(model: GPT) -> Iterator[None]:
    """The blocks run as they are written inside, and as before afterwards."""
    compiled = [block._compiled_call_impl for block in model.blocks]
    plain(model)
    try:
        yield
    finally:
        for block, was in zip(model.blocks, compiled, strict=True):
            block._compiled_call_impl = was


def plain(model: GPT) -> None:
    """The blocks run as they are written."""
    for block in model.blocks:
        block._compiled_call_impl = None


@contextmanager
def perturbed(model: GPT) -> Iterator[None]:
    """Noise on the blocks' weights inside: fresh ones add nothing, so that no loss would show what their attention does."""
    parameters = list(model.blocks.parameters())
    saved = [p.detach().clone() for p in parameters]
    generator = torch.Generator(saved[0].device).manual_seed(0)
    with torch.no_grad():
        for p in parameters:
            p.add_(torch.randn(p.shape, generator=generator, device=p.device), alpha=p.size(-1) ** -0.5)
    try:
        yield
    finally:
        with torch.no_grad():
            for p, was in zip(parameters, saved, strict=True):
                p.copy_(was)


def sees(prefix: Tensor) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """`attention_mask` of full rows, element by element, as FlexAttention asks for it."""

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return (j <= i) | (j < prefix[b])

    return seen


def flex_mask(prefix: Tensor, size: int) -> BlockMask:
    """`attention_mask` of full rows as a BlockMask: whole blocks that nobody sees are skipped."""
    from torch.nn.attention.flex_attention import create_block_mask

    return create_block_mask(sees(prefix), len(prefix), None, size, size, device=str(prefix.device), BLOCK_SIZE=BLOCK)


class _Fast:
    """A task with batches made ahead by other processes."""

    task: Pretraining | Detection | Reading

    def readers(self, model: GPT) -> list[GPT]:
        """Whom a step asks, the model first."""
        return [model]

    def evaluate(self, model: GPT) -> dict[str, float]:
        """As the task's own."""
        with uncompiled(model):  # its shapes are many
            return self.task.evaluate(model)


class _FastOnText(_Fast):
    """One whose rows are all full."""

    def use(self, flex: bool, of_chunk: Callable[..., Any]) -> None:
        """Attends by FlexAttention or by the plain mask, and takes the loss of a chunk so."""
        raise NotImplementedError

    def ways(self, model: GPT) -> list[tuple[str, Callable[[], None]]]:
        """How it can run, the fastest first. Shapes are static: every batch has the same."""

        def use(flex: bool) -> None:
            self.use(flex, torch.compile(chunk_loss, dynamic=False))
            compile_blocks(model, dynamic=False)

        ways: list[tuple[str, Callable[[], None]]] = [("compiled blocks", lambda: use(False))]
        if self.task.config.row_tokens % BLOCK == 0:
            ways.insert(0, ("compiled blocks with FlexAttention", lambda: use(True)))
        return ways


class FastPretraining(_FastOnText):
    """`Pretraining` with batches made ahead, a chunked loss over every position (so that shapes are static), and a mask
    of its choice."""

    name = "pretrain"

    def __init__(self, task: Pretraining, device: str, n_workers: int):
        self.task, self.device = task, device
        rows = task.rows

        def make(step: int) -> Tensors:
            batch = rows.batch(step)
            return tuple(torch.from_numpy(a) for a in (batch.inputs, batch.targets, batch.prefix))

        self.batches = Prefetch(make, device, n_workers)
        self.use(False, chunk_loss)

    def use(self, flex: bool, of_chunk: Callable[..., Any]) -> None:
        self.flex, self.of_chunk = flex, of_chunk

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """As `Pretraining.loss`, up to rounding."""
        ids, targets, prefix = self.batches.get(step)
        size = ids.size(1)
        mask = flex_mask(prefix, size) if self.flex else attention_mask(torch.full_like(prefix, size), prefix, size)
        hidden = (model(ids, mask=mask) * model.config.n_embd**-0.5).flatten(0, 1)
        return linear_cross_entropy(hidden, model.embedding.weight, targets.flatten(), self.of_chunk), ids.numel()


class FastDetection(_FastOnText):
    """`Detection` with batches made ahead, longer chunks of the loss, and a mask of its choice."""

    name = "detect"

    def __init__(self, task: Detection, device: str, n_workers: int):
        self.task = task
        maker, self.asker = copy.copy(task), copy.copy(task)
        maker.device = "cpu"
        self.batches = Prefetch(maker.batch, device, n_workers)
        self.asker.batch = self.batches.get  # type: ignore[method-assign]  # the task's own loss, on batches that are there
        self.asker.chunk_tokens = DETECTION_CHUNK
        self.plain_mask = task.mask
        self.use(False, chunk_loss)

    def use(self, flex: bool, of_chunk: Callable[..., Any]) -> None:
        self.asker.of_chunk = of_chunk
        whole = cache(lambda rows, size, device: flex_mask(torch.full((rows,), size, device=device), size))
        masked = (lambda ids: whole(*ids.shape, str(ids.device))) if flex else self.plain_mask
        self.asker.mask = masked  # type: ignore[method-assign]

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """As `Detection.loss`, up to rounding."""
        return self.asker.loss(model, step)


class FastReading(_Fast):
    """`Reading` with batches made ahead by `n_workers` processes."""

    name = "reading"
    task: Reading

    def __init__(self, task: Reading, device: str, n_workers: int):
        self.task, self.origin = task, task.origin
        maker, self.asker = copy.copy(task), copy.copy(task)
        maker.device, maker.teachers = "cpu", None

        def make(step: int) -> Tensors:
            batch, target = maker.batch(step)
            return (*(getattr(batch, f.name) for f in dataclasses.fields(batch)), target)

        self.batches = Prefetch(make, device, n_workers)

        def ready(step: int) -> tuple[PromptBatch, Tensor]:
            *parts, target = self.batches.get(step)
            return PromptBatch(*parts), target

        self.asker.batch = ready  # type: ignore[method-assign]  # the task's own loss, on batches that are there

    def readers(self, model: GPT) -> list[GPT]:
        """The model, and its teachers if it has any."""
        return [model, *(self.task.teachers.models if self.task.teachers else ())]

    def ways(self, model: GPT) -> list[tuple[str, Callable[[], None]]]:
        """How it can run, the fastest first. Shapes vary from batch to batch."""
        _, *teachers = readers = self.readers(model)

        def use(compiled: Sequence[GPT]) -> None:
            for reader in readers:
                plain(reader)
            for reader in compiled:
                compile_blocks(reader)

        ways: list[tuple[str, Callable[[], None]]] = [("compiled blocks", lambda: use(readers))]
        if teachers:
            ways.append(("compiled blocks, but for the teachers'", lambda: use([model])))
        return ways

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """As `Reading.loss`."""
        return self.asker.loss(model, step)


def first_that_works(
    ways: Iterable[tuple[str, Callable[[], None]]], measure: Callable[[], list[Tensor]], expected: list[Tensor]
) -> str | None:
    """Turns on one way after the other until what is measured is what is expected; None when none does."""
    for name, turn_on in ways:
        try:
            turn_on()
            found = measure()
        except FAILURES as failure:
            log.warning("%s does not run here: %s", name, " ".join(str(failure).split())[:300])
            continue
        error = difference(found, expected)
        if error <= TOLERANCE:  # not so for nan
            log.info("%s: chosen, within %.1g of the plain way", name, error)
            return name
        log.warning("%s differs from the plain way by %.2g: left out", name, error)
    return None


def difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest |a - b| / |b| of corresponding tensors; nan if one is."""
    each = [(a - b).norm() / (b.norm() + TINY) for a, b in zip(found, expected, strict=True)]
    return float(torch.stack(each).max())


def accelerate(model: GPT, task: Task, device: str) -> Task:
    """The task as it runs best on that device; `model` lies there already, and its blocks are compiled if that works."""
    if not device.startswith("cuda"):
        return task
    n_workers = min(MAX_WORKERS, max(1, (os.cpu_count() or 1) - 2))
    fast: FastPretraining | FastDetection | FastReading
    if isinstance(task, Pretraining):
        fast = FastPretraining(task, device, n_workers)
        ways = fast.ways(model)
    elif isinstance(task, Detection):
        fast = FastDetection(task, device, n_workers)
        ways = fast.ways(model)
    elif isinstance(task, Reading):
        fast = FastReading(task, device, n_workers)
        ways = fast.ways(model)
    else:
        return task
    with perturbed(model):
        expected = tried(model, task)
        works = first_that_works(ways, lambda: tried(model, fast), expected)
    if works is None:
        log.warning("training runs uncompiled")
        for reader in fast.readers(model):
            plain(reader)
        if isinstance(fast, _FastOnText):
            fast.use(False, chunk_loss)
    fast.batches.close()
    return fast


def tried(model: GPT, task: Task) -> list[Tensor]:
    """Losses of the first batches and the gradients of the blocks; leaves no gradient behind."""
    found = []
    for step in range(TRIED_STEPS):
        loss, _ = task.loss(model.train(), step)
        loss.backward()
        found += [loss.detach().float(), *(p.grad for p in model.blocks.parameters() if p.grad is not None)]
        for p in model.parameters():
            p.grad = None
    return found
