"""A folder as pieces below a size limit, and back again: one tar, cut, with the sha256 of every piece.

    python3 -m deploy.gpu.parcels cut FOLDER OUT NAME MIB     OUT/NAME.00, OUT/NAME.01 ... and OUT/NAME.json
    python3 -m deploy.gpu.parcels join PLACE FOLDER           from all pieces found under PLACE

Exit status of join: 0 joined, 3 pieces are still missing (their names on standard output), 1 a piece is damaged.
Needs nothing but Python, since it runs before anything else does on a rented machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
from pathlib import Path

MIB = 2**20
INCOMPLETE = 3


class Incomplete(Exception):
    """Pieces are missing; str() names them."""


class Damaged(Exception):
    """A piece is not what its manifest says, or there is no manifest; str() names it."""


def cut(folder: Path, out: Path, name: str, piece_bytes: int) -> list[Path]:
    """Writes the folder's files as pieces of at most `piece_bytes`, and NAME.json; returns the pieces.

    Equal folders give equal pieces: names are sorted, times and owners left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    whole = out / f".{name}.tar"
    with tarfile.open(whole, "w", format=tarfile.GNU_FORMAT) as tar:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            info = tarfile.TarInfo(file.relative_to(folder).as_posix())
            info.size = file.stat().st_size
            with file.open("rb") as stream:
                tar.addfile(info, stream)
    pieces: list[Path] = []
    with whole.open("rb") as stream:
        while data := stream.read(piece_bytes):
            piece = out / f"{name}.{len(pieces):02d}"
            piece.write_bytes(data)
            pieces.append(piece)
    whole.unlink()
    digests = {piece.name: sha256(piece) for piece in pieces}
    (out / f"{name}.json").write_text(json.dumps({"name": name, "pieces": digests}, indent=1) + "\n")
    return pieces


def join(place: Path, folder: Path) -> None:
    """Unpacks what `cut` wrote, wherever under `place` its pieces lie; `folder` appears whole or not at all.

    Raises Incomplete when pieces are missing, Damaged when one is not what it was.
    """
    manifests = sorted(place.rglob("*.json"))
    if not manifests:
        raise Damaged(f"no parcel under {place}: nothing there is called NAME.json")
    texts = {manifest.read_text() for manifest in manifests}
    if len(texts) > 1:
        raise Damaged(f"parcels of different runs lie under {place}; remove the older ones")
    digests = json.loads(texts.pop())["pieces"]
    found = {name: next(place.rglob(name), None) for name in digests}
    missing = [name for name, piece in found.items() if piece is None]
    if missing:
        raise Incomplete(
            f"{len(digests) - len(missing)} of {len(digests)} pieces are here; missing: {' '.join(missing)}"
        )
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    whole = partial / ".whole.tar"
    with whole.open("wb") as stream:
        for name, piece in found.items():
            if piece is None or sha256(piece) != digests[name]:
                raise Damaged(f"{piece} is damaged (its sha256 differs from the recorded one); send it again")
            stream.write(piece.read_bytes())
    careful = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # not before Python 3.11.4
    with tarfile.open(whole) as tar:
        tar.extractall(partial, **careful)
    whole.unlink()
    partial.rename(folder)


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    match arguments:
        case ["cut", folder, out, name, mib]:
            cut(Path(folder), Path(out), name, int(float(mib) * MIB))
        case ["join", place, folder]:
            try:
                join(Path(place), Path(folder))
            except Incomplete as waiting:
                sys.stdout.write(f"{waiting}\n")
                return INCOMPLETE
            except Damaged as error:
                sys.stderr.write(f"{error}\n")
                return 1
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
