"""Says in Markdown what a campaign has done: ``python -m fuzz.told campaign.json``.

``--write docs/security.md`` puts it there, in the place of what an earlier one did.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- campaign -->\n", "<!-- campaign ends -->\n"
"""Lines between which a page says it."""


def lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that tell of a summary."""
    parts = told["parts"]
    yield f"Sources {told['tree']}, Python {told['python']}, {told['machine']}:"
    yield ""
    yield "| attacker | done | longest operation | memory at most | faults |"
    yield "|---|---|---|---|---|"
    for name, part in parts.items():
        if "unit" in part:
            longest = f"{part['operation_ms']:.0f} ms" if part.get("operation_ms") else ""
            memory = f"{part['memory_mib']} MiB" if part.get("memory_mib") else ""
            done = f"{part['units']:,} {part['unit']}"
            yield f"| {name} | {done} | {longest} | {memory} | {len(part['faults'])} |"
    siege, latency = parts.get("siege"), parts.get("latency")
    if siege or latency:
        yield ""
        yield "| another client's small request, while | p99 | worst | an idle process' worst |"
        yield "|---|---|---|---|"
    if siege and "packets" in siege:
        what = (
            f"{siege['packets']:,} packets come from {siege['connections']:,} connections (siege)"
        )
        numbers = (siege["p99"] * 1000, siege["worst"] * 1000, siege["idle_worst"] * 1000)
        yield f"| {what} | " + " | ".join(f"{number:.1f} ms" for number in numbers) + " |"
    for row in (latency or {}).get("rows", ()):
        what = f"{row['load']} ({row['clients']} clients)" if row["clients"] else row["load"]
        numbers = (row["p99"], row["worst"], row["idle"]["worst"])
        yield f"| {what} | " + " | ".join(f"{number:.1f} ms" for number in numbers) + " |"
    if told["missing"]:
        yield ""
        yield f"Not done in this campaign: {', '.join(told['missing'])}."


def main() -> int:
    """Say it, or write it."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.told", description=__doc__)
    parser.add_argument("summary", type=Path)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parsed = parser.parse_args()
    text = "\n".join(lines(json.loads(parsed.summary.read_text()))) + "\n"
    if parsed.write is None:
        print(text, end="")
        return 0
    page = parsed.write.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{parsed.write}: there is no place for it", file=sys.stderr)
        return 1
    parsed.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
