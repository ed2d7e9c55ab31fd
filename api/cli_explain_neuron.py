"""`studygpt explain neuron`: one neuron of the reader, forward and backward, with its real numbers."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from api.arguments import add_prompt, positive
from api.console import Report, heading, one_line, print_indented

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from gpt.neuron import Explanation

N_ROWS = 5  # of the largest products
BAR = 16  # columns of the longest bar
Row = tuple[int, float, float, float]
"""Which input or channel, two factors, and their product."""


def register(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `studygpt explain`."""
    neuron = kinds.add_parser(
        "neuron",
        help="one hidden neuron at one token, forward and backward",
        description="Shows what one hidden neuron computes at the first token of an answer, and how the answer's\n"
        "probability changes with each of its numbers: by a scalar engine of our own, and by torch.",
        epilog='example:\n  studygpt explain neuron --layer 2 --question "Who is it?" --passage "It is the baker."',
    )
    add_prompt(neuron)
    neuron.add_argument("--layer", metavar="L", type=positive, help="the layer, from 1 (default: the last)")
    neuron.add_argument(
        "--neuron", metavar="N", type=positive, help="the neuron, from 1 (default: the one that matters most)"
    )
    neuron.set_defaults(run=run_neuron)


def run_neuron(args: argparse.Namespace) -> Report:
    """Explains the neuron. Raises GPTError."""
    from api.settings import load_settings
    from gpt.neuron import explain_neuron
    from gpt.reader import Reader

    reader = Reader.load(load_settings(model=args.model).model)
    found = explain_neuron(reader.released, args.question, args.passage, args.layer, args.neuron)
    asked = {"model": reader.name, "question": args.question, "passage": args.passage}
    value = {**asked, "answer": args.passage[found.start : found.end].strip(), **dataclasses.asdict(found)}
    return Report({**value, "gap": found.engine.gap(found.torch)}, lambda console: show(console, args, found))


def show(console: Console, args: argparse.Namespace, found: Explanation) -> None:
    """The prompt, then three chapters."""
    from rich.text import Text

    before, answer, after = (
        one_line(f"|{part}|")[1:-1]  # keeps the blanks between the parts
        for part in (args.passage[: found.start], args.passage[found.start : found.end], args.passage[found.end :])
    )
    which = f"neuron {found.neuron} of {found.layer_neurons} in layer {found.layer}"
    console.print(Text(f"{which}, at the token {one_line(found.token)!r}", "bold"))
    if args.neuron is None:
        console.print(Text("the one of its layer whose output, times its slope, is largest here", "dim"))
    console.print()
    print_indented(console, Text(one_line(args.question), "cyan"))
    print_indented(console, Text.assemble(before, (answer, "bold reverse"), after))
    heading(console, "forward", "what it computes")
    for line in _forward(found):
        console.print(line, soft_wrap=True)
    heading(console, "backward", "how log P of the answer changes with each number")
    for line in _backward(found):
        console.print(line, soft_wrap=True)
    heading(console, "without it", "what the model says when the neuron is silent")
    print_indented(console, Text(_without(found)))


def _forward(found: Explanation) -> Iterator[Text | str]:
    neuron = found.forward
    reads = neuron.x, neuron.gate_weights, neuron.up_weights
    yield f"  x are the {len(neuron.x)} numbers that the layer reads at this token. g, u and w are the"
    yield "  neuron's weights, learnt in training. Of each sum, the largest terms:"
    yield ""
    yield from _products("gate = sum of x * g", ("i", "x", "g", "x * g"), _largest(reads[0], reads[1]))
    yield from _total(neuron.gate, len(neuron.x))
    yield from _products("up = sum of x * u", ("i", "x", "u", "x * u"), _largest(reads[0], reads[2]))
    yield from _total(neuron.up, len(neuron.x))
    sigmoid = 1 / (1 + math.exp(-neuron.gate)) if neuron.gate > -700 else 0.0
    silu = neuron.gate * sigmoid
    yield f"  silu(gate) = gate * sigmoid(gate) = {neuron.gate:.4f} * {sigmoid:.4f} = {silu:.4f}"
    yield f"  h = silu(gate) * up = {silu:.4f} * {neuron.up:.4f} = {neuron.output:.4f}"
    yield ""
    writes = _largest([neuron.output] * len(neuron.out_weights), neuron.out_weights)
    yield from _products("state = state + h * w", ("c", "h", "w", "h * w"), writes)
    yield f"  {len(writes) - N_ROWS:>5} other channels get less"


