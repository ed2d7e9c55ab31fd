"""A causal model as one GGUF file of the architecture qwen3, for llama.cpp and what is built on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpt.causal import NORM_EPS, CausalModel, spelled_merges, spelled_tokens
from gpt.errors import ExportError
from gpt.tokenizer import SPECIALS

if TYPE_CHECKING:
    from gguf import GGUFWriter

PRE_TOKENIZER = "llama-bpe"
"""llama.cpp splits text by patterns it knows by name, and none cuts numbers into two digits, as ours does. This one cuts
them into three and is equal in all else; the next best, one digit, changes more than twice as many tokens (docs/log.md)."""

USE = """In this folder:

```sh
llama-server -m NAME.gguf --port 8080
curl http://127.0.0.1:8080/completion -d '{"prompt": "The city of", "n_predict": 40}'
```

Texts give the ids the model was trained on, but for numbers of three and more digits: the model knows 1987 as 19 87,
llama.cpp, which has no such split, as 19 8 7. On encyclopedia articles and abstracts that is 0.9% of the tokens. The
server also takes a list of token ids as the prompt, and then all is equal."""

BLOCK_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(causal: CausalModel, folder: Path) -> None:
    """Writes folder/NAME.gguf, float32. Raises ExportError without the package gguf."""
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise ExportError("--format gguf needs the package gguf; run `pip install gguf`") from error
    writer = GGUFWriter(folder / f"{causal.name}.gguf", "qwen3")
    _add_shape(writer, causal)
    _add_tokenizer(writer, causal)
    for name, tensor in causal.weights.items():
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(tensor.numpy(), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    """`model.layers.3.mlp.up_proj.weight` -> `blk.3.ffn_up.weight`."""
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, i, part = name.removesuffix(".weight").split(".", 3)
    return f"blk.{i}.{BLOCK_NAMES[part]}.weight"


def _add_shape(writer: GGUFWriter, causal: CausalModel) -> None:
    from gguf import LlamaFileType

    c = causal.config
    writer.add_name(causal.name)
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_vocab_size(c.vocab_size)
    writer.add_context_length(c.context_len)
    writer.add_embedding_length(c.n_embd)
    writer.add_block_count(c.n_layer)
    writer.add_feed_forward_length(c.n_hidden)
    writer.add_head_count(c.n_head)
    writer.add_head_count_kv(c.n_head)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_freq_base(c.rope_base)
    writer.add_layer_norm_rms_eps(NORM_EPS)


def _add_tokenizer(writer: GGUFWriter, causal: CausalModel) -> None:
    from gguf import TokenType

    tokenizer = causal.tokenizer
    end, pad = tokenizer.special_ids["<|end|>"], tokenizer.special_ids["<|pad|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(spelled_tokens(tokenizer))
    writer.add_token_types([TokenType.NORMAL] * len(tokenizer.ranks) + [TokenType.CONTROL] * len(SPECIALS))
    writer.add_token_merges([" ".join(pair) for pair in spelled_merges(tokenizer)])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(pad)
    writer.add_add_bos_token(False)
