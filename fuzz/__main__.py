"""``python -m fuzz NAME [--seed N] [--budget SECONDS] [--count N] [--corpus FOLDER]``, or all of
them, as much as was promised: ``python -m fuzz campaign``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fuzz import campaign
from fuzz.attackers import NAMES, attacker
from fuzz.harness import CORPUS, attack, json_result, say_result


def main() -> int:
    """Attack until the budget is used up, or something breaks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--seed", default="1", help="any text; the same one makes the same cases")
    parser.add_argument("--budget", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--count", type=int, default=0, help="stop after so many things were done")
    parser.add_argument("--corpus", type=Path, default=CORPUS, metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="say the result in JSON")
    if sys.argv[1:2] == ["campaign"]:
        return campaign.main(sys.argv[2:])
    parsed = parser.parse_args()
    names = NAMES if parsed.name == "all" else (parsed.name,)
    broken = False
    for name in names:
        fuzzer = attacker(name)
        result = attack(
            fuzzer,
            seed=parsed.seed,
            budget=parsed.budget,
            count=parsed.count,
            corpus=parsed.corpus,
        )
        say = json_result if parsed.json else say_result
        print(say(fuzzer, result), flush=True)
        broken = broken or result.failure is not None
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