def _largest(left: Sequence[float], right: Sequence[float]) -> list[Row]:
    """All products, the largest first; counted from 1."""
    rows = [(i, a, b, a * b) for i, (a, b) in enumerate(zip(left, right, strict=True), 1)]
    return sorted(rows, key=lambda row: -abs(row[3]))


def _products(title: str, names: tuple[str, str, str, str], rows: list[Row]) -> Iterator[Text | str]:
    from rich.text import Text

    yield Text(f"  {title}", "bold")
    yield Text(f"  {names[0]:>5} {names[1]:>11} {names[2]:>11} {names[3]:>12}", "dim")
    for i, a, b, product in rows[:N_ROWS]:
        bar = "█" * max(1, round(BAR * abs(product / (rows[0][3] or 1.0))))
        numbers = f"  {i:>5} {a:>+11.4f} {b:>+11.4f} {product:>+12.4f}   "
        yield Text.assemble(numbers, (bar, "green" if product > 0 else "red"))


def _total(total: float, n: int) -> Iterator[str]:
    yield f"  {'sum':>5} {f'of all {n}':>23} {total:>+12.4f}"
    yield ""


def _backward(found: Explanation) -> Iterator[Text | str]:
    from rich.text import Text

    engine, torch, neuron = found.engine, found.torch, found.forward
    read = [row[0] - 1 for row in _largest(neuron.x, neuron.gate_weights)[:2]]
    written = [row[0] - 1 for row in _largest(neuron.out_weights, engine.state)[:2]]
    rows = [
        ("h", engine.output, torch.output, "sum of w * slope of state"),
        ("up", engine.up, torch.up, "slope of h * silu(gate)"),
        ("gate", engine.gate, torch.gate, "slope of h * up * silu'(gate)"),
        *((f"x {i + 1}", engine.x[i], torch.x[i], "of gate * g + of up * u") for i in read),
        *((f"g {i + 1}", engine.gate_weights[i], torch.gate_weights[i], "slope of gate * x") for i in read),
        *((f"u {i + 1}", engine.up_weights[i], torch.up_weights[i], "slope of up * x") for i in read),
        *((f"w {c + 1}", engine.out_weights[c], torch.out_weights[c], "slope of state * h") for c in written),
    ]
    yield Text(f"  {'slope of':<9} {'scalar engine':>14} {'torch':>14}   by the chain rule", "dim")
    for name, ours, theirs, rule in rows:
        yield Text.assemble(f"  {name:<9} {ours:>+14.5e} {theirs:>+14.5e}   ", (rule, "dim"))
    yield ""
    n = 3 + 5 * len(neuron.x) - (0 if found.engine_log_p is not None else len(neuron.x))
    yield f"  All {n:,} slopes agree to {engine.gap(torch):.0e} of the largest of their kind"
    yield "  (float32 has seven digits). They are slopes at this token alone, by way of"
    yield "  this neuron alone."
    yield ""
    if found.engine_log_p is not None:
        yield "  Behind the last layer stand a norm, the span head and a softmax. The engine"
        yield f"  computed them too: log P = {found.engine_log_p:.6f}; torch says {found.log_p:.6f}."
    else:
        yield "  More layers follow. The slopes of the state behind this one are torch's; the"
        yield "  engine went on from there."


def _without(found: Explanation) -> str:
    p, off = math.exp(found.log_p), math.exp(found.log_p_off)
    line = math.exp(min(0.0, found.log_p - found.torch.output * found.forward.output))
    return (
        f"P of the answer is {p:.4f}, its first token's times its last one's. With h = 0 it becomes {off:.4f}. "
        f"The slope of h, taken for a straight line, foretold {line:.4f}: "
        "a slope speaks of small changes, and losing a neuron is not always one."
    )
