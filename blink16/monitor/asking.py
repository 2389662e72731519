"""Questions about the whole run, at the debugger's prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING

from blink16.debugger import Debugger
from blink16.history.timeline import Timeline
from blink16.monitor.registry import MonitorError, command
from blink16.preloading import preload
from blink16.words import extras

if TYPE_CHECKING:
    import pyarrow as pa

LIBRARIES = ("numpy._core._multiarray_umath", "pyarrow.lib", "pyarrow._compute", "_duckdb")
"""What the packages load that takes long: a server's other clients are answered meanwhile."""
MAX_SECONDS = 30
"""So long a query may take here, without the run's replay."""
MAX_ROWS = 1000
"""Rows that are shown; SQL chooses which (order by, limit)."""


@command("ask QUESTION", whole=True)
def ask(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Ask the whole run: SQL over its tables, a table's name, or a question of blink16-ask.

    As in: monitor ask select icount, pc, new from writes where address = 0xb8000
    Tables: executed, writes, reads, calls, returns, interrupts, branches, ports, services, screens.
    Instants are instruction counts, for monitor seek.  It needs the packages of blink16[ask].
    """
    preload(*LIBRARIES)
    try:
        from blink16.questions.answers import perform
        from blink16.questions.needs import QuestionError
        from blink16.questions.printing import Format, write
        from blink16.questions.run import Run
    except ImportError:
        raise MonitorError(f"this needs more packages: {extras.command('ask')}") from None
    timeline, names = debugger.timeline, debugger.names
    run = Run(
        lambda: timeline,
        names.symbols,
        debug=(*names.program_debug, *names.debug),
        line_20=debugger.machine.has_a20,
        live=True,
        is_stopped=_Patience(timeline).is_over,
    )
    try:
        with debugger.ledger.points.replaced([]):
            product = perform(run, [_unquoted(" ".join(arguments).strip())])
    except (QuestionError, ValueError) as error:
        raise MonitorError(str(error)) from None
    if product.content:
        raise MonitorError("this gives a file: ask it by blink16-ask RECORDING, with -o FILE")
    text = product.text
    if product.tables is not None:
        try:
            shown, is_all = _first(product.tables)
        except QuestionError as error:
            raise MonitorError(str(error)) from None
        finally:
            product.close()
        file = BytesIO()
        write([shown], Format.TEXT, file)
        text = file.getvalue().decode()
        if not is_all:
            text += f"(these are the first {MAX_ROWS:,} rows: SQL chooses others)\n"
    return text + "".join(f"partial: {line}\n" for line in product.partial)


class _Patience:
    """For how long a query may look through its tables: gdb's Ctrl-C does not come through here."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._until: float | None = None

    def is_over(self) -> bool:
        """Return whether somebody asks to stop; MonitorError after `MAX_SECONDS`."""
        now = monotonic()
        self._until = self._until or now + MAX_SECONDS
        if now > self._until:
            raise MonitorError(f"the query takes more than {MAX_SECONDS} s: ask for less")
        return self._timeline.thread.take_request()


def _first(tables: Iterable[pa.Table]) -> tuple[pa.Table, bool]:
    """Return the rows that are shown, and whether these are all."""
    import pyarrow as pa

    taken: list[pa.Table] = []
    for table in tables:
        taken.append(table)
        if sum(part.num_rows for part in taken) > MAX_ROWS:
            break
    whole = pa.concat_tables(taken, promote_options="permissive")
    return whole.slice(0, MAX_ROWS), whole.num_rows <= MAX_ROWS


def _unquoted(text: str) -> str:
    """Take away the quotes that a shell's users put around SQL; SQL itself ends in no such pair."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
