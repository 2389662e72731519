"""What the parts of a session share: the client, its machines, how things stand, what is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from blink16.gdbstub.inferiors import Inferiors
from blink16.gdbstub.orders import Close, Fate, Interrupt
from blink16.gdbstub.outgoing import Outgoing
from blink16.gdbstub.replies import Client
from blink16.gdbstub.states import PacketRule, SessionInput, Standing


@dataclass(eq=False, slots=True)
class Dialogue:
    """One client's, as far as it has come."""

    inferiors: Inferiors
    observed: Callable[[], bool] | None
    """Given for an observer: returns whether the machine runs."""
    client: Client = field(default_factory=Client)
    extended: bool = False
    """Whether the client stays when it has let its last machine go."""
    standing: Standing = field(default_factory=Standing)
    out: Outgoing = field(default_factory=Outgoing)
    early_break: bool = False
    """Whether 03h came while gdb prepares to resume: so it sends a Ctrl-C that was typed
    between its "Continuing." and the packet that resumes, or between two such packets of one
    `next`, and waits for the stop."""

    def interrupt(self) -> None:
        """Stop what runs; else remember it for what is begun next."""
        if self.standing.rule.stoppable:
            self.out.order(Interrupt())
        else:
            self.early_break = True

    def close(self, fate: Fate, reason: str) -> None:
        """End the conversation."""
        if self.standing.rule.packets is PacketRule.ANSWERED and self.observed is None:
            for inferior in self.inferiors:
                inferior.leave()
        self.out.order(Close(fate, reason))
        self.standing.lead(SessionInput.CLOSE)
