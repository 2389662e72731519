"""The system behind INT 80h: AX = number, BX CX DX DI SI = arguments; AX = result or -errno."""

from __future__ import annotations

import errno

from blink16.elks import filecalls, processcalls
from blink16.elks.abi import Call, elks_errno
from blink16.elks.process import Process
from blink16.elks.request import Request
from blink16.services import DONE, Guest, Outcome

HANDLERS = {**filecalls.HANDLERS, **processcalls.HANDLERS}


class ElksSystem:
    """ELKS for one process, whose state it works on."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._told: set[int] = set()

    def call(self, guest: Guest) -> Outcome:
        """Serve the system call of a guest that stands at INT 80h's stub."""
        request = Request.of(guest)
        handler = HANDLERS.get(request.number)  # type: ignore[call-overload]
        result: int | Outcome
        if handler is None:
            self._tell(request)
            result = -elks_errno(errno.ENOSYS)
        else:
            try:
                result = handler(self._process, request)
            except OSError as error:
                result = -elks_errno(error.errno or errno.EIO)
        if isinstance(result, int):
            guest.registers.ax = result
            return DONE
        return result

    def _tell(self, request: Request) -> None:
        """Say once of each number that there is no such call here."""
        number = request.number
        if number not in self._told:
            self._told.add(number)
            name = f" ({Call(number).name.lower()})" if number in _NAMED else ""
            request.guest.notice(f"ELKS system call {number}{name} is not supported: ENOSYS")


_NAMED = frozenset(Call)
