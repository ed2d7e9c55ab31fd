"""What the training report says of one stage: curves and a sentence, as HTML."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from html import escape

from gpt.report_chart import Line, line_chart, loss_chart, number
from gpt.report_run import Stage

N_RATES = 60  # points of the speed curve
TITLES = {
    "pretrain": "Learning the language",
    "detect": "Learning which words belong",
    "reading": "Learning to read",
    "refine": "Reading on",
    "refine2": "Reading on, the second round",
    "detect2": "Learning once more which words belong",
    "reading2": "Learning to read anew",
    "refit": "Reading on, held-out articles too",
    "grow": "Reading on, with more layers",
    "reinforce": "Learning from reward",
}
SCORE_GROUPS = (  # heading, unit in words, and how the names of its scores end
    ("Held-out answers", "per cent of held-out questions", ("exact", "f1", "accuracy")),
    ("Telling a right passage from a wrong one", "1 is perfect, one half is chance", ("auroc",)),
    ("Seeing that a word misleads", "1 is perfect, one half is chance", ("auroc_misleading", "auroc_altered")),
    ("Distance of confidence from truth", "0 is perfect", ("ece", "brier")),
    ("Bits for a byte of held-out text", "lower is better", ("bits_per_byte",)),
    ("What stood in the place of held-out words", "nats, lower is better", ("corrected_nats",)),
)
NAMES = {
    "exact": "exact match",
    "f1": "F1",
    "auroc": "AUROC",
    "auroc_misleading": "AUROC, question changed",
    "auroc_altered": "AUROC, passage changed",
    "ece": "calibration error",
    "bits_per_byte": "bits per byte",
    "corrected_nats": "nats",
}
PEAKS = {"muon_lr": "matrices (Muon)", "adam_lr": "the rest (AdamW)"}
UNITS = {
    "pretrain": "nats a token",
    **dict.fromkeys(("reading", "refine", "refine2", "reading2", "refit", "grow"), "nats for each end of an answer"),
}


def stage_section(stage: Stage) -> str:
    """The stage's heading, how long it took, and its figures."""
    figures = "\n".join(_stage_figures(stage))
    last = stage.last
    done = f"{number(last['step'])} steps, {number(last['tokens'])} tokens, {duration(last['seconds'])}"
    if last["step"] < last["steps"]:
        done += f"; {number(last['steps'])} steps were planned when the last one ended"
    title = TITLES.get(stage.name, stage.name)
    return f'<h2>{title}</h2>\n<p>{done}. {_plans(stage)}</p>\n<div class="charts">\n{figures}\n</div>'


def _plans(stage: Stage) -> str:
    """Whether the number of steps was changed on the way; the learning rate follows the plan."""
    plans = [(line["step"], line["steps"]) for line in stage.losses]
    changes = [b for a, b in itertools.pairwise(plans) if a[1] != b[1]]
    if not changes:
        return ""
    if len(changes) > 3:
        return f"The number of steps was planned anew {len(changes)} times, which the learning rate shows."
    told = "; ".join(f"from step {number(step)} on, {number(steps)}" for step, steps in changes)
    return f"It was not run in one piece: {number(plans[0][1])} steps were planned at first; {told}."


def _stage_figures(stage: Stage) -> Iterator[str]:
    steps, losses = _column(stage.losses, "step"), _column(stage.losses, "loss")
    span = f"from {losses[0]:.2f} to {losses[-1]:.2f} in {number(steps[-1])} steps"
    unit = f"{UNITS[stage.name]}; " if stage.name in UNITS else ""
    words = f"{unit}shaded from lowest to highest, the line is the average"
    yield figure("Loss", loss_chart(steps, losses, f"Loss {span}"), words)
    rates = Line("learning rate", steps, _column(stage.losses, "lr_scale"))
    peaks = [f"{stage.training[k]:g} for {what}" for k, what in PEAKS.items() if k in stage.training]
    words = f"as a fraction of its peak: {', '.join(peaks)}" if peaks else "as a fraction of its peak"
    yield figure("Learning rate", line_chart([rates], "Learning rate as a fraction of its peak", [0.0]), words)
    if len(steps) > 1:
        chart = line_chart([_speed(stage.losses)], "Tokens a second", [0.0])
        yield figure("Speed", chart, "tokens a second, whatever else the machine did")
    yield from _score_figures(stage.scores)


def _speed(lines: Sequence[dict[str, float]]) -> Line:
    every = max(1, len(lines) // N_RATES)
    marks = lines[::every]
    pairs = [(a, b) for a, b in itertools.pairwise(marks) if b["seconds"] > a["seconds"]]
    rates = [(b["tokens"] - a["tokens"]) / (b["seconds"] - a["seconds"]) for a, b in pairs]
    return Line("tokens a second", [b["step"] for _, b in pairs], rates)


def _score_figures(scores: Sequence[dict[str, float]]) -> Iterator[str]:
    names = [name for name in dict.fromkeys(k for line in scores for k in line) if name not in ("step", "seconds")]
    left = set(names)
    for title, unit, endings in SCORE_GROUPS:
        group = [name for name in names if name.endswith(endings)]
        left -= set(group)
        for at in range(0, len(group), 4):  # as many as there are colours
            yield _score_figure(title, unit, group[at : at + 4], scores)
    for name in sorted(left):
        yield _score_figure(score_name(name), "", [name], scores)


def _score_figure(title: str, unit: str, names: Sequence[str], scores: Sequence[dict[str, float]]) -> str:
    lines, keys = [], []
    for i, name in enumerate(names, 1):
        told = [line for line in scores if name in line]
        lines.append(Line(score_name(name), _column(told, "step"), _column(told, name), f"s{i}", dots=True))
        keys.append(f'<li><span class="key s{i}"></span>{escape(score_name(name))} {number(told[-1][name])}</li>')
    chart = line_chart(lines, f"{title}: {', '.join(line.name for line in lines)} over the steps")
    legend = f'<ul class="legend">{"".join(keys)}</ul>'
    return figure(
        title, chart + legend, f"{unit}; the legend has the last value" if unit else "the legend has the last value"
    )


def figure(title: str, drawn: str, caption: str) -> str:
    """A chart with its heading above and its words below."""
    return f"<figure><h3>{escape(title)}</h3>{drawn}<figcaption>{escape(caption)}.</figcaption></figure>"


def score_name(key: str) -> str:
    """definitions_f1 -> definitions, F1."""
    for ending, name in NAMES.items():
        if key.endswith(ending):
            before = key.removesuffix(ending).strip("_").replace("_", " ")
            return f"{before}, {name}" if before else name
    return key.replace("_", " ")


def duration(seconds: float) -> str:
    """In the largest unit that leaves a number from one."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}" if size == 3600 else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def power(value: float | None) -> str:
    """1.6 × 10^15, set as HTML."""
    if not value:
        return "unknown"
    exponent = math.floor(math.log10(value))
    return f"{value / 10**exponent:.1f} × 10<sup>{exponent}</sup>"


def _column(lines: Sequence[dict[str, float]], name: str) -> list[float]:
    return [line[name] for line in lines]
