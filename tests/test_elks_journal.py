"""What changes the ELKS kernel's state in place, and takes it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elks_guest import caller
from hypothesis import given
from hypothesis import strategies as st

from blink16.cpu.engine import StopReason
from blink16.elks.abi import Call
from blink16.elks.journal import Journal
from blink16.elks.kernel import Kernel
from blink16.hostfs.files import FileKind


class Record:
    """Something with values by names."""

    def __init__(self) -> None:
        self.one, self.two = 1, 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["alter", "keep", "put", "remove"]), st.integers(0, 4), st.integers()
    ),
    max_size=12,
)


@given(STEPS, STEPS)
def test_taking_back_gives_the_same_in_the_same_order(before: Any, after: Any) -> None:
    """Prevents states that are equal but for the order of what is in them, which programs see."""
    journal, record, mapping = Journal(), Record(), {key: key for key in range(3)}

    def take(steps: Any) -> None:
        for what, key, value in steps:
            if what == "alter":
                journal.alter(record, one=value, two=key)
            elif what == "keep":
                journal.keep(record)
                record.two, record.one = value, key
            elif what == "put":
                journal.put(mapping, key, value)
            elif key in mapping:
                journal.remove(mapping, key)

    take(before)
    mark, was, fields = journal.mark(), list(mapping.items()), dict(vars(record))
    take(after)
    journal.take_back(mark)
    assert (list(mapping.items()), vars(record)) == (was, fields)
    journal.begin()
    assert journal.mark() == 0


def test_a_call_that_must_wait_for_ever_has_changed_nothing(tmp_path: Path) -> None:
    """Prevents a fifo that is opened once more each time the machine is run: also its file is
    held no oftener, and the state that is saved is the same.
    """
    guest = caller(tmp_path)
    kernel = guest.machine.find(Kernel)
    assert kernel is not None
    guest.files.mknod("/pipe", "/", FileKind.FIFO, 0o666)
    registers = guest.machine.registers
    registers.ax, registers.bx, registers.cx = Call.OPEN, guest.put("/pipe"), 0
    guest.machine.run(1)
    before = guest.machine.save()
    for _ in range(3):
        assert guest.machine.run(5).reason is StopReason.WAITING
        assert guest.machine.save() == before
