"""The exported folder opens in transformers with stock classes, and nothing differs: not a logit, not an id."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt.causal import CausalModel, load_causal
from gpt.export_hf import hf_tokenizer, write_hf
from gpt.tokenizer import SPECIALS, Tokenizer
from tests.gpt.conftest import sentences
from tests.gpt.test_causal import causal

__all__ = ["causal"]

HARD = [
    "",
    " ",
    "The model's passage — naïve step 1987 of 12.",
    "  two   spaces\t\ttabs \n\n\n and lines \r\n\r\n  ",
    "def f(x: int) -> int:\n    return x**2 + 10_000  # ≥ 0\n",
    "\u00a0no-break\u2003em\u200bzero\u0085next\ufeff",
    "'S 'LL don'T l'été ſ 'ſ İı Ωhm K",
    "你好，世界 здравствуй 🙂👩‍👩‍👧 ١٢٣٤ ½ ⅷ",
    "a <|end|> b<|question|><|pad|>c <|reserved3|>",
    "\x00\x01\x7f",
    "-" * 61 + "=" * 33 + "." * 17 + " " * 40 + "x",
]


@pytest.fixture
def folder(tmp_path: Path, causal: CausalModel) -> Path:
    write_hf(causal, tmp_path)
    return tmp_path


@pytest.fixture
def opened(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert type(model) is transformers.Qwen3ForCausalLM
    assert not any(report.values()), report
    return model.eval()


@torch.inference_mode()
def test_logits_are_ours(opened: Any, causal: CausalModel) -> None:
    """The largest difference over all logits of random rows as long as the window, in float32."""
    ids = torch.randint(causal.config.vocab_size, (2, causal.config.context_len))
    ours = causal.model.logits(causal.model(ids))
    assert (opened(ids).logits - ours).abs().max() < 1e-3
    assert ours.std() > 0.1


@torch.inference_mode()
def test_what_it_writes_is_what_we_write(opened: Any, causal: CausalModel) -> None:
    ids = torch.tensor([causal.tokenizer.encode("The model")])
    written = opened.generate(ids, max_new_tokens=8, do_sample=False)
    while ids.size(1) < written.size(1):
        ids = torch.cat([ids, causal.model.logits(causal.model(ids)[:, -1:]).argmax(-1)], dim=1)
    assert torch.equal(written, ids)


def test_writing_ends_with_the_document(opened: Any, causal: CausalModel) -> None:
    end, pad = (causal.tokenizer.special_ids[name] for name in ("<|end|>", "<|pad|>"))
    assert (opened.generation_config.eos_token_id, opened.generation_config.pad_token_id) == (end, pad)


def test_ids_of_hard_texts_are_ours_through_the_opened_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    transformers = pytest.importorskip("transformers")
    opened = transformers.AutoTokenizer.from_pretrained(folder)
    assert isinstance(opened, transformers.PreTrainedTokenizerFast)
    for text in HARD:
        ids = tokenizer.encode(text)
        assert opened(text).input_ids == ids, text
        assert opened.decode(ids) == text
        special = tokenizer.encoding.encode(text, allowed_special="all")
        assert opened(text, split_special_tokens=False).input_ids == special, text
    assert (opened.eos_token, opened.pad_token, opened.model_max_length) == ("<|end|>", "<|pad|>", 256)


def odd_texts(tokenizer: Tokenizer) -> Iterator[str]:
    """Runs of few characters, where pairs overlap; random tokens joined; each kind of character beside others."""
    rng = random.Random(0)
    for _ in range(2000):
        alphabet = rng.choice(["a", "ab", "-=", " ", " \n\t", "the ", "aé", "01", "...,", "lll '"])
        yield "".join(rng.choices(alphabet, k=rng.randint(1, 40)))
        yield tokenizer.decode(rng.choices(range(len(tokenizer.ranks)), k=rng.randint(1, 12)))
    for point in range(0, 0x30000, 31):
        if not 0xD800 <= point < 0xE000:
            yield f"a{chr(point)} '{chr(point)}{chr(point)}1 "
    yield from sentences(50, seed=3)


def test_ids_of_odd_texts_are_ours() -> None:
    tokenizer = load_causal(Path("mini")).tokenizer
    made = hf_tokenizer(tokenizer)
    made.encode_special_tokens = True
    differing = [text for text in odd_texts(tokenizer) if made.encode(text).ids != tokenizer.encode(text)]
    assert differing == []


def test_special_tokens_keep_their_ids(tokenizer: Tokenizer) -> None:
    made = hf_tokenizer(tokenizer)
    assert {name: made.token_to_id(name) for name in SPECIALS} == tokenizer.special_ids
    assert made.get_vocab_size() == tokenizer.vocab_size


@pytest.mark.slow
@torch.inference_mode()
def test_the_released_model_differs_by_rounding_alone(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    mini = load_causal(Path("mini"))
    write_hf(mini, tmp_path)
    opened = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = torch.randint(
        mini.config.vocab_size, (4, mini.config.context_len), generator=torch.Generator().manual_seed(0)
    )
    assert (opened(ids).logits - mini.model.logits(mini.model(ids))).abs().max() < 1e-4
