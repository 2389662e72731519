"""Calls of the guest's system, as strace shows them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from blink16.questions.needs import Need, QuestionError
from blink16.questions.registry import Product, question
from blink16.questions.run import Run


@question("strace [NAME]")
def strace(run: Run, words: Sequence[str]) -> Product:
    """List the calls of DOS, BIOS and ELKS with their arguments and results.

    NAME: a service, as int21 (DOS), int10 (the BIOS's screen) or int80 (ELKS); else all.
    """
    if len(words) > 1:
        raise QuestionError("strace takes the name of one service, like int21")
    with run.ask(Need.of("services")) as answer:
        table = answer.table("services")
    if words:
        table = table.filter(pc.equal(table.column("service"), words[0].lower()))
    callers = [run.name_of(address) for address in table.column("pc").to_pylist()]
    shown = pa.table(
        {
            "icount": table.column("icount"),
            "caller": pa.array(callers, pa.string()),
            "service": table.column("service"),
            "call": table.column("call"),
        }
    )
    return Product(tables=[shown], partial=answer.partial)
