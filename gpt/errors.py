"""Errors of the GPT.

GPTError
├── ConfigError       a configuration value is out of range, or a recipe is unknown
├── TokenizerError    a tokenizer cannot be trained, read or written
├── DataError         a corpus or a question file cannot be used
├── CheckpointError   a checkpoint is missing, damaged, or belongs to another config or tokenizer
├── ContextTooLong    a text does not fit the model's window
└── ExportError       a model cannot be written in another program's format
Each message names the value and the remedy in one line.
"""


class GPTError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(GPTError):
    """A configuration value is out of range, or a recipe is unknown."""


class TokenizerError(GPTError):
    """A tokenizer cannot be trained, read or written."""


class DataError(GPTError):
    """A corpus or a question file cannot be used."""


class CheckpointError(GPTError):
    """A checkpoint is missing, damaged, or belongs to another config or tokenizer."""


class ContextTooLong(GPTError):
    """A text does not fit the model's window."""


class ExportError(GPTError):
    """A model cannot be written in another program's format."""
