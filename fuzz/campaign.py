"""Runs all attacks, as many of each as was promised: ``python -m fuzz campaign``.

Each attacker works in processes of its own with seeds of their own, some beside each other.  Then,
with nothing beside them, come the siege of a real server and the measurements of what another
client waits.  A summary in JSON says how much was done, what broke, and the worst that was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COUNTS = {
    "wire": 2_000_000,
    "calls": 1_000_000,
    "timetravel": 50_000,
    "symbols": 100_000,
    "readers": 60_000,
    "loaders": 20_000,
    "recordings": 20_000,
    "dap": 100_000,
    "client": 20_000,
    "mcp": 20_000,
}
"""Units of each attacker at scale 1."""
PIECES = 8
"""Processes, one after the other or beside each other, that an attacker's work is cut into."""
KILLS = 100
SIEGE_SECONDS = 120.0
LATENCY_SECONDS = 10.0
FOREVER = "1e9"


@dataclass(slots=True)
class Outcome:
    """What has come of an attacker."""

    name: str
    units: int = 0
    unit: str = ""
    cases: int = 0
    seconds: float = 0.0
    """Of all its processes."""
    slowest_ms: float = 0.0
    operation_ms: float = 0.0
    memory_mib: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, piece: dict[str, Any]) -> None:
        """Count what one process has done."""
        self.unit = piece["unit"]
        self.units += piece["units"]
        self.cases += piece["cases"]
        self.seconds = round(self.seconds + piece["seconds"], 1)
        self.slowest_ms = max(self.slowest_ms, piece["slowest_ms"])
        self.operation_ms = max(self.operation_ms, piece["operation_ms"])
        self.memory_mib = max(self.memory_mib, piece["memory_mib"])
        self.faults += [piece["failure"]] if piece["failure"] else []


def module(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of ours."""
    command = [sys.executable, "-m", name, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def attack(outcome: Outcome, count: int, seed: str) -> None:
    """Have one process attack."""
    done = module(
        "fuzz", outcome.name, "--json", "--budget", FOREVER, "--count", str(count), "--seed", seed
    )
    try:
        outcome.add(json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        outcome.faults.append(f"the attacker has died ({done.returncode}): {done.stderr[-1000:]}")


def attacks(scale: float, jobs: int, seed: str, names: list[str]) -> list[Outcome]:
    """Run the attackers whose cases are carried out in their own process."""
    outcomes = [Outcome(name) for name in names]
    count = max(1, min(PIECES, round(PIECES * scale * 2)))
    with ThreadPoolExecutor(jobs) as pool:
        pieces = [
            pool.submit(attack, one, -(-round(COUNTS[one.name] * scale) // count), f"{seed}/{n}")
            for one in outcomes
            for n in range(count)
        ]
        for piece in pieces:
            piece.result()
    return outcomes


def kills(count: int, seed: str) -> Outcome:
    """Kill recorders and commits."""
    began = time.monotonic()
    done = module("fuzz.kills", "--count", str(count), "--seed", seed)
    found = Outcome("kills", unit="kills of each", seconds=round(time.monotonic() - began, 1))
    found.units = count if done.returncode == 0 else 0
    found.faults += [] if done.returncode == 0 else [done.stderr[-2000:]]
    return found


def siege(seconds: float, seed: str) -> dict[str, Any]:
    """Besiege a real server."""
    done = module("fuzz.siege", "--json", "--seconds", str(seconds), "--seed", seed)
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        found = {"faults": [done.stderr[-2000:]]}
    return found


def latency(seconds: float) -> dict[str, Any]:
    """Measure what another client waits under each load."""
    done = module("fuzz.latency", "--seconds", str(seconds))
    faults = [] if done.returncode == 0 else ["more than was promised", done.stderr[-2000:]]
    return {"said": done.stdout.splitlines(), "faults": faults}


def campaign(
    scale: float, jobs: int, seed: str, names: list[str], skipped: list[str]
) -> dict[str, Any]:
    """Do all of it, but for what is skipped; return the summary."""
    began = time.monotonic()
    outcomes = attacks(scale, jobs, seed, names)
    if "kills" not in skipped:
        outcomes.append(kills(max(1, round(KILLS * scale)), seed))
    summary: dict[str, Any] = {"scale": scale, "seed": seed}
    summary["attacks"] = {
        one.name: {slot: getattr(one, slot) for slot in one.__slots__} for one in outcomes
    }
    if "siege" not in skipped:
        summary["siege"] = siege(max(5.0, SIEGE_SECONDS * scale), seed)
    if "latency" not in skipped:
        summary["latency"] = latency(max(1.0, LATENCY_SECONDS * min(1.0, scale)))
    alone = [summary[name] for name in ("siege", "latency") if name in summary]
    parts = [*summary["attacks"].values(), *alone]
    summary["faults"] = sum(len(part["faults"]) for part in parts)
    summary["minutes"] = round((time.monotonic() - began) / 60, 1)
    return summary


def main(words: list[str] | None = None) -> int:
    """Run the campaign and write the summary; the status tells whether anything broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz campaign", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the counts that are promised")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", default="campaign")
    parser.add_argument("--only", choices=COUNTS, action="append", help="of the attackers")
    parser.add_argument("--skip", choices=("kills", "siege", "latency"), action="append")
    parser.add_argument("--summary", type=Path, default=Path("campaign.json"), metavar="FILE")
    parsed = parser.parse_args(words)
    found = campaign(
        parsed.scale, parsed.jobs, parsed.seed, parsed.only or list(COUNTS), parsed.skip or []
    )
    text = json.dumps(found, indent=1)
    parsed.summary.write_text(text + "\n")
    print(text)
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
