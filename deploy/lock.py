"""Turns pip's installation report (standard input) into the lines of `requirements.lock`: exact versions, sorted.

The project itself is left out, and so are the CUDA libraries: torch names the ones it needs on each platform, and
pip adds them there. Local versions (`+cpu`) are cut off for the same reason. Used by `make lock`.
"""

from __future__ import annotations

import json
import re
import sys

PROJECT = "studygpt"
PLATFORM_ONLY = re.compile(r"(nvidia|cuda)-.*|triton")


def lock_lines(report: dict) -> list[str]:
    """`name==version` for every package of the report, sorted by the normalized name."""
    lines = []
    for item in report["install"]:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        version = item["metadata"]["version"].split("+")[0]
        if name != PROJECT and not PLATFORM_ONLY.fullmatch(name):
            lines.append(f"{name}=={version}")
    return sorted(lines)


if __name__ == "__main__":
    sys.stdout.write("\n".join(lock_lines(json.load(sys.stdin))) + "\n")
