"""Prepares a recipe's run for a rented GPU on this machine's CPU, in parcels that fit what one call may carry.

    python -m deploy.gpu.pack --corpus DATA --recipe base

Tokenizer, tokens and token vectors are made here, so that no minute of the GPU goes into them. Under OUT (default .gpu,
which git ignores): staging/ is what the machine will unpack, parcels/00, parcels/01 ... what to send, one a call, found/ the
passages that were chosen for questions without any (`open_questions` of the recipe, if DATA has such a file). Run again, it
redoes only what changed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from deploy.gpu.found import names_of, pack_found
from deploy.gpu.parcels import MIB, cut
from deploy.gpu.results import save_average
from gpt.budget import ON_TEXT, stage_configs
from gpt.config import Recipe, recipe
from gpt.errors import GPTError
from gpt.prepared import (
    PREPARED,
    Prepared,
    build_stream,
    build_vectors,
    fingerprint,
    load_prepared,
    save_prepared,
)
from gpt.squad import save_articles
from gpt.stages import before, tokenizer_stage
from gpt.tokenizer import Tokenizer
from gpt.written import PACKED, written_articles

ROOT = Path(__file__).resolve().parents[2]
CALL_MIB = 64  # the repository's files and one parcel travel together in a call
SPARE_MIB = 2  # for what grows between packing and sending
SCORED = ("qa/squad-dev-v1.1-open.json.xz", "qa/squad-dev-v2.0-open.json.xz")
PIP = ("--only-binary=:all:", "--no-deps", "--python-version", "3.12", "--implementation", "cp", "--platform")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


class PackError(Exception):
    """The run cannot be packed; str() names the value and the remedy."""


@dataclass(frozen=True)
class Job:
    """What the machine is to do with the bundle; job.json in it."""

    recipe: str
    minutes: float
    stages: tuple[str, ...]
    score: tuple[str, ...]
    limit: int | None  # questions of each file to score


def data_files(recipe: Recipe) -> list[str]:
    """The files that the stages after pretraining read: every field NAME_files but the texts, which go as tokens."""
    names = [f.name for f in fields(recipe) if f.name.endswith("_files") and f.name != "text_files"]
    return sorted({file for name in names for file in getattr(recipe, name)})


def stage_bundle(chosen: Recipe, corpus: Path, staging: Path, job: Job, asked: Sequence[Path] = ()) -> None:
    """Lays out what the machine will unpack; `asked` are files of open questions (deploy/gpu/found.py). Raises PackError,
    GPTError."""
    run = staging / "run"
    if "pretrain" in job.stages:
        tokenizer = tokenizer_stage(chosen, corpus, run)
        prepare(chosen, corpus, run, tokenizer)
    shutil.rmtree(staging / "corpus", ignore_errors=True)
    for name in (*data_files(chosen), *job.score):
        if not (corpus / name).is_file():
            raise PackError(f"no file {name} under {corpus}; point --corpus at the folder that holds it")
        (staging / "corpus" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(corpus / name, staging / "corpus" / name)
    for file in pack_found(chosen, corpus, staging.parent / "found", staging / "corpus", asked):
        say(f"{file.stat().st_size / MIB:.1f} MiB of passages for questions that came without")
    if chosen.written:
        save_articles(staging / "corpus" / PACKED, written_articles(corpus))
    (staging / "job.json").write_text(json.dumps(asdict(job)) + "\n")


def prepare(chosen: Recipe, corpus: Path, run: Path, tokenizer: Tokenizer) -> None:
    """Tokens and vectors of the recipe's texts in run/prepared, unless they are there."""
    made_of = fingerprint(chosen, tokenizer)
    if load_prepared(run / PREPARED, made_of) is not None:
        return
    shutil.rmtree(run / PREPARED, ignore_errors=True)
    stream = build_stream(chosen, tokenizer, corpus)
    say(f"{len(stream.train) / 1e6:.1f}M tokens; now their statistics, then packing them")
    save_prepared(run / PREPARED, Prepared(stream, build_vectors(chosen, stream)), made_of)


def take_pretrained(earlier: Path, stage: str, run: Path) -> None:
    """Tokenizer and averaged weights of a run that has finished that stage, to go on with the reading stage."""
    run.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(run / PREPARED, ignore_errors=True)
    shutil.copyfile(earlier / "tokenizer.json", run / "tokenizer.json")
    save_average(earlier, stage, run)


