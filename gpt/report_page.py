"""The training report as one HTML page that loads nothing: style, charts and words in one text."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from gpt.report_chart import number, reliability_chart
from gpt.report_examples import SAMPLING, Answers, Outcome
from gpt.report_run import RunReport, Stage
from gpt.report_stages import duration, figure, power, score_name, stage_section

STYLE = Path(__file__).with_name("report.css")
AROUND = 160  # characters of a passage shown on each side of an answer
CLASSES = {"Right": "good", "Partly right": "half", "Not in the passage, and declined": "good"}


def page(report: RunReport) -> str:
    """The whole document."""
    body = "\n".join(
        (_head(report), *map(stage_section, report.stages), _written(report), _answered(report), _recipe(report))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>How {escape(report.recipe.name)} was trained</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
        f"</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(report: RunReport) -> str:
    stages = report.stages
    seconds = sum(s.last["seconds"] for s in stages)
    flops = [s.flops for s in stages if s.flops is not None]
    figures = [(f"{s.name}, tokens", number(s.last["tokens"])) for s in stages]
    figures += [("training time", duration(seconds))]
    figures += [("operations, about", power(sum(flops)))] if len(flops) == len(stages) else []
    if config := stages[-1].config:
        figures.insert(0, ("parameters", number(config.n_params)))
    held_out = report.released.get("training", {}).get("held_out", {})
    figures += [(f"held-out {score_name(k)}", number(v)) for k, v in held_out.items() if k in ("exact", "f1", "auroc")]
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in figures)
    missing = "".join(f'<p class="note">Not told here: {escape(words)}</p>' for words in report.missing)
    return (
        f"<h1>How {escape(report.recipe.name)} was trained</h1>\n"
        '<p class="lead">From scratch, by the recipe at the end of this page. Curves and numbers are the ones that the run '
        f'wrote down.</p>\n<dl class="figures">{tiles}</dl>\n{missing}'
    )


def _written(report: RunReport) -> str:
    if not report.samples:
        return ""
    read = next((number(s.last["tokens"]) for s in report.stages if s.name == "pretrain"), "its")
    texts = "\n".join(f'<p class="sample"><b>{escape(s.beginning)}</b>{escape(s.written)}</p>' for s in report.samples)
    return (
        f"<h2>What it writes</h2>\n<p>After {read} tokens of text and before it learnt to read. The words in colour were "
        f"given; the rest is drawn token by token (temperature {SAMPLING.temperature:g}, the {SAMPLING.top_k} likeliest, at most "
        f"{SAMPLING.max_tokens} tokens), as it came.</p>\n{texts}"
    )


def _answered(report: RunReport) -> str:
    answers = report.answers
    if answers is None:
        return ""
    n = len(answers.outcomes) // 2
    there = ", ".join(f"{answers.count(kind)} {kind.lower()}" for kind in ("Right", "Partly right", "Wrong"))
    there += f", {answers.count('In the passage, but withheld')} withheld"
    declined = answers.count("Not in the passage, and declined")
    shown = ((kind, "".join(map(_case, outcomes))) for kind, outcomes in answers.shown.items() if outcomes)
    cases = "".join(f"<h3>{escape(kind)}</h3>\n{told}\n" for kind, told in shown)
    return (
        f"<h2>What it answers</h2>\n<p>{n} random questions of articles it was not trained on, each asked twice. Over the "
        f"right paragraph: {there}. Over the wrong paragraph that shares most words with the question: {declined} of {n} "
        "declined. Below stand the first of each kind. The words it points at are marked; dotted where it kept them to "
        "itself.</p>\n"
        f"{_calibration(report, answers)}\n{cases}"
    )


def _case(outcome: Outcome) -> str:
    passage, end = outcome.passage, outcome.end
    start = end - len(passage[outcome.start : end].lstrip())  # a token brings the blank before it
    before, after = passage[max(0, start - AROUND) : start], passage[end : end + AROUND]
    before = before if start <= AROUND else "… " + before.partition(" ")[2]
    after = after if end + AROUND >= len(passage) else after.rpartition(" ")[0] + " …"
    facts = f"confidence {outcome.confidence:.0%}"
    if outcome.golds:
        golds = " / ".join(dict.fromkeys(outcome.golds))
        facts += f"; expected: {golds}; F1 {outcome.f1:.2f}"
    else:
        facts += "; the answer does not stand in this passage"
    unsaid = ' class="unsaid"' if outcome.withheld else ""
    return (
        f'<article class="case {CLASSES.get(outcome.kind, "bad")}"><h4>{escape(outcome.question)}</h4>'
        f'<p class="passage">{escape(before)}<mark{unsaid}>{escape(passage[start:end])}</mark>{escape(after)}</p>'
        f'<p class="facts">{escape(facts)}</p></article>'
    )


def _calibration(report: RunReport, answers: Answers) -> str:
    bins = [(b.confidence, b.accuracy, b.count) for b in answers.bins]
    n = len(answers.outcomes)
    chart = reliability_chart(bins, f"Share of passages that hold the answer, by confidence, over {n} readings")
    training = report.released.get("training", {})
    calibrated_on = training.get("calibrated_on", "on the same articles")
    caption = (
        f"share of passages that do hold an answer, over {n} readings; on the dashed line confidence is true. "
        f"Calibration error {answers.calibration_error:.3f}. The calibration was fitted {calibrated_on}"
    )
    held_out = training.get("held_out", {})
    scores = {f"held-out {score_name(k)}": v for k, v in held_out.items() if isinstance(v, int | float)}
    fitted = {k.replace("_", " "): v for k, v in report.released.get("calibration", {}).items()}
    tables = _table("scores in the model's card", scores) + _table("calibration", fitted)
    return f'<div class="charts">{figure("Confidence and truth", chart, caption)}{tables}</div>'


def _recipe(report: RunReport) -> str:
    rows = "".join(_compute_row(stage) for stage in report.stages)
    flops = [s.flops for s in report.stages if s.flops is not None]
    total = (
        f"<tr><td>all</td><td></td><td>{number(sum(s.last['tokens'] for s in report.stages))}</td>"
        f"<td>{duration(sum(s.last['seconds'] for s in report.stages))}</td><td></td><td>{power(sum(flops))}</td></tr>"
    )
    tables = _table("model", report.stages[-1].model)
    tables += "".join(_table(stage.name, stage.training) for stage in report.stages)
    recipe = report.recipe
    released = report.released.get("training", {})
    data = released.get("data") or recipe.files
    files = "".join(f"<li><code>{escape(name)}</code></li>" for name in data)
    fingerprint = released.get("recipe_fingerprint", recipe.fingerprint)
    return (
        '<h2>What it cost</h2>\n<div class="table"><table><thead><tr><th>stage</th><th>steps</th><th>tokens</th><th>time</th>'
        f"<th>tokens/s</th><th>operations, about</th></tr></thead><tbody>{rows}</tbody><tfoot>{total}</tfoot></table></div>\n"
        f"<h2>The recipe</h2>\n<p><code>studygpt train all {escape(recipe.name)}</code>, fingerprint <code>{escape(fingerprint)}"
        f'</code>. The numbers are those in the checkpoints.</p>\n<div class="recipe">{tables}</div>\n'
        f'<h3>Data</h3>\n<ul class="files">{files}</ul>'
    )


def _compute_row(stage: Stage) -> str:
    last = stage.last
    rate = number(round(last["tokens"] / max(last["seconds"], 1e-9)))
    cells = (number(last["step"]), number(last["tokens"]), duration(last["seconds"]), rate, power(stage.flops))
    return f"<tr><td>{escape(stage.name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table(title: str, values: dict[str, Any]) -> str:
    if not values:
        return ""
    rows = "".join(f"<tr><td>{escape(k)}</td><td>{escape(_plain(v))}</td></tr>" for k, v in values.items())
    head = f"<thead><tr><th>{escape(title)}</th><th></th></tr></thead>"
    return f'<div class="table"><table>{head}<tbody>{rows}</tbody></table></div>'


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
