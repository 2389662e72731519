"""One client's conversation as a state machine: bytes in, actions out, no I/O.

**The contract with the server.**  A `Session` is made for each client that connects, over the
debugger of the machine that the client got.  All its methods but `note` are called in one thread
(the event loop's), never two at a time, and each returns the actions to carry out, in order:

- ``receive(data)``: bytes came from the client, at most `RECEIVE_SIZE` at a time (each request
  may call for a reply of 64 KiB, so this bounds the memory of a flood);
- ``stopped(event)``: the ``debugger.resume`` that a `Start` asked for has returned ``event``.
  Never call it with WAITING: wait for input and call ``debugger.resume(how)`` again; if the
  client interrupts meanwhile (`Interrupt`), call ``stopped(Event(EventKind.INTERRUPTED))``;
- ``finished(text)``: the ``run()`` that a `Work` asked for has returned ``text``;
- ``speak()``: the notices collected while the machine runs or a work is on its way.  Optional:
  ``stopped`` and ``finished`` say them too, only later.

``note(text)`` collects a line for the user and may be called from any thread; the constructor
sets ``debugger.on_notice`` to it (a server that wants lines at once wraps it and calls ``speak``
in its own thread).  Between a `Start` or `Work` and its ``stopped`` or ``finished`` the session
touches nothing of the debugger; packets that come in that time wait, 0x03 becomes `Interrupt`.

`Close` ends the session: its `Fate` says what becomes of the machine, and the session has
already removed its breakpoints unless the machine runs.  When the client vanishes instead, the
server interrupts the machine if it runs and calls ``debugger.remove_all()``; the machine stays as
it is.  After an EXITED or KILLED event (``debugger.last_event()``) the program is gone, and the
next client needs a fresh machine; stock gdb hangs up by itself then.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from functools import partial

from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.gdbstub import commands, description, monitor, registers, replies
from blink16.gdbstub.actions import Action, Close, Fate, Interrupt, Send, Start, Work
from blink16.gdbstub.answers import Answers
from blink16.gdbstub.board import Program
from blink16.gdbstub.packets import (
    PACKET_SIZE,
    BadPacket,
    Decoder,
    Packet,
    Signal,
    frame,
)
from blink16.gdbstub.replies import OK, Client, RefusedError

__all__ = ["RECEIVE_SIZE", "Close", "Fate", "Interrupt", "Send", "Session", "Start", "Work"]

RECEIVE_SIZE = 4096
"""Bytes that a server should read from a client at a time."""
MAX_WAITING = 64
"""Packets that may wait while the machine runs; a client that sends more is cut off."""
MAX_NOTICES = 100
"""Notices that wait to be said; the oldest give way."""
MAX_RESENDS = 3
"""How often one reply is sent again when the client says that it arrived damaged (gdb: 3)."""


class State(Enum):
    """Where the conversation stands.

    =========  ===================================  ======================================
    state      a packet comes                       left by
    =========  ===================================  ======================================
    STANDING   is answered, or starts what follows  c s vCont bc bs; qRcmd; D k
    RUNNING    waits; 03h interrupts                ``stopped``
    WORKING    waits; 03h interrupts                ``finished``
    CLOSED     is ignored                           nothing
    =========  ===================================  ======================================
    """

    STANDING = auto()
    RUNNING = auto()
    WORKING = auto()
    CLOSED = auto()


class Session:
    """One client's conversation about one machine; see the module for the contract."""

    def __init__(self, debugger: Debugger, program: Program | None = None) -> None:
        """Begin.  ``program``: what is known of the program; by default, what memory shows."""
        self._debugger = debugger
        self._answers = Answers(debugger, program or Program.of(debugger.machine))
        self._decoder = Decoder()
        self._client = Client()
        self._acknowledging = True
        self._state = State.STANDING
        self._waiting: deque[Packet | BadPacket | Signal] = deque()
        self._notices: deque[str] = deque(maxlen=MAX_NOTICES)
        self._actions: list[Action] = []
        self._output = bytearray()  # what a Send at the end of the actions will carry
        self._last_frame = b""
        self._resends = 0
        self._early_break = False
        """Whether 03h came while gdb prepares to resume: so it sends a Ctrl-C that was typed
        between its "Continuing." and the packet that resumes, and waits for the stop."""
        debugger.on_notice = self.note

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    # -- what the server calls ---------------------------------------------------------------

    def receive(self, data: bytes) -> list[Action]:
        """Take bytes from the client."""
        for item in self._decoder.feed(data):
            if self._state is State.CLOSED:
                break
            match item:
                case Signal.ACK:
                    self._last_frame = b""
                case Signal.NAK:
                    self._resend()
                case Signal.BREAK:
                    self._interrupt()
                case Signal.DAMAGED if self._acknowledging:
                    self._output += b"-"
                case _:
                    self._take(item)
        return self._done()

    def stopped(self, event: Event) -> list[Action]:
        """Take the event that ended a `Start`."""
        if self._state is State.RUNNING:
            self._state = State.STANDING
            self._say_notices()
            self._say(replies.say(event, self._debugger.machine.icount))
            self._reply(self._stop_reply(event))
            self._catch_up()
        return self._done()

    def finished(self, text: str) -> list[Action]:
        """Take the text that a `Work` returned."""
        if self._state is State.WORKING:
            self._state = State.STANDING
            self._say_notices()
            self._say(text)
            self._reply(OK)
            self._catch_up()
        return self._done()

    def note(self, text: str) -> None:
        """Collect a line for the user; from any thread."""
        self._notices.append(text)

    def speak(self) -> list[Action]:
        """Say the notices now, if this is a moment when gdb listens."""
        if self._state in (State.RUNNING, State.WORKING):
            self._say_notices()
        return self._done()

    # -- input -------------------------------------------------------------------------------

    def _take(self, item: Packet | BadPacket | Signal) -> None:
        """Acknowledge a packet, and handle it now or when the machine stands again."""
        if self._acknowledging:
            self._output += b"+"
        if self._state is State.STANDING or item == _INTERRUPT_PACKET:
            self._handle(item)
        elif len(self._waiting) >= MAX_WAITING:
            self._close(Fate.LEAVE, "too many packets while the machine runs")
        else:
            self._waiting.append(item)
            if isinstance(item, Packet) and item.body[:1] in (b"k", b"D"):
                self._interrupt()  # who wants to leave does not want to wait

    def _catch_up(self) -> None:
        """Handle the packets that have waited, up to one that lets the machine run again."""
        while self._waiting and self._state is State.STANDING:
            self._handle(self._waiting.popleft())

    def _interrupt(self) -> None:
        if self._state in (State.RUNNING, State.WORKING):
            self._act(Interrupt())
        else:
            self._early_break = True

    def _handle(self, item: Packet | BadPacket | Signal) -> None:
        try:
            command = _command(item)
            self._carry_out(command)
            if not isinstance(command, _PREPARATIONS):
                self._early_break = False
        except RefusedError as refusal:
            self._reply(replies.error(refusal, self._client))

    def _carry_out(self, command: commands.Command) -> None:
        match command:
            case commands.Run(how, address):
                self._run(how, address)
            case commands.QueryHalt():
                self._reply(self._stop_reply(self._debugger.last_event(), asked=True))
            case commands.QuerySupported(features):
                self._client = Client.of(features)
                self._reply(_supported(self._client))
            case commands.StartNoAckMode():
                self._reply(OK)
                self._acknowledging = False
            case commands.InterruptCommand():
                self._interrupt()
                self._reply(OK)
            case commands.Monitor(line):
                self._state = State.WORKING
                self._act(Work(partial(monitor.execute, self._debugger, line)))
            case commands.Detach():
                self._reply(OK)
                self._close(Fate.LEAVE, "the client detached")
            case commands.Kill(answered):
                if answered:
                    self._reply(OK)
                self._close(Fate.RESTART, "the client killed the program")
            case _:
                self._reply(self._answers.answer(command))

    # -- running -----------------------------------------------------------------------------

    def _run(self, how: Resume, address: int | None) -> None:
        last = self._debugger.last_event()
        ended = last and replies.gone(last)
        if ended:
            self._reply(ended)
            return
        if address is not None:
            registers.write_pc(self._debugger, address)
        self._state = State.RUNNING
        self._say_notices()
        self._act(Start(how))
        if self._early_break:
            self._act(Interrupt())

    def _stop_reply(self, event: Event | None, *, asked: bool = False) -> bytes:
        """Return the stop reply for an event, or (``asked``) for how things stand since then.

        When asked, only the signal is told: the reason may be another client's breakpoint.
        """
        ended = event and replies.gone(event)
        if ended:
            return ended
        if event is None or (asked and event.kind is not EventKind.SIGNALLED):
            event = Event(EventKind.STEPPED)
        values = registers.expedited(self._debugger.machine.registers)
        return replies.stop(event, values, self._answers.breakpoint_kind(), self._client)

    def _close(self, fate: Fate, reason: str) -> None:
        if self._state is State.STANDING:
            self._debugger.remove_all()
        self._act(Close(fate, reason))
        self._state = State.CLOSED
        self._waiting.clear()

    # -- output ------------------------------------------------------------------------------

    def _reply(self, body: bytes) -> None:
        self._last_frame = frame(body)
        self._resends = 0
        self._output += self._last_frame

    def _say(self, text: str) -> None:
        for body in replies.console(text):
            self._reply(body)

    def _say_notices(self) -> None:
        while self._notices:
            self._say(self._notices.popleft() + "\n")

    def _resend(self) -> None:
        if self._acknowledging and self._resends < MAX_RESENDS:
            self._resends += 1
            self._output += self._last_frame

    def _act(self, action: Action) -> None:
        """Add an action behind the output so far."""
        self._flush()
        self._actions.append(action)

    def _flush(self) -> None:
        if self._output:
            self._actions.append(Send(bytes(self._output)))
            self._output.clear()

    def _done(self) -> list[Action]:
        self._flush()
        actions, self._actions = self._actions, []
        return actions


_PREPARATIONS = (
    commands.QueryActions,
    commands.SelectThread,
    commands.InsertPoint,
    commands.RemovePoint,
)
"""What gdb sends just before a packet that resumes; anything else shows that it stands."""
_INTERRUPT_PACKET = Packet(b"vCtrlC")


def _command(item: Packet | BadPacket | Signal) -> commands.Command:
    """Return the command in a packet; RefusedError if there is none."""
    match item:
        case Packet(body):
            try:
                return commands.parse(body)
            except commands.MalformedError as error:
                raise RefusedError(str(error)) from None
        case BadPacket(reason):
            raise RefusedError(reason)
        case _:
            # without acknowledgements a damaged packet still has to be answered by something
            raise RefusedError("damaged packet")


def _supported(client: Client) -> bytes:
    """Return the answer to qSupported, which follows from the tables of packets and objects."""
    features = [f"PacketSize={PACKET_SIZE:x}", *commands.features(), *description.features()]
    features += ["swbreak+"] * client.swbreak + ["hwbreak+"] * client.hwbreak
    features += ["error-message+"] * client.error_message
    return ";".join(features).encode("ascii")
