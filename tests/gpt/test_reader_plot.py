"""The picture of trust: it is written, it shows what the file can tell, and a format that is not known is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gpt.errors import ConfigError
from gpt.evaluate import Graded
from gpt.reader_plot import plot_reader


def graded(answerable: np.ndarray) -> Graded:
    rng = np.random.default_rng(0)
    n = len(answerable)
    f1 = rng.random(n) * answerable
    return Graded(("t",) * n, answerable, f1 == 1, f1, rng.random(n), rng.normal(size=(n, 2)))


def test_reliability_is_drawn_only_where_some_questions_have_no_answer(tmp_path: Path) -> None:
    plot_reader(graded(np.arange(50) % 2 == 0), "a model", tmp_path / "two.svg")
    plot_reader(graded(np.ones(50, bool)), "a model", tmp_path / "one.svg")
    two, one = ((tmp_path / f"{name}.svg").read_text() for name in ("two", "one"))
    assert two.count('id="axes_') == 2
    assert one.count('id="axes_') == 1


def test_a_format_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot draw trust\.doc"):
        plot_reader(graded(np.ones(5, bool)), "a model", tmp_path / "trust.doc")
