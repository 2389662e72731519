"""Questions about a whole run, answered by replaying it."""

from __future__ import annotations

from blink16.mcp.desk import Desk
from blink16.mcp.registry import tool

MAX_ROWS = 200
MAX_LINE = 400
"""Characters of a row."""


@tool()
def ask(desk: Desk, question: str, rows: int = 20, machine: str = "") -> str:
    """Ask all of a machine's past at once: SQL over its tables, a table's name, or a question.

    Tables: executed, writes, reads, calls, returns, interrupts, branches, ports, services. As in
    "select icount, pc, new from writes where address = 0x31f4 order by icount". Instants (icount)
    are what `seek` takes. Answers have `rows` rows at most; choose with where, order by, limit.
    Questions: "origin table" or "origin ax" (where a value came from), "who table" (who wrote and
    read there), "coverage", "calltree", "lines", "strace" (system calls).
    """
    text = desk.machine(machine).target.monitor(f"ask {' '.join(question.split())}")
    lines = text.splitlines()
    shown = [line[:MAX_LINE] for line in lines[: 1 + max(1, min(rows, MAX_ROWS))]]
    if len(lines) > len(shown):
        shown.append(f"({len(lines) - len(shown)} more lines: ask for fewer, or with more rows)")
    return "\n".join(shown) or "nothing"
