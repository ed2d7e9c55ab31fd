"""What `studygpt eval` shows to people: one table a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

READER_ROWS = (  # label, name of the number, note with further numbers
    ("exact match, %", "exact", "95% interval {exact_low} to {exact_high}"),
    ("F1, %", "f1", "95% interval {f1_low} to {f1_high}"),
    ("F1 of the answerable, %", "answerable_f1", ""),
    ("unanswerable ones declined, %", "no_answer_accuracy", "threshold {threshold}, the model's own"),
    ("declining everything, %", "decline_all", "would be this exact and this F1"),
    ("best exact match, %", "best_exact", "at this file's best threshold: a bound"),
    ("best F1, %", "best_f1", "at {best_f1_threshold}: a bound"),
    ("AUROC", "auroc", "answerable above unanswerable"),
    ("calibration error", "ece", "equal width; equal mass {ece_equal_mass}"),
    ("Brier score", "brier", "0 is perfect"),
    ("area of risk over coverage", "risk_area", "{excess_risk_area} above the best order"),
    ("answered at mean F1 95%", "coverage_at_95", "share of the questions"),
    ("answered at mean F1 90%", "coverage_at_90", ""),
    ("answered at mean F1 80%", "coverage_at_80", ""),
    ("seconds a question", "seconds_per_question", "read in batches"),
    ("questions too long to be read", "too_long", "counted as declined"),
)
CALIBRATIONS = (
    ("own", "the model's own"),
    ("cross_fitted", "cross-fitted"),
    ("cross_fitted_at_half", "the same at 0.5"),
)


def show_reader(console: Console, name: str, scores: Mapping[str, float | None]) -> None:
    """The scores of `gpt.evaluate.summarize`; what a file cannot tell has no row."""
    from rich.table import Table

    table = Table("", name, "", title=f"{scores['n']:,} questions, {scores['groups']:,} groups resampled")
    table.columns[1].justify = "right"
    words = {key: in_words(number) for key, number in scores.items()}
    for label, key, note in READER_ROWS:
        if key in scores:
            known = all(part.split("}")[0] in words for part in note.split("{")[1:])
            table.add_row(label, words[key], note.format(**words) if known else "")
    console.print(table)


def show_calibration(console: Console, name: str, found: Mapping[str, Any]) -> None:
    """The scores of `gpt.calibrate.compare_calibrations`, one calibration a column, and the fits under them."""
    from rich.table import Table

    table = Table(name, title=f"{found['n']:,} questions of {found['articles']} articles")
    for _, heading in CALIBRATIONS:
        table.add_column(heading, justify="right")
    for key in found["own"]:
        table.add_row(key, *(in_words(found[kind][key]) for kind, _ in CALIBRATIONS))
    console.print(table)
    for heading, fit in (("first half", found["fits"][0]), ("second half", found["fits"][1])):
        console.print(f"fitted on the {heading}: {_numbers(fit)}")
    console.print(f"fitted on all, scored by none: {_numbers(found['all_articles'])}")


def show_scores(console: Console, title: str, scores: Mapping[str, float | None]) -> None:
    """One number a line."""
    from rich.table import Table

    table = Table("", title)
    table.columns[1].justify = "right"
    for name, number in scores.items():
        table.add_row(name, in_words(number))
    console.print(table)


def show_retrievers(console: Console, scores: Mapping[str, Mapping[str, float | None]]) -> None:
    """One retriever a line, one number a column."""
    from rich.table import Table

    table = Table("retriever")
    for column in next(iter(scores.values())):
        table.add_column(column, justify="right")
    for name, numbers in scores.items():
        table.add_row(name, *(in_words(number) for number in numbers.values()))
    console.print(table)


def in_words(number: float | None) -> str:
    """A number as short as it is exact, and a dash for one that does not exist."""
    return "-" if number is None else f"{number:g}"


def _numbers(fit: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {number:g}" for key, number in fit.items())
