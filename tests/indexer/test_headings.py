from __future__ import annotations

import pytest

from indexer.headings import heading_words


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("## The *big* loss ##", "The big loss"),
        ("Title\n=====\n", "Title"),
        ("=======\n Title\n=======", "Title"),
        ("### Use `torch.nn` {#sec:use}", "Use torch.nn"),
        ("# [Attention](https://example.org) is all", "Attention is all"),
        ("# %% [markdown]\n# # Loss", "Loss"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("C#", "C#"),
        ("Why?", "Why?"),
        ("#", "#"),
        ("word " * 100, ("word " * 24).strip()),
    ],
)
def test_the_words_of_a_heading(heading: str, words: str) -> None:
    assert heading_words(heading) == words