def fetch_wheels(names: list[str], folder: Path) -> None:
    """Wheels for Python 3.12 on x86-64 Linux, for a machine that lacks a package. Raises PackError."""
    shutil.rmtree(folder, ignore_errors=True)
    if not names:
        return
    platforms = [part for name in PLATFORMS for part in ("--platform", name)][1:]
    command = [sys.executable, "-m", "pip", "download", "-q", *PIP, *platforms, "-d", str(folder), *names]
    if subprocess.run(command, check=False).returncode != 0:
        raise PackError(f"pip found no wheel for one of {' '.join(names)}; choose others with --wheels, or none")


def parcel_room(root: Path) -> float:
    """MiB that a parcel may have beside the repository's own files (tracked, or new and not ignored)."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    files = [root / name for name in listed.split("\0") if name]
    return CALL_MIB - SPARE_MIB - sum(f.stat().st_size for f in files if f.is_file()) / MIB


def make_parcels(staging: Path, parcels: Path, name: str, mib: float) -> list[Path]:
    """Cuts the bundle; each parcel is a folder with one piece and the manifest of all."""
    shutil.rmtree(parcels, ignore_errors=True)
    folders = []
    for i, piece in enumerate(cut(staging, parcels, name, int(mib * MIB))):
        folders.append(parcels / f"{i:02d}")
        folders[i].mkdir()
        piece.rename(folders[i] / piece.name)
        shutil.copyfile(parcels / f"{name}.json", folders[i] / f"{name}.json")
    (parcels / f"{name}.json").unlink()
    return folders


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the recipe's data files")
    parser.add_argument("--recipe", default="base", help="a recipe of gpt/config.py (default: base)")
    parser.add_argument("--out", type=Path, default=ROOT / ".gpu", help="where to pack (default: .gpu)")
    parser.add_argument("--minutes", type=float, default=24.0, help="training and scoring on the machine (default: 24)")
    parser.add_argument("--parcel-mib", type=float, help="size of a parcel (default: what a call has room for)")
    parser.add_argument("--score", nargs="*", default=SCORED, metavar="FILE", help="question files to score there")
    parser.add_argument(
        "--open-questions",
        nargs="*",
        type=Path,
        default=[],
        metavar="FILE",
        help="questions without passages, or with passages chosen before (default: DATA's, if it has any)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each to score (default: all)")
    parser.add_argument("--wheels", nargs="*", default=[], metavar="NAME", help="packages the machine lacks")
    parser.add_argument("--pretrained", type=Path, metavar="RUN", help="go on with reading from this run's weights")
    return parser.parse_args(arguments)


def pack(args: argparse.Namespace) -> list[Path]:
    """The parcels' folders. Raises PackError, GPTError."""
    room = parcel_room(ROOT)
    mib = room if args.parcel_mib is None else args.parcel_mib
    if not 0 < mib <= room:
        raise PackError(
            f"a parcel of {mib:.1f} MiB and the repository's files exceed {CALL_MIB} MiB; at most {room:.1f} fit"
        )
    chosen, staging, asked = recipe(args.recipe), args.out / "staging", args.open_questions
    known = [file for name in chosen.open_questions for file in names_of(name)]
    for file in asked:
        if file.name not in known:
            raise PackError(f"{file} is none of the recipe's open questions; it must be called {' or '.join(known)}")
        if not file.is_file():
            raise PackError(
                f"no file {file}; make it as tests/bench/open_questions.py and hotpot_questions.py say, or leave it out"
            )
    stages = tuple(stage for stage in stage_configs(chosen) if stage not in ON_TEXT or not args.pretrained)
    if args.pretrained:
        take_pretrained(args.pretrained, before(chosen, "reading"), staging / "run")
    job = Job(args.recipe, args.minutes, stages, tuple(args.score), args.limit)
    stage_bundle(chosen, args.corpus, staging, job, asked)
    fetch_wheels(args.wheels, staging / "wheels")
    return make_parcels(staging, args.out / "parcels", args.recipe, mib)


def main(arguments: list[str] | None = None) -> int:
    try:
        folders = pack(parse(arguments))
    except (PackError, GPTError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for folder in folders:
        say(f"{folder}  {sum(f.stat().st_size for f in folder.iterdir()) / MIB:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
