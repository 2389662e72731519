"""Seeing that gdb is about to call a function of the program's, before anything has changed.

Such a call can't work: gdb pushes a return address of 32 bits.  It puts an INT 3, to which the
function shall return, below the stack, then arguments and the INT 3's address, and then it sets
esp (i386_push_dummy_code and i386_thiscall_push_dummy_call in its i386-tdep.c).  Whatever went
wrong with a write to memory, gdb says "Cannot access memory"; why a register can't be written it
shows its user.  So the writes are held back until esp comes, or anything else.
"""

from __future__ import annotations

from blink16.debugger import Debugger
from blink16.gdbstub.commands import WriteMemory
from blink16.memory import ADDRESS_MASK

INT3 = b"\xcc"
CALL_DEPTH = 32
"""So far below the stack, at most, gdb puts what an inferior call returns to."""
MAX_HELD = 64
"""Writes that are held back; gdb pushes each argument by one."""
REFUSAL = (
    "gdb can't call functions here: it would push a 32-bit return address, and call code for "
    "32 bits (use `jump`, or write the registers)"
)


class CallGuard:
    """Holds back what may become a call, for one machine that stands."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._held: list[WriteMemory] = []

    def holds(self, write: WriteMemory) -> bool:
        """Keep a write that begins a call, or goes on with it; tell whether it was kept."""
        r = self._debugger.machine.registers
        below = (self._debugger.machine.linear(r.ss, r.sp) - write.address) & ADDRESS_MASK
        begins = write.data == INT3 and 0 < below <= CALL_DEPTH
        goes_on = self._held and 0 < below < 1 << 16 and len(self._held) < MAX_HELD
        if not begins and not goes_on:
            self.release()
            return False
        if write.data:
            self._held.append(write)
        return True

    def calls(self, esp: int) -> bool:
        """Tell whether the stack at ``esp`` is that of a call; then forget what was held."""
        if not self._held:
            return False
        home = self._held[0].address.to_bytes(4, "little")
        called = any(w.address == esp and w.data[:4] == home for w in self._held[1:])
        if called:
            self._held.clear()
        else:
            self.release()
        return called

    def release(self) -> None:
        """Write what was held: it was no call."""
        held, self._held = self._held, []
        for write in held:
            self._debugger.write_memory(write.address, write.data)
