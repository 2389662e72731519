"""Runs all attacks, as many of each as was promised: ``python -m fuzz campaign``.

The work is cut into pieces, each in a process with a seed of its own; some run beside each
other.  Then, with nothing beside them, come the siege of a real server and the measurements of
what another client waits.  A summary in JSON says how much was done, what broke, and the worst
that was seen.  It is written after each piece: what was interrupted goes on where it stopped, as
long as the sources are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any

from blink16 import hostfiles
from fuzz.attackers import NAMES

COUNTS = {
    "wire": 2_000_000,
    "calls": 1_000_000,
    "timetravel": 100_000,
    "symbols": 100_000,
    "readers": 60_000,
    "loaders": 20_000,
    "recordings": 20_000,
    "dap": 100_000,
    "expressions": 200_000,
    "client": 20_000,
    "mcp": 20_000,
}
"""Units of each attacker at scale 1."""
PIECES = 4
"""Pieces that each of the attackers' work is cut into."""
KILLS = 100
SIEGE_SECONDS = 120.0
LATENCY_SECONDS = 10.0
FOREVER = "1e9"
ALONE = ("siege", "latency")
"""Parts beside which nothing runs."""
PARTS = (*COUNTS, "kills", *ALONE)
ROOT = Path(__file__).resolve().parents[1]

Found = dict[str, Any]
"""What a piece says of itself."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Work for a process."""

    name: str
    """What the summary calls it: part/number."""
    module: str
    words: tuple[str, ...]

    @property
    def part(self) -> str:
        """Of what it is a piece."""
        return self.name.partition("/")[0]

    def run(self) -> Found:
        """Do it."""
        began = time.monotonic()
        command = [sys.executable, "-m", self.module, *self.words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            found: Found = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            found = {"faults": [f"it has died ({done.returncode}): {done.stderr[-2000:]}"]}
        if done.returncode and not found["faults"]:
            found["faults"] = [f"its status was {done.returncode}: {done.stderr[-2000:]}"]
        return found | {"seconds": round(time.monotonic() - began, 1)}


def pieces(parts: Sequence[str], scale: float, seed: str) -> list[Piece]:
    """Return the work of some parts."""
    found = []
    for part in parts:
        module, words = _command(part, scale)
        for number in range(1 if part in ALONE else PIECES):
            own = () if part == "latency" else ("--seed", f"{seed}/{number}")
            found.append(Piece(f"{part}/{number}", module, (*words, "--json", *own)))
    return found


def _command(part: str, scale: float) -> tuple[str, list[str]]:
    """Return the module that does a piece of a part, and how much it is to do."""
    if part in NAMES:
        count = ceil(COUNTS[part] * scale / PIECES)
        return "fuzz", [part, "--budget", FOREVER, "--count", str(count)]
    if part == "kills":
        return "fuzz.kills", ["--count", str(ceil(KILLS * scale / PIECES))]
    seconds = max(5.0, SIEGE_SECONDS * scale) if part == "siege" else LATENCY_SECONDS
    return f"fuzz.{part}", ["--seconds", str(seconds)]


def sources() -> str:
    """Return what stands for the sources that are attacked, and those that attack."""
    digest = sha256()
    for folder in ("blink16", "fuzz"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _computer() -> str:
    """Return what computer this is, as far as it matters to others."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"


@dataclass
class Summary:
    """What has come of a campaign so far."""

    path: Path
    scale: float
    seed: str
    tree: str = field(default_factory=sources)
    pieces: dict[str, Found] = field(default_factory=dict)
    machine: str = field(default_factory=_computer)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take_up(self) -> None:
        """Count what an earlier campaign of the same kind has done on the same sources."""
        try:
            told = json.loads(self.path.read_text())
            same = all(told[name] == getattr(self, name) for name in ("tree", "scale", "seed"))
            self.pieces = dict(told["pieces"]) if same else {}
        except (OSError, ValueError, KeyError, TypeError):
            self.pieces = {}

    def add(self, piece: Piece, found: Found) -> None:
        """Take what has come of a piece."""
        with self._lock:
            self.pieces[piece.name] = found
            self.path.touch()
            hostfiles.replace_content(
                self.path, [(json.dumps(self.told(), indent=1) + "\n").encode()]
            )

    def told(self) -> Found:
        """Return all that is to be known of it."""
        parts = {part: self._sum(part) for part in PARTS}
        return {
            "tree": self.tree,
            "scale": self.scale,
            "seed": self.seed,
            "python": platform.python_version(),
            "machine": self.machine,
            "faults": sum(len(part["faults"]) for part in parts.values() if part),
            "parts": {name: part for name, part in parts.items() if part},
            "missing": [name for name, part in parts.items() if not part],
            "pieces": self.pieces,
        }

    def _sum(self, part: str) -> Found:
        """Return what all pieces of a part have done; nothing unless all are there."""
        own = [found for name, found in self.pieces.items() if name.partition("/")[0] == part]
        if len(own) < (1 if part in ALONE else PIECES):
            return {}
        whole: Found = dict(own[0]) | {"faults": [fault for one in own for fault in one["faults"]]}
        if part not in ALONE:
            for name in ("units", "cases", "seconds"):
                whole[name] = round(sum(one.get(name, 0) for one in own), 1)
            for name in ("slowest_ms", "operation_ms", "memory_mib"):
                whole[name] = max(one.get(name, 0) for one in own)
        return whole


def campaign(summary: Summary, work: list[Piece], jobs: int, say: Callable[[str], None]) -> None:
    """Do what of the work is not yet done."""

    def do(piece: Piece) -> None:
        found = piece.run()
        summary.add(piece, found)
        done = f"{found['units']:,} {found['unit']}" if "unit" in found else "done"
        broken = f", {len(found['faults'])} FAULTS" if found["faults"] else ""
        say(f"{piece.name}: {done} in {found['seconds']:.0f} s{broken}")

    open_work = [piece for piece in work if piece.name not in summary.pieces]
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(do, [piece for piece in open_work if piece.part not in ALONE]):
            pass
    for piece in open_work:
        if piece.part in ALONE:
            do(piece)


def main(words: list[str] | None = None) -> int:
    """Run the campaign and write the summary; the status tells whether anything broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz campaign", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the counts that are promised")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", default="campaign")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="this part, and others so said"
    )
    parser.add_argument("--skip", choices=PARTS, action="append", default=[])
    parser.add_argument("--fresh", action="store_true", help="do again what was done before")
    parser.add_argument("--summary", type=Path, default=Path("campaign.json"), metavar="FILE")
    parsed = parser.parse_args(words)
    summary = Summary(parsed.summary, parsed.scale, parsed.seed)
    if not parsed.fresh:
        summary.take_up()
    parts = [part for part in parsed.only or PARTS if part not in parsed.skip]
    say = partial(print, file=sys.stderr, flush=True)
    campaign(summary, pieces(parts, parsed.scale, parsed.seed), max(1, parsed.jobs), say)
    told = summary.told()
    missing = ", ".join(told["missing"]) or "nothing"
    print(f"{parsed.summary}: {told['faults']} faults, not done: {missing}")
    return 1 if told["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
