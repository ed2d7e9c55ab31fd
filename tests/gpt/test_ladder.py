"""The ladder: every rung against a slow twin, and together against the lecture's losses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gpt.errors import ConfigError, DataError
from gpt.ladder import (
    LADDER,
    RUNGS,
    Attention,
    CausalMean,
    LanguageModel,
    Rung,
    Settings,
    evaluate,
    plot_ladder,
    run_ladder,
)

TEXT = "the cat sat on the mat and the dog sat on the log. " * 40
SHAKESPEARE = Path(__file__).parents[3] / "shared/data/text/tinyshakespeare/data/tinyshakespeare/input.txt"
SMALL_RUNGS = [rung for rung in LADDER if rung.name != "scaled"]


def rung_named(name: str) -> Rung:
    return next(rung for rung in LADDER if rung.name == name)


def model_of(rung: Rung, vocab_size: int = 11) -> torch.nn.Module:
    torch.manual_seed(0)
    return rung.build(vocab_size, rung.settings).eval()


def slow_attention(attention: Attention, x: Tensor) -> Tensor:
    """Head by head and position by position, a softmax written out, over lists of earlier positions."""
    C = x.shape[-1]
    D = C // attention.n_head
    out = torch.zeros_like(x)
    for b in range(x.shape[0]):
        for head in range(attention.n_head):
            rows = slice(head * D, (head + 1) * D)
            for t in range(x.shape[1]):
                query = attention.query.weight[rows] @ x[b, t]
                scores = [float(query @ (attention.key.weight[rows] @ x[b, s])) / math.sqrt(D) for s in range(t + 1)]
                total = sum(math.exp(score) for score in scores)
                for s, score in enumerate(scores):
                    out[b, t, rows] += math.exp(score) / total * (attention.value.weight[rows] @ x[b, s])
    return out


@pytest.mark.parametrize("n_head", [1, 4])
@torch.no_grad()
def test_attention_equals_its_loop(n_head: int) -> None:
    torch.manual_seed(0)
    attention = Attention(Settings(n_embd=8, n_head=n_head))
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(attention(x), slow_attention(attention, x))


def test_one_head_of_equal_scores_is_the_averaging_rung() -> None:
    """With no queries every score is zero, so attention falls back to the mean of the values."""
    attention = Attention(Settings(n_embd=4))
    torch.nn.init.zeros_(attention.query.weight)
    x = torch.randn(2, 6, 4)
    torch.testing.assert_close(attention(x), CausalMean()(attention.value(x)))


def test_averaging_is_the_mean_of_everything_so_far() -> None:
    x = torch.randn(3, 7, 4)
    mean = CausalMean()(x)
    for t in range(7):
        torch.testing.assert_close(mean[:, t], x[:, : t + 1].mean(dim=1))


def test_the_bigram_looks_at_the_last_character_alone() -> None:
    model = model_of(rung_named("bigram"))
    assert torch.equal(model(torch.tensor([[1, 2, 3]]))[0, -1], model(torch.tensor([[9, 0, 3]]))[0, -1])


@pytest.mark.parametrize("rung", SMALL_RUNGS, ids=lambda rung: rung.name)
def test_a_later_character_never_changes_an_earlier_logit(rung: Rung) -> None:
    model = model_of(rung)
    ids = torch.randint(11, (2, rung.settings.context_len))
    before = model(ids)
    for t in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, t] = (changed[:, t] + 1) % 11
        after = model(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t])
        assert not torch.allclose(after[:, t], before[:, t])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bigram", 65 * 65),
        ("averaging", 65 * 32 + 8 * 32 + 32 * 65 + 65),
        ("self-attention", 4481 + 3 * 32 * 32),
        ("multi-head", 4481 + 3 * 32 * 32),
        ("feed-forward", 7553 + 32 * 32 + 32),
        ("residual", 4481 + 3 * (3 * 32 * 32 + (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32))),
        ("layer-norm", 41921 + (3 * 2 + 1) * 2 * 32),
        ("scaled", 10_788_929),  # the lecture prints 10.788929 M
    ],
)
def test_parameters_are_those_counted_by_hand(name: str, parameters: int) -> None:
    rung = rung_named(name)
    with torch.device("meta"):
        model = rung.build(65, rung.settings)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_the_scaled_rung_drops_only_while_training() -> None:
    torch.manual_seed(0)
    model = rung_named("scaled").build(5, Settings(n_embd=24, n_head=6, n_layer=2, dropout=0.2))
    ids = torch.randint(5, (2, 8))
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


def test_every_rung_learns_and_reports() -> None:
    results = run_ladder(TEXT, steps=60)
    assert [result.name for result in results] == list(RUNGS[:-1])
    for result in results:
        steps, losses = zip(*result.train_curve, strict=True)
        assert steps[-1] == result.steps == 60
        assert losses[-1] < losses[0]
        assert 0 < result.val_loss < losses[0]
        assert result.seconds > 0
        assert result.explanation


def test_the_top_rung_beats_the_bigram_where_context_tells() -> None:
    """In "abac" repeated, what follows "a" depends on the character before it: a bigram cannot get below ln(2) / 2."""
    bigram, top = run_ladder("abac" * 100, steps=150, rungs=["bigram", "layer-norm"])
    assert bigram.val_loss > math.log(2) / 2 - 1e-3
    assert top.val_loss < 0.5 * math.log(2) / 2


def test_the_same_seed_gives_the_same_losses_and_another_seed_others() -> None:
    first, again, other = (run_ladder(TEXT, steps=20, seed=seed, rungs=["layer-norm"])[0] for seed in (1, 1, 2))
    assert (first.val_loss, first.train_curve) == (again.val_loss, again.train_curve)
    assert first.val_loss != other.val_loss


def test_a_rung_alone_equals_the_rung_in_company() -> None:
    alone = run_ladder(TEXT, steps=10, rungs=["residual"])[0]
    assert run_ladder(TEXT, steps=10, rungs=["bigram", "residual"])[1].val_loss == alone.val_loss


def test_the_callers_random_state_is_left_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run_ladder(TEXT, steps=2, rungs=["bigram"])
    assert torch.equal(torch.rand(3), expected)


def test_rungs_come_in_the_ladders_order_and_report_every_step() -> None:
    seen: list[tuple[str, int, int]] = []
    run_ladder(
        TEXT,
        steps=2,
        rungs=["averaging", "bigram"],
        on_step=lambda name, step, steps, _: seen.append((name, step, steps)),
    )
    assert seen == [("bigram", 1, 2), ("bigram", 2, 2), ("averaging", 1, 2), ("averaging", 2, 2)]


@torch.no_grad()
def test_evaluation_is_the_mean_over_windows_side_by_side() -> None:
    model = model_of(rung_named("self-attention"))
    ids = torch.randint(11, (45,))
    losses = []
    for start in range(0, 45 - 8, 8):
        log_p = model(ids[None, start : start + 8])[0].log_softmax(dim=-1)
        losses += [-float(log_p[t, ids[start + t + 1]]) for t in range(8)]
    assert evaluate(model, ids, 8) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the text has 0 characters.*at least 81.*longer"),
        ("to be", "the text has 5 characters.*at least 81.*longer"),
        (TEXT[:80], "the text has 80 characters.*bigram.*at least 81"),
        ("a" * 200, "200 times the character 'a'.*two different"),
    ],
)
def test_a_text_that_cannot_be_learnt_is_refused_with_its_length_and_the_remedy(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        run_ladder(text, steps=1)


def test_the_shortest_text_allowed_is_climbed() -> None:
    assert math.isfinite(run_ladder(TEXT[:81], steps=1)[-1].val_loss)


def test_a_rung_with_more_context_asks_for_more_text_before_anything_is_trained() -> None:
    trained: list[str] = []
    with pytest.raises(DataError, match="scaled rung needs at least 2561"):
        run_ladder(TEXT, rungs=["bigram", "scaled"], steps=1, on_step=lambda name, *_: trained.append(name))
    assert not trained


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rungs": ["trigram"]}, "no rung 'trigram': choose from bigram"),
        ({"rungs": []}, "no rung was named"),
        ({"steps": 0}, "steps is 0"),
        ({"device": "abacus"}, "device is 'abacus': use 'cpu' or 'cuda'"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        run_ladder(TEXT, **arguments)


def test_the_picture_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "ladder.png"
    plot_ladder(run_ladder(TEXT, steps=3), path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_nothing_or_of_no_format_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(DataError, match="nothing to plot"):
        plot_ladder([], tmp_path / "ladder.png")
    with pytest.raises(ConfigError, match=r"cannot draw ladder.doc: end it in one of"):
        plot_ladder(run_ladder(TEXT, steps=1, rungs=["bigram"]), tmp_path / "ladder.doc")


def test_a_model_reads_texts_shorter_than_its_context() -> None:
    model = model_of(rung_named("layer-norm"))
    assert isinstance(model, LanguageModel)
    assert model(torch.tensor([[3]])).shape == (1, 1, 11)


@pytest.mark.slow
@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="the lecture's text is not here")
def test_on_the_lectures_text_each_rung_lands_within_005_of_the_lectures_loss() -> None:
    lecture = {
        "bigram": 2.49,
        "self-attention": 2.40,
        "multi-head": 2.28,
        "feed-forward": 2.26,
        "residual": 2.08,
        "layer-norm": 2.07,
    }
    results = run_ladder(SHAKESPEARE.read_text(encoding="utf-8"), rungs=list(lecture))
    assert {result.name: result.val_loss for result in results} == pytest.approx(lecture, abs=0.05)
