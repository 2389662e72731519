"""The command: run everything, some times over, and show a table of medians."""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from importlib import import_module
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, ELKS_ENGINES, MILLION, elks
from benchmarks.guests import ELKS_PROGRAM, GUESTS, elks_image

WHAT = ("speed", "time-travel", "boot", "pc", "questions", "start", "view", "wire")
BASE = "QEMU TCG"
Results = dict[tuple[str, str], list[float]]
"""By contestant and guest: million instructions a second, run by run."""


def measure(times: int, scale: float) -> Results:
    """Run every guest on everything that is here, one after the other, ``times`` over."""
    results: Results = defaultdict(list)
    here = [contestant for contestant in CONTESTANTS if contestant.is_here]
    image = elks_image()
    for _ in range(times):
        for guest in GUESTS:
            for contestant in here:
                rounds = guest.rounds(int(contestant.instructions * scale))
                instructions, seconds = contestant.run(guest, rounds)
                results[contestant.name, guest.name].append(instructions / seconds / MILLION)
        if image is None:
            continue
        for name, (engine, rounds) in ELKS_ENGINES.items():
            instructions, seconds = elks(image, engine, max(1, int(rounds * scale)))
            results[name, f"{ELKS_PROGRAM} (ELKS)"].append(instructions / seconds / MILLION)
    return results


def table(results: Results) -> str:
    """Return medians, in million instructions a second, and ratios to QEMU's, as Markdown."""
    guests = list(dict.fromkeys(guest for _, guest in results))
    medians = {key: statistics.median(values) for key, values in results.items()}
    lines = [["MIPS (× QEMU TCG)", *guests], ["---", *("---:" for _ in guests)]]
    for name in dict.fromkeys(name for name, _ in results):
        cells = []
        for guest in guests:
            speed, base = medians.get((name, guest)), medians.get((BASE, guest))
            ratio = f" ({speed / base:.2f})" if speed and base else ""
            cells.append(f"{speed:.4g}{ratio}" if speed else "")
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def chart(results: Results, path: Path) -> None:
    """Draw the medians as bars."""
    from matplotlib import pyplot

    guests = list(dict.fromkeys(guest for _, guest in results))
    names = list(dict.fromkeys(name for name, _ in results))
    figure, axes = pyplot.subplots(figsize=(10, 5), layout="constrained")
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        bars = [
            (n, results[name, guest]) for n, guest in enumerate(guests) if (name, guest) in results
        ]
        places = [n + (number - len(names) / 2) * width for n, _ in bars]
        axes.bar(places, [statistics.median(speeds) for _, speeds in bars], width, label=name)
    axes.set_yscale("log")
    axes.set_ylabel("million guest instructions a second")
    axes.set_xticks(range(len(guests)), guests)
    figure.legend(loc="outside upper center", ncols=4, fontsize="small")
    figure.savefig(path, dpi=120)


def _report(arguments: argparse.Namespace) -> None:
    """Run another benchmark; each is imported when it is wanted, as they need different extras."""
    module = import_module(f"benchmarks.{arguments.what.replace('-', '_')}")
    match arguments.what:
        case "time-travel":
            module.report(arguments.times, arguments.scale, arguments.chart)
        case "boot" | "view":
            module.report(arguments.times, arguments.images)
        case "questions" | "pc":
            module.report(arguments.times, arguments.scale)
        case _:
            module.report(arguments.times)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=WHAT, default="speed")
    parser.add_argument("--times", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="length of the runs (default: 1)")
    parser.add_argument(
        "--chart", type=Path, help="draw the results into this PNG (needs matplotlib)"
    )
    parser.add_argument(
        "--images",
        type=Path,
        default=Path("../shared/images"),
        help="folder of the disks that are booted (default: ../shared/images)",
    )
    arguments = parser.parse_args()
    if arguments.what != "speed":
        _report(arguments)
        return
    results = measure(arguments.times, arguments.scale)
    print(table(results))
    if arguments.chart:
        chart(results, arguments.chart)


if __name__ == "__main__":
    main()
