"""Where a conversation stands, and what leads where: one table, which the session obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class SessionState(Enum):
    """What the machines of a conversation do."""

    STANDING = auto()
    RUNNING = auto()
    WORKING = auto()  # at a monitor command, or at a question that takes long
    TAKING = auto()  # a machine is on its way to the client
    CLOSED = auto()

    __hash__ = object.__hash__  # Enum's own is slow, and these are looked up at every packet


class SessionInput(Enum):
    """What leads a conversation from state to state."""

    RUN = auto()  # c s vCont bc bs
    WORK = auto()  # qRcmd, and questions that take long
    TAKE = auto()  # vAttach vRun R
    STOPPED = auto()  # one of the machines that run; others still do
    ALL_STOPPED = auto()
    FINISHED = auto()
    TAKEN = auto()  # or refused
    CLOSE = auto()  # k D, or a flood of packets

    __hash__ = object.__hash__


class PacketRule(Enum):
    """What becomes of a packet that comes."""

    ANSWERED = auto()
    KEPT = auto()  # until the machines stand
    IGNORED = auto()


class WrongCallError(RuntimeError):
    """A call of a session's method that does not fit where the conversation stands."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts in one state."""

    packets: PacketRule
    stoppable: bool
    """Whether 03h interrupts something; else it is for what is begun next."""
    leads: Mapping[SessionInput, SessionState]
    """Every other input is a wrong call."""


_S, _I = SessionState, SessionInput
RULES: Mapping[SessionState, Rule] = {
    _S.STANDING: Rule(
        PacketRule.ANSWERED,
        stoppable=False,
        leads={_I.RUN: _S.RUNNING, _I.WORK: _S.WORKING, _I.TAKE: _S.TAKING, _I.CLOSE: _S.CLOSED},
    ),
    _S.RUNNING: Rule(
        PacketRule.KEPT,
        stoppable=True,
        leads={_I.STOPPED: _S.RUNNING, _I.ALL_STOPPED: _S.STANDING, _I.CLOSE: _S.CLOSED},
    ),
    _S.WORKING: Rule(
        PacketRule.KEPT, stoppable=True, leads={_I.FINISHED: _S.STANDING, _I.CLOSE: _S.CLOSED}
    ),
    _S.TAKING: Rule(
        PacketRule.KEPT, stoppable=False, leads={_I.TAKEN: _S.STANDING, _I.CLOSE: _S.CLOSED}
    ),
    _S.CLOSED: Rule(  # what was begun before still comes to its end
        PacketRule.IGNORED,
        stoppable=False,
        leads=dict.fromkeys((_I.STOPPED, _I.ALL_STOPPED, _I.FINISHED, _I.TAKEN), _S.CLOSED),
    ),
}


class Standing:
    """Where one conversation stands."""

    def __init__(self) -> None:
        self.state = SessionState.STANDING
        self.rule = RULES[self.state]
        """What counts now."""

    def lead(self, by: SessionInput) -> bool:
        """Go where an input leads; whether the conversation goes on there.  WrongCallError."""
        led = self.rule.leads.get(by)
        if led is None:
            raise WrongCallError(f"{by.name} while {self.state.name}")
        self.state = led
        self.rule = RULES[self.state]
        return self.state is not SessionState.CLOSED
