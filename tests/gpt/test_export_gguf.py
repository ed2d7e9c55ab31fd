"""The GGUF file holds the model exactly, and llama.cpp computes with it what we compute."""

from __future__ import annotations

import json
import random
import re
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpt.causal import CausalModel, load_causal, spelled_merges, spelled_tokens
from gpt.export_gguf import gguf_name, write_gguf
from gpt.tokenizer import SPECIALS
from tests.gpt.conftest import sentences
from tests.gpt.test_causal import causal
from tests.gpt.test_export_hf import HARD

__all__ = ["causal"]


@pytest.fixture
def written(tmp_path: Path, causal: CausalModel) -> Any:
    gguf = pytest.importorskip("gguf")
    write_gguf(causal, tmp_path)
    return gguf.GGUFReader(tmp_path / "tiny.gguf")


def test_every_tensor_is_there_unchanged(written: Any, causal: CausalModel) -> None:
    read = {tensor.name: tensor.data for tensor in written.tensors}
    assert set(read) == {gguf_name(name) for name in causal.weights}
    assert all(np.array_equal(read[gguf_name(name)], tensor.numpy()) for name, tensor in causal.weights.items())
    assert "blk.1.ffn_up.weight" in read
    assert "output.weight" not in read  # tied: llama.cpp takes the embedding's


def test_the_shape_is_stated(written: Any, causal: CausalModel) -> None:
    c = causal.config
    stated = {name: written.get_field(f"qwen3.{name}").contents() for name in (
        "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "attention.value_length", "rope.freq_base",
    )}  # fmt: skip
    assert list(stated.values()) == [
        c.context_len, c.n_embd, c.n_layer, c.n_hidden, c.n_head, c.n_head, c.head_dim, c.head_dim, c.rope_base,
    ]  # fmt: skip
    assert written.get_field("qwen3.attention.layer_norm_rms_epsilon").contents() == pytest.approx(1e-6)
    assert written.get_field("general.architecture").contents() == "qwen3"


def test_the_tokenizer_is_stated(written: Any, causal: CausalModel) -> None:
    stated = {
        name: written.get_field(f"tokenizer.ggml.{name}").contents()
        for name in ("model", "tokens", "token_type", "merges", "eos_token_id", "add_bos_token")
    }
    tokenizer = causal.tokenizer
    assert stated["model"] == "gpt2"
    assert stated["tokens"] == spelled_tokens(tokenizer)
    assert stated["token_type"] == [1] * len(tokenizer.ranks) + [3] * len(SPECIALS)  # normal, control
    assert [tuple(pair.split(" ")) for pair in stated["merges"]] == spelled_merges(tokenizer)
    assert (stated["eos_token_id"], stated["add_bos_token"]) == (tokenizer.special_ids["<|end|>"], False)


class LlamaCpp:
    """llama.cpp's own server on a GGUF file, one thread, keys and values in float32."""

    def __init__(self, path: Path):
        xllamacpp = pytest.importorskip("xllamacpp")
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel, params.warmup = str(path), 512, 1, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(params)

    def post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.server.listening_address + route, data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def ids(self, text: str) -> list[int]:
        return self.post("/tokenize", {"content": text, "parse_special": False})["tokens"]

    def log_probs(self, ids: list[int], vocab_size: int) -> torch.Tensor:
        """(vocab_size,) log-probabilities of the token after `ids`."""
        body = {"prompt": ids, "n_predict": 1, "n_probs": vocab_size, "temperature": 0.0, "cache_prompt": False}
        top = self.post("/completion", body)["completion_probabilities"][0]["top_logprobs"]
        found = torch.full((vocab_size,), float("nan"))
        found[[entry["id"] for entry in top]] = torch.tensor([entry["logprob"] for entry in top])
        return found

    def write(self, ids: list[int], n: int) -> list[int]:
        """The most probable continuation."""
        body = {"prompt": ids, "n_predict": n, "temperature": 0.0, "return_tokens": True, "ignore_eos": True}
        return self.post("/completion", body)["tokens"]


@pytest.fixture(scope="module")
def mini() -> CausalModel:
    return load_causal(Path("mini"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory, mini: CausalModel) -> LlamaCpp:
    folder = tmp_path_factory.mktemp("gguf")
    write_gguf(mini, folder)
    return LlamaCpp(folder / "mini.gguf")


@pytest.mark.slow
@torch.inference_mode()
def test_llama_cpp_gives_our_probabilities(llama: LlamaCpp, mini: CausalModel) -> None:
    rng = random.Random(0)
    for length in (1, 9, 200, 500):
        ids = rng.choices(range(mini.config.vocab_size), k=length)
        ours = torch.log_softmax(mini.model.logits(mini.model(torch.tensor([ids]))[0, -1]), -1)
        assert (llama.log_probs(ids, mini.config.vocab_size) - ours).abs().max() < 1e-4


@pytest.mark.slow
@torch.inference_mode()
def test_llama_cpp_writes_what_we_write(llama: LlamaCpp, mini: CausalModel) -> None:
    prompt = mini.tokenizer.encode("The theory of")
    ids = list(prompt)
    for _ in range(30):
        ids.append(int(mini.model.logits(mini.model(torch.tensor([ids]))[0, -1]).argmax()))
    assert llama.write(prompt, 30) == ids[len(prompt) :]


@pytest.mark.slow
def test_llama_cpp_cuts_texts_as_we_do_but_for_long_numbers(llama: LlamaCpp, mini: CausalModel) -> None:
    for text in [*HARD, *sentences(50)]:
        short = re.sub(r"[0-9]{3,}", "12", text)
        assert llama.ids(short) == mini.tokenizer.encode(short), short
    assert llama.ids("1987") != mini.tokenizer.encode("1987")
