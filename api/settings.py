"""The service's settings: the only file that reads the environment.

Each field is read from `STUDYGPT_<FIELD>`; a command-line option overrides it. Settings are frozen and validated once,
and an environment variable with the prefix that names no field is an error, so that a misspelt one is not ignored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_PREFIX = "STUDYGPT_"


class SettingsError(Exception):
    """A setting is unknown or has a value that does not fit; the message names it and the remedy."""


class Settings(BaseSettings):
    """Everything that can be configured. Build it with `load_settings`, which also rejects unknown variables."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("studygpt")),
        description="Folder of the index and of the documents' copies.",
    )
    model: Path | None = Field(default=None, description="Folder of a trained reader; empty: the released one.")
    embedding_model: str | None = Field(
        default=None, description="Folder of a sentence-transformers model; empty: the bundled one, all-MiniLM-L6-v2."
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further host names to answer to, with commas between them; localhost and host always are.",
    )
    max_upload_mb: int = Field(default=64, ge=1, description="Largest accepted upload, in MiB.")
    watch: Path | None = Field(default=None, description="Folder to follow, as a collection of its name; empty: none.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def split_names(cls, names: object) -> object:
        """`a.example, b.example` means both."""
        return [name.strip() for name in names.split(",") if name.strip()] if isinstance(names, str) else names

    @field_validator("data_dir", "model", "watch")
    @classmethod
    def expand_home(cls, path: Path | None) -> Path | None:
        """`~` means the user's home, in the environment as on the command line."""
        return None if path is None else path.expanduser()


def load_settings(**overrides: object) -> Settings:
    """The settings of the environment, with `overrides` (those that are not None) in front of it.

    Raises SettingsError naming the variable or the field, its value and the remedy.
    """
    reject_unknown(os.environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic validates
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        where = field if field in given else f"{ENV_PREFIX}{field.upper()}"
        raise SettingsError(f"{where}={first['input']!r} does not fit: {first['msg']}") from error


def reject_unknown(environ: Mapping[str, str]) -> None:
    """Raises SettingsError for a variable that has the prefix but names no setting."""
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)
    if unknown:
        names = ", ".join(sorted(known))
        raise SettingsError(f"unknown setting {unknown[0]} in the environment; unset it or use one of {names}")
