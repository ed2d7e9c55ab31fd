"""The indexer's numbers for a harness of small histories: what happens rarely happens often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from indexer import reserve, store


@contextmanager
def quick_settings() -> Iterator[None]:
    """The log is carried over every few commits, and the reserve is small."""
    with patch.object(store, "WAL_PAGES", 40), patch.object(reserve, "LEAST_BYTES", 1 << 16):
        yield
