"""A causal model as a folder that `transformers` opens with stock classes: Qwen3ForCausalLM, PreTrainedTokenizerFast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from gpt.causal import NORM_EPS, CausalModel, spelled_merges, spelled_tokens
from gpt.errors import ExportError
from gpt.tokenizer import SPECIALS, Tokenizer

USE = """In this folder:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".")
ids = tokenizer("The city of", return_tensors="pt")
print(tokenizer.decode(model.generate(**ids, max_new_tokens=40)[0]))
```

The tokenizer gives the ids the model was trained on. The name of a special token inside a text is plain text; pass
`split_special_tokens=False` to have it read as the token."""


def write_hf(causal: CausalModel, folder: Path) -> None:
    """Writes config, weights (float32) and tokenizer into the folder. Raises ExportError."""
    save_file(causal.weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes files only their owner can read
    hf_tokenizer(causal.tokenizer).save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", model_config(causal))
    _write(folder / "generation_config.json", _special_ids(causal.tokenizer))
    _write(folder / "tokenizer_config.json", tokenizer_config(causal))


def model_config(causal: CausalModel) -> dict[str, Any]:
    """The keys of `Qwen3Config`; the rotary base in the spelling of transformers 4 and of 5."""
    c = causal.config
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": c.vocab_size,
        "hidden_size": c.n_embd,
        "intermediate_size": c.n_hidden,
        "num_hidden_layers": c.n_layer,
        "num_attention_heads": c.n_head,
        "num_key_value_heads": c.n_head,
        "head_dim": c.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": c.context_len,
        "rms_norm_eps": NORM_EPS,
        "rope_theta": c.rope_base,
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_base},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "dtype": "float32",
        **_special_ids(causal.tokenizer),
    }


def tokenizer_config(causal: CausalModel) -> dict[str, Any]:
    """Nothing is added to a text, and nothing is tidied when decoding."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|end|>",  # stands before every document the model was trained on, since it ends the one before
        "eos_token": "<|end|>",
        "pad_token": "<|pad|>",
        "model_max_length": causal.config.context_len,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
    }


def hf_tokenizer(tokenizer: Tokenizer) -> Any:
    """The tokenizer as the `tokenizers` library's, with the same ids. Raises ExportError without that library."""
    try:
        from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
        from tokenizers import Tokenizer as HFTokenizer
    except ImportError as error:
        raise ExportError("--format hf needs the package tokenizers; run `pip install tokenizers`") from error
    vocabulary = {token: i for i, token in enumerate(spelled_tokens(tokenizer)[: -len(SPECIALS)])}
    bpe = models.BPE(vocab=vocabulary, merges=spelled_merges(tokenizer), ignore_merges=True)
    made = HFTokenizer(bpe)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(tokenizer.pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    return made


def _special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    end, pad = tokenizer.special_ids["<|end|>"], tokenizer.special_ids["<|pad|>"]
    return {"bos_token_id": end, "eos_token_id": end, "pad_token_id": pad}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
