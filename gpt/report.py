"""The report of a training run: one HTML file that tells what happened, stage by stage.

A part appears once its stage has run; what cannot be told yet, the report names. What it says is gathered in
gpt/report_run.py and set in gpt/report_page.py.
"""

from __future__ import annotations

from pathlib import Path

from gpt.config import Recipe
from gpt.report_page import page
from gpt.report_run import gather


def write_report(recipe: Recipe, corpus: Path | None, out: Path) -> Path:
    """Writes out/report.html and returns its path. `corpus` holds the held-out questions; None: the report does without.

    Raises DataError when no stage has left a loss yet.
    """
    path = out / "report.html"
    text = page(gather(recipe, corpus, out))
    path.write_text(text, encoding="utf-8")
    return path
