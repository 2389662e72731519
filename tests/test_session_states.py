"""The table of a conversation's states, and the session that obeys it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stub_client import Client

from blink16.debugger import Event, EventKind
from blink16.gdbstub.orders import Fate, WorkDone
from blink16.gdbstub.session import Session, SessionState
from blink16.gdbstub.states import RULES, PacketRule, SessionInput, Standing, WrongCallError
from blink16.packets import frame

STOP = Event(EventKind.STEPPED)


def test_every_state_has_a_rule_and_can_be_reached() -> None:
    """Prevents a state that the table forgets, or that nothing leads to."""
    assert set(RULES) == set(SessionState)
    reached = {SessionState.STANDING}
    for _ in SessionState:
        reached |= {state for at in reached for state in RULES[at].leads.values()}
    assert reached == set(SessionState)


@pytest.mark.parametrize("state", SessionState)
def test_nothing_is_kept_for_ever(state: SessionState) -> None:
    """Prevents packets that wait in a state from which no end of work leads back."""
    rule = RULES[state]
    ends = {to for by, to in rule.leads.items() if by is not SessionInput.CLOSE}
    assert rule.packets is not PacketRule.KEPT or SessionState.STANDING in ends
    assert not rule.stoppable or rule.packets is PacketRule.KEPT


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("by", SessionInput)
def test_an_input_leads_where_the_table_says(state: SessionState, by: SessionInput) -> None:
    """Prevents a wrong call from being carried out, or from being passed over in silence."""
    standing = Standing()
    standing.state, standing.rule = state, RULES[state]
    if by in RULES[state].leads:
        assert standing.lead(by) == (RULES[state].leads[by] is not SessionState.CLOSED)
        assert standing.state is RULES[state].leads[by]
    else:
        with pytest.raises(WrongCallError, match=state.name):
            standing.lead(by)
        assert standing.state is state


CALLS: dict[str, Callable[[Session], object]] = {
    "stopped": lambda session: session.stopped(STOP),
    "finished": lambda session: session.finished(WorkDone()),
    "refused": lambda session: session.refused("no"),
}


@pytest.mark.parametrize(
    ("body", "right"), [(b"", ""), (b"c", "stopped"), (b"qRcmd,68656c70", "finished")]
)
def test_a_call_at_the_wrong_time_raises(body: bytes, right: str) -> None:
    """Prevents a server's mistake from turning into an answer that a client never asked for."""
    client = Client(hold=True)
    if body:
        client.feed(frame(body))
    for name, call in CALLS.items():
        if name != right:
            with pytest.raises(WrongCallError):
                call(client.session)
    with pytest.raises(WrongCallError):
        client.session.stopped(STOP, process=7)
    if right:
        CALLS[right](client.session)
    assert client.session.state is SessionState.STANDING


def test_what_was_begun_may_end_behind_the_close() -> None:
    """Prevents an error where a machine stops after its client was cut off."""
    client = Client(hold=True)
    client.feed(frame(b"c") + b"".join(frame(b"qC") for _ in range(100)))
    closed = client.closed()
    assert closed is not None
    assert closed.fate is Fate.LEAVE
    assert client.session.stopped(STOP) == []
    assert client.session.state is SessionState.CLOSED
