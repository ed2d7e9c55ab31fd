from __future__ import annotations

import pytest

from indexer.headings import heading_words, is_heading_alone


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


@pytest.mark.parametrize(
    ("text", "headings", "alone"),
    [
        ("# The chain rule\n\n&nbsp;", ["The chain rule"], True),
        (":label:`sec_a`", ["A"], True),
        ("<a name='x'></a>", [], True),
        ("# #", [], True),
        ("### Layer Normalization\n:label:`sec_ln`", ["Norms", "Layer normalization"], True),
        ("# Paris\n\n2,103,000", ["Paris"], False),
        ("# ReLU is max(0, x)", ["def relu(x)"], False),
        ("x", [], False),
        ("The rule", ["The chain rule"], True),
    ],
)
def test_a_heading_alone_has_no_word_of_its_own(text: str, headings: list[str], alone: bool) -> None:
    assert is_heading_alone(text, headings) == alone
