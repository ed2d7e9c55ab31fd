"""What comes home from a run: its logs, its scores, and weights in pieces small enough to return.

    python3 -m deploy.gpu.results collect STORE OUT [PART]
    python3 -m deploy.gpu.results join OUT RUN       at home: verifies, and lays them into the run's folder

A call returns at most 8 files of 16 MiB, so one PART is collected at a time, logs and scores with each: a stage's name brings its
averaged weights in bfloat16 (to release or to start the next stage from, not to train on from), `released` the calibrated
model, `logs` nothing more. Without a PART it is the furthest that is done.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.gpu.parcels import MIB, Damaged, Incomplete, cut, join
from gpt.budget import STEPPED

PIECE_MIB = 15
MAX_FILES = 8
WEIGHTS = STEPPED[::-1]
PARTS = ("released", *WEIGHTS, "logs")
LOGS = ("loss.jsonl", "scores.jsonl", "loss.png")


def save_average(run: Path, stage: str, out: Path) -> Path | None:
    """Writes out/STAGE/step-N with the averaged weights of run/STAGE in bfloat16; None when there are none yet."""
    import torch

    from gpt.checkpoint import load_latest, save_step

    found = load_latest(run / stage)
    if found is None:
        return None
    groups, state = found
    average = {name: tensor.to(torch.bfloat16) for name, tensor in groups["average"].items()}
    kept = {k: v for k, v in state.items() if k not in ("format", "step", "sha256")}
    return save_step(out / stage, state["step"], {"average": average}, kept)


def done_parts(store: Path) -> list[str]:
    """The parts that are complete, the furthest first."""
    status = store / "status.json"
    stages = json.loads(status.read_text()) if status.is_file() else {}
    return [part for part in PARTS if part in stages or (part == "released" and "release" in stages)]


def collect(store: Path, out: Path, part: str | None = None) -> list[Path]:
    """Lays logs and one part of the run into `out`, at most MAX_FILES files; returns them."""
    run = store / "bundle" / "run"
    done = done_parts(store)
    part = part or (done[0] if done else "logs")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        for name in ("log.txt", "status.json", "scores.json", "machine.json"):
            if (store / name).is_file():
                shutil.copyfile(store / name, made / name)
        for stage in WEIGHTS:
            for file in (run / stage / name for name in LOGS if (run / stage / name).is_file()):
                (made / stage).mkdir(exist_ok=True)
                shutil.copyfile(file, made / stage / file.name)
        shutil.copyfile(run / "tokenizer.json", made / "tokenizer.json")
        if part in WEIGHTS:
            save_average(run, part, made)
        elif part == "released" and (run / "released").is_dir():
            shutil.copytree(run / "released", made / "released")
        pieces = cut(made, out, "result", PIECE_MIB * MIB)
    if len(pieces) + 1 > MAX_FILES:
        raise Damaged(f"{part} makes {len(pieces)} pieces, at most {MAX_FILES - 1} return; release with int8 weights")
    return pieces


def join_run(out: Path, run: Path) -> list[str]:
    """Adds what was collected to the run's folder; files that are there already are replaced. Returns their names.

    Raises Incomplete, Damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        joined = Path(folder) / "joined"
        join(out, joined)
        names = sorted(f.relative_to(joined).as_posix() for f in joined.rglob("*") if f.is_file())
        shutil.copytree(joined, run, dirs_exist_ok=True)
    return names


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["collect", store, out, *part] if len(part) < 2 and set(part) <= set(PARTS):
                for piece in collect(Path(store), Path(out), part[0] if part else None):
                    sys.stdout.write(f"{piece}\n")
            case ["join", out, run]:
                sys.stdout.write("\n".join(join_run(Path(out), Path(run))) + "\n")
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except (Incomplete, Damaged, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
