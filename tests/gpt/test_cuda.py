"""What a GPU does differently equals the plain way, here on a CPU; and what fails there is left out with a word."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gpt import cuda
from gpt.config import GPTConfig, TrainConfig
from gpt.cross_entropy import chunk_loss
from gpt.cuda import (
    FastDetection,
    FastPretraining,
    FastReading,
    accelerate,
    difference,
    first_that_works,
    flex_mask,
    peak_flops,
    perturbed,
    plain,
    sees,
    tried,
    uncompiled,
    utilization,
)
from gpt.data import TokenStream
from gpt.detection import Detection
from gpt.model import GPT, attend, attention_mask
from gpt.pretrain import Pretraining
from gpt.reading_data import ReadingData
from gpt.reading_task import Reading
from gpt.replacements import Replacements
from gpt.squad import Article
from gpt.teachers import Teachers
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences


@pytest.fixture
def pretraining(tokenizer: Tokenizer) -> Pretraining:
    stream = TokenStream.build(tokenizer, iter(sentences(400)))
    return Pretraining(stream, tokenizer, TrainConfig(steps=9, batch_tokens=256, row_tokens=64))


@pytest.fixture
def detection(pretraining: Pretraining) -> Detection:
    replacements = Replacements.build(pretraining.stream.train, 320)
    return Detection(pretraining.stream, replacements, pretraining.tokenizer, pretraining.config)


@pytest.fixture
def reading(tokenizer: Tokenizer, articles: list[Article]) -> Reading:
    return Reading(ReadingData.build(tokenizer, articles), TrainConfig(steps=9, batch_tokens=700), 128)


def test_what_flex_attention_is_told_is_the_dense_mask() -> None:
    size, prefix = 64, torch.tensor([0, 5, 32, 63])
    rows = range(size)
    told = [[[bool(sees(prefix)(*map(torch.tensor, (b, 0, i, j)))) for j in rows] for i in rows] for b in (0, 1)]
    assert torch.equal(torch.tensor(told), attention_mask(torch.full_like(prefix, size), prefix, size)[:2, 0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_attends_as_the_dense_mask_does() -> None:
    torch.manual_seed(0)
    size, prefix = 256, torch.tensor([0, 5, 128, 200])
    q, k, v = torch.randn(3, 4, 1, size, 16).unbind(0)
    dense = attend(q, k, v, attention_mask(torch.full_like(prefix, size), prefix, size))
    assert torch.allclose(attend(q, k, v, flex_mask(prefix, size)), dense, atol=1e-5)


def test_fast_pretraining_has_the_loss_and_the_gradients_of_the_plain_one(model: GPT, pretraining: Pretraining) -> None:
    fast = FastPretraining(pretraining, "cpu", n_workers=0)
    for step in (0, 5):
        gradients = []
        for task in (pretraining, fast):
            loss, tokens = task.loss(model, step)
            loss.backward()
            assert tokens == 256
            gradients.append((loss.detach(), *(p.grad for p in model.parameters() if p.grad is not None)))
            model.zero_grad(set_to_none=True)
        for a, b in zip(*gradients, strict=True):
            assert torch.allclose(a, b, atol=1e-5)
    assert fast.evaluate(model) == pretraining.evaluate(model)


def test_fast_detection_has_the_loss_and_the_gradients_of_the_plain_one(model: GPT, detection: Detection) -> None:
    fast = FastDetection(detection, "cpu", n_workers=0)
    for step in (0, 5):
        assert difference(tried(model, fast), tried(model, detection)) < 1e-4
        assert fast.loss(model, step)[1] == detection.loss(model, step)[1] == 256
    assert fast.evaluate(model) == detection.evaluate(model)
    assert [name for name, _ in fast.ways(model)] == ["compiled blocks"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_fast_detection_attends_alike_by_flex_attention(model: GPT, detection: Detection) -> None:
    wide = replace(detection, config=replace(detection.config, row_tokens=128))
    fast = FastDetection(wide, "cpu", n_workers=0)
    assert len(fast.ways(model)) == 2
    fast.use(True, chunk_loss)
    with torch.no_grad():  # FlexAttention has no gradients on a CPU
        assert fast.loss(model, 0)[0].item() == pytest.approx(wide.loss(model, 0)[0].item(), rel=1e-3)


def test_fast_reading_has_the_loss_of_the_plain_one(model: GPT, reading: Reading) -> None:
    fast = FastReading(reading, "cpu", n_workers=0)
    for step in (0, 3):
        assert fast.loss(model, step)[0].item() == reading.loss(model, step)[0].item()
        assert fast.loss(model, step)[1] == reading.loss(model, step)[1]
    assert fast.evaluate(model) == reading.evaluate(model) == {}
    assert reading.batch(0)[0].ids.numel() > 0, "the plain task still makes its own batches"


def test_teachers_are_compiled_with_the_reader_or_left_as_they_are(
    model: GPT, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = copy.deepcopy(model)
    taught = Reading(reading.data, reading.config, 128, teachers=Teachers([teacher]))
    fast = FastReading(taught, "cpu", n_workers=0)
    assert fast.readers(model) == [model, teacher]
    assert fast.loss(model, 1)[0].item() == taught.loss(model, 1)[0].item()
    ran: list[GPT] = []

    def mark(reader: GPT) -> None:
        for block in reader.blocks:
            block._compiled_call_impl = lambda *args, block=block: (ran.append(reader), block.forward(*args))[1]

    monkeypatch.setattr(cuda, "compile_blocks", mark)
    for (name, turn_on), compiled in zip(fast.ways(model), ([model, teacher], [model]), strict=True):
        ran.clear()
        turn_on()
        loss, _ = fast.loss(model, 1)
        assert loss.item() == taught.loss(model, 1)[0].item(), name
        assert set(map(id, ran)) == set(map(id, compiled)), name
    assert [name for name, _ in FastReading(reading, "cpu", 0).ways(model)] == ["compiled blocks"]


def test_a_wrong_mask_is_noticed_even_in_a_fresh_model(pretraining: Pretraining) -> None:
    torch.manual_seed(0)
    fresh = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=128), torch.float32)
    before = {name: p.detach().clone() for name, p in fresh.named_parameters()}
    right, causal = FastPretraining(pretraining, "cpu", 0), FastPretraining(pretraining, "cpu", 0)
    batch = causal.batches.get
    causal.batches.get = lambda step: (*batch(step)[:2], torch.zeros_like(batch(step)[2]))  # type: ignore[method-assign]
    assert difference(tried(fresh, causal), tried(fresh, pretraining)) < 1e-4, "blocks that add nothing do not show it"
    with perturbed(fresh):
        expected = tried(fresh, pretraining)
        assert difference(tried(fresh, right), expected) < 1e-4
        assert difference(tried(fresh, causal), expected) > cuda.TOLERANCE
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in fresh.named_parameters())


def test_the_first_way_that_gives_what_is_expected_is_chosen(caplog: pytest.LogCaptureFixture) -> None:
    state = {"way": ""}

    def fail() -> None:
        raise RuntimeError("no such\nkernel")

    def use(name: str) -> None:
        state["way"] = name

    ways = [
        ("broken", fail),
        ("wrong", lambda: use("wrong")),
        ("nan", lambda: use("nan")),
        ("right", lambda: use("right")),
    ]
    results = {"wrong": [1.0, 3.0], "nan": [1.0, float("nan")], "right": [1.0, 2.002]}

    def measure() -> list[Tensor]:
        return [torch.tensor(x) for x in results[state["way"]]]

    expected = [torch.tensor(1.0), torch.tensor(2.0)]
    with caplog.at_level(logging.INFO, "gpt.cuda"):
        assert first_that_works([*ways, ("never", fail)], measure, expected) == "right"
        assert first_that_works(ways[:2], measure, expected) is None
    assert caplog.messages[:4] == [
        "broken does not run here: no such kernel",
        "wrong differs from the plain way by 0.5: left out",
        "nan differs from the plain way by nan: left out",
        "right: chosen, within 0.001 of the plain way",
    ]


def test_a_device_that_is_no_gpu_gets_its_task_back(model: GPT, pretraining: Pretraining) -> None:
    assert accelerate(model, pretraining, "cpu") is pretraining


def test_rows_that_are_no_whole_blocks_are_not_tried_with_flex_attention(model: GPT, pretraining: Pretraining) -> None:
    assert [name for name, _ in FastPretraining(pretraining, "cpu", 0).ways(model)] == ["compiled blocks"]
    wide = replace(pretraining, config=TrainConfig(steps=1, batch_tokens=256, row_tokens=128))
    assert len(FastPretraining(wide, "cpu", 0).ways(model)) == 2


def test_evaluation_runs_uncompiled_and_training_compiled_again(model: GPT) -> None:
    def compiled(*args: object) -> None:
        raise AssertionError("compiled code ran")

    for block in model.blocks:
        block._compiled_call_impl = compiled
    with uncompiled(model):
        model(torch.arange(32).reshape(1, 32))
    with pytest.raises(AssertionError, match="compiled code ran"):
        model(torch.arange(32).reshape(1, 32))
    plain(model)
    model(torch.arange(32).reshape(1, 32))


def test_utilization_is_told_where_the_peak_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peak_flops("cpu") is None
    assert utilization(10**9, 1000.0, None) == ""
    monkeypatch.setattr(cuda, "describe", lambda device: "NVIDIA H200")
    assert utilization(200 * 10**6, 2e6, peak_flops("cuda")) == ", 40% of 989 TFLOP/s"


@pytest.mark.gpu
def test_on_a_gpu_the_tasks_run_compiled_and_agree(
    model: GPT, pretraining: Pretraining, detection: Detection, reading: Reading
) -> None:
    on_gpu = GPT(model.config).to("cuda")
    on_text = (replace(pretraining, device="cuda"), replace(detection, device="cuda"))
    teachers = Teachers([copy.deepcopy(on_gpu)])
    on_questions = (
        Reading(reading.data, reading.config, 128, device="cuda"),
        Reading(reading.data, reading.config, 128, device="cuda", teachers=teachers),
    )
    for task in (*on_text, *on_questions):
        fast = accelerate(on_gpu, task, "cuda")
        assert fast is not task
        assert difference(tried(on_gpu, fast), tried(on_gpu, task)) < cuda.TOLERANCE
