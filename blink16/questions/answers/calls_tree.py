"""The call tree, as text and as what speedscope and Perfetto show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from blink16.questions.callgraph import Node, tree
from blink16.questions.needs import QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run

MAX_EVENTS = 2_000_000
"""Events of a trace for Perfetto; beyond, it is to be of a shorter span."""
LEAST_SHARE = 1000
"""A node with less than one part in so many is not shown in text."""


@question("calltree")
def calltree(run: Run, words: Sequence[str]) -> Product:
    """Show who called whom, how often, and the instructions that each took with its callees."""
    _none(words)
    root, partial = tree(run)
    whole = max(1, root.total())
    lines = [f"{'total':>14} {'own':>14} {'calls':>10}  function"]
    lines += _lines(run, root, whole, 0)
    return Product(text="\n".join(lines) + "\n", partial=partial)


def _lines(run: Run, root: Node, whole: int, depth: int) -> Iterator[str]:
    waiting = [(root, depth)]
    while waiting:
        node, depth = waiting.pop()
        total = node.total()
        if total * LEAST_SHARE < whole:
            continue
        name = run.name_of(node.function)
        yield f"{total:14,} {node.own:14,} {node.calls:10,}  {'  ' * depth}{name}"
        ordered = sorted(node.callees.values(), key=lambda callee: callee.total())
        waiting += [(callee, depth + 1) for callee in ordered]


@question("flamegraph")
def flamegraph(run: Run, words: Sequence[str]) -> Product:
    """Write the call tree as a profile for https://speedscope.app, in instructions."""
    _none(words)
    root, partial = tree(run)
    frames: dict[int, int] = {}
    samples: list[list[int]] = []
    weights: list[int] = []
    waiting: list[tuple[Node, list[int]]] = [(root, [])]
    while waiting:
        node, above = waiting.pop()
        stack = [*above, frames.setdefault(node.function, len(frames))]
        if node.own:
            samples.append(stack)
            weights.append(node.own)
        waiting += [(callee, stack) for callee in node.callees.values()]
    profile = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": run.name_of(address)} for address in frames]},
        "profiles": [
            {
                "type": "sampled",
                "name": "instructions",
                "unit": "none",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        ],
        "exporter": "blink16-ask",
    }
    return Product(content=json.dumps(profile).encode(), suffix=".json", partial=partial)


@question("perfetto")
def perfetto(run: Run, words: Sequence[str]) -> Product:
    """Write all calls on a time axis of instructions, for https://ui.perfetto.dev."""
    _none(words)
    events: list[dict[str, object]] = []

    def tell(icount: int, function: int, entered: bool) -> None:
        if len(events) >= MAX_EVENTS:
            raise QuestionError(
                f"there are more than {MAX_EVENTS:,} calls: ask for a part by --from and --to"
            )
        phase = "B" if entered else "E"
        name = run.name_of(function)
        events.append({"name": name, "ph": phase, "ts": icount, "pid": 1, "tid": 1})

    _, partial = tree(run, tell)
    content = json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}).encode()
    return Product(content=content, suffix=".json", partial=partial)


def _none(words: Sequence[str]) -> None:
    if words:
        raise QuestionError(f"unexpected {words[0][:40]!r}")
