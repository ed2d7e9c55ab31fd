"""Examples that are read with another paragraph in a prompt of its own, and the loss over both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gpt.model import GPT
from gpt.reading import span_log_probs
from gpt.reading_task import COMPARED, compared
from gpt.squad import Article
from gpt.tokenizer import Tokenizer
from tests.gpt.test_reading_data import answers, reading


def test_an_answer_competes_with_all_that_both_rows_hold_and_with_neither() -> None:
    torch.manual_seed(0)
    logits, target, null = 5 * torch.randn(3, 7, 2), torch.tensor([2, 4, 6]), torch.tensor([6, 5, 6])
    log_p = span_log_probs(logits, torch.arange(7)[None] <= null[:, None])
    loss = -log_p[torch.arange(3), target]
    found = compared(loss, log_p, null, torch.tensor([False, False, True]))
    assert torch.equal(found[0], loss[0])
    assert torch.equal(found[2], torch.zeros(2))
    for end in range(2):
        own, other = (logits[row, : null[row], end] - logits[row, null[row], end] for row in (1, 2))
        both = torch.cat([own, other, torch.zeros(1)]).log_softmax(0)
        assert found[1, end] == pytest.approx(-float(both[target[1]]), abs=1e-5)


def test_what_the_other_row_is_sure_to_lack_does_not_count_and_nothing_overflows() -> None:
    log_p = torch.tensor([[-40.0, 0.0], [-80.0, 0.0], [0.0, -80.0]])[..., None].expand(-1, -1, 2)
    null, loss = torch.tensor([1, 1, 1]), torch.tensor([[40.0] * 2, [80.0] * 2, [0.0] * 2])
    assert compared(loss, log_p, null, torch.tensor([False, True, False]))[0].tolist() == pytest.approx([40.0, 40.0])
    assert compared(loss, log_p, null, torch.tensor([False, False, True]))[1].tolist() == pytest.approx([160.0, 160.0])


def test_an_example_that_is_compared_has_two_rows_and_no_batch_has_more_for_it(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    task = reading(tokenizer, articles, unanswerable=0.0, compared=0.5)
    plan = task.passed(0)
    assert 0 < (plan.kind == COMPARED).sum() < len(plan.kind)
    assert set(np.concatenate([members for _, members in plan.batches]).tolist()) == set(range(18))
    pairs = 0
    for step, (width, members) in enumerate(plan.batches):
        assert len(members) == 600 // width
        second, found = task.seconds(step), answers(task, step)
        batch, _ = task.batch(step)
        for row, i in enumerate(members):
            if not second[row]:
                assert found[row].startswith("Person")
                continue
            pairs += 1
            assert plan.kind[i] == COMPARED
            assert members[row - 1] == i
            assert not second[row - 1]
            assert found[row] == ""
            right, other = (tokenizer.decode(batch.ids[r].tolist()).split("<|passage|>") for r in (row - 1, row))
            assert right[0] == other[0]  # the question
            assert right[1] != other[1]
    assert pairs >= (plan.kind == COMPARED).sum() - len(plan.batches)


def test_labels_and_learning_go_over_both_rows(tokenizer: Tokenizer, articles: list[Article], model: GPT) -> None:
    task = reading(tokenizer, articles, unanswerable=0.0, compared=1.0)
    step = next(s for s in range(9) if task.seconds(s).any())
    batch, target = task.batch(step)
    log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)
    each = compared(-log_p.gather(1, target[:, None, :]).squeeze(1), log_p, batch.answer_at, task.seconds(step))
    loss, n_tokens = task.loss(model, step)
    assert float(loss.detach()) == pytest.approx(float(each.mean().detach()), abs=1e-6)
    assert n_tokens == batch.ids.numel()
