"""Who called whom, and where the instructions went: calls and returns, stitched together.

A frame is known by where its return address lies.  A return takes away all frames whose return
addresses lie below the stack pointer that it leaves, so that code which leaves by other ways
(longjmp, a handler that drops frames) makes no tree that grows for ever.  Another stack segment is
another stack: each has its own frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from blink16.questions.asking import Answer
from blink16.questions.needs import Need
from blink16.questions.run import Run

MAX_DEPTH = 1000
"""Frames of a stack; deeper ones are the deepest's."""
NEED = ("calls", "returns", "interrupts")


class Turn(NamedTuple):
    """A call or a return."""

    icount: int
    is_call: bool
    target: int
    """Linear: the function that is called."""
    ss: int
    sp: int
    """After it."""


@dataclass(slots=True)
class Node:
    """A function as it was called by one chain of callers."""

    function: int
    calls: int = 0
    own: int = 0
    """Instructions in itself."""
    callees: dict[int, Node] = field(default_factory=dict)

    def total(self) -> int:
        """Return the instructions in it and in all that it called."""
        whole, waiting = 0, [self]
        while waiting:
            node = waiting.pop()
            whole += node.own
            waiting += node.callees.values()
        return whole


def turns(answer: Answer) -> Iterator[Turn]:
    """Yield calls, interrupts and returns in the order of their instants."""
    parts = []
    for name in NEED:
        table = answer.table(name)
        columns = [np.asarray(table.column(c)) for c in ("icount", "target", "ss", "sp")]
        order = np.full(len(table), 0 if name != "interrupts" else 1)
        kind = np.full(len(table), name != "returns")
        parts.append([columns[0], order, kind, *columns[1:]])
    joined = [np.concatenate([part[n] for part in parts]) for n in range(len(parts[0]))]
    placed = np.lexsort((joined[1], joined[0]))
    icount, _, kind, target, ss, sp = (column[placed].tolist() for column in joined)
    for row in zip(icount, kind, target, ss, sp, strict=True):
        yield Turn(*row)


Told = Callable[[int, int, bool], None]
"""Told the instant, the function, and whether it is entered (or left)."""


def tree(run: Run, tell: Told | None = None) -> tuple[Node, list[str]]:
    """Return the root of a run's calls, and why it may be partial."""
    with run.ask(Need.of(*NEED)) as answer:
        root = grown(turns(answer), answer.span, _entry(run, answer.span), tell)
    return root, answer.partial


def _entry(run: Run, span: range) -> int:
    """Return where the run begins: the function that nobody called."""
    with run.at(span.start) as timeline:
        return timeline.machine.pc


def grown(events: Iterator[Turn], span: range, entry: int, tell: Told | None = None) -> Node:
    """Return the tree that calls and returns make."""
    root = Node(entry, 1)
    stacks: dict[int, list[tuple[int, Node]]] = {}
    stack: list[tuple[int, Node]] = []
    here, since = root, span.start
    for turn in events:
        here.own += turn.icount + (0 if turn.is_call and turn.icount < since else 1) - since
        since = turn.icount + 1
        if turn.is_call:
            if not stack or turn.ss not in stacks:
                stack = stacks.setdefault(turn.ss, stack if not stacks else [])
            if len(stack) < MAX_DEPTH:
                node = here.callees.setdefault(turn.target, Node(turn.target))
                node.calls += 1
                stack.append((turn.sp, node))
                here = node
                if tell is not None:
                    tell(turn.icount, turn.target, True)
        else:
            stack = stacks.setdefault(turn.ss, [])
            while stack and stack[-1][0] < turn.sp:
                _, left = stack.pop()
                if tell is not None:
                    tell(turn.icount, left.function, False)
            here = stack[-1][1] if stack else root
    here.own += max(0, span.stop - since)
    while tell is not None and stack:
        tell(span.stop, stack.pop()[1].function, False)
    return root
