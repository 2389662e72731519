"""How machines come to a client and leave it: which it holds, gets, lets go, or only watches."""

from __future__ import annotations

from collections.abc import Callable

from blink16.gdbstub import replies, stops
from blink16.gdbstub.commands import processes
from blink16.gdbstub.dialogue import Dialogue
from blink16.gdbstub.inferiors import NONE_HELD, RENEWED, Inferior
from blink16.gdbstub.orders import Fate, LetGo, Release, Renew, Take, Taken, TakeNew
from blink16.gdbstub.replies import RefusedError
from blink16.gdbstub.states import SessionInput, SessionState


class Custody:
    """Which machines one client holds, and which one is on its way."""

    def __init__(self, dialogue: Dialogue, machine: Taken) -> None:
        """Begin with the machine that the client got when it connected."""
        self._dialogue = dialogue
        self._last_process = machine.process
        self._answers = False
        """Whether the machine that is on its way is the answer to what the client has asked."""
        self._called: int | None = None
        """How the client calls the machine that is on its way, if it has said so."""
        self._renews = False
        """Whether the machine that is on its way takes the place of one that is held."""
        self._refusal = ""
        """Why the client got none when it last asked."""
        dialogue.inferiors.add(machine)

    # -- getting -----------------------------------------------------------------------------

    def ask_for(
        self, command: processes.Attach | processes.Launch | processes.RestartProgram
    ) -> None:
        """Ask for one more machine, or for this one anew; RefusedError where that can't be."""
        dialogue = self._dialogue
        if not dialogue.extended:
            raise RefusedError("that needs target extended-remote")
        restart = isinstance(command, processes.RestartProgram)
        self._called = None
        if len(dialogue.inferiors) and not dialogue.client.multiprocess and not restart:
            raise RefusedError("this client can't hold two programs: detach first")
        match command:
            case processes.Attach(process, called):
                self._called = called
                if any(inferior.process == process for inferior in dialogue.inferiors):
                    raise RefusedError(f"process {process} is debugged here already")
                order: Take | TakeNew = Take(process)
            case processes.Launch(name, arguments):
                order = TakeNew(name, arguments, self._last_process)
            case processes.RestartProgram():
                inferior = dialogue.inferiors.current
                self.let_go([inferior], Fate.RESTART, "")
                order = Take(inferior.process)
        self._answers = not restart
        dialogue.standing.lead(SessionInput.TAKE)
        dialogue.out.order(order)

    def renew(self, inferior: Inferior, *, asked: bool) -> None:
        """Ask for a fresh machine in the place of one.  ``asked``: the client's user wants it."""
        inferior.answers.settle()
        self._renews, self._answers = True, asked
        self._dialogue.standing.lead(SessionInput.TAKE)
        self._dialogue.out.order(Renew(inferior.process))

    def took(self, machine: Taken) -> None:
        """Hold what was asked for."""
        dialogue = self._dialogue
        self._refusal = ""
        renews, self._renews = self._renews, False
        if not dialogue.standing.lead(SessionInput.TAKEN):
            return
        if renews:
            dialogue.inferiors.renew(machine)
            self._tell_renewal(f"{RENEWED}\n")
            return
        inferior = dialogue.inferiors.add(machine, self._called)
        if self._answers:
            dialogue.out.reply(stops.standing(dialogue.inferiors, inferior, dialogue.client))

    def refused(self, reason: str) -> None:
        """Tell why there is none."""
        dialogue = self._dialogue
        self._refusal = reason
        renews, self._renews = self._renews, False
        goes_on = dialogue.standing.lead(SessionInput.TAKEN)
        if goes_on and renews and not dialogue.client.ours:
            self._tell_renewal(f"{reason}\n")
        elif goes_on and self._answers:
            dialogue.out.reply(replies.error(RefusedError(reason), dialogue.client))

    def explain(self) -> None:
        """Tell a client that holds none why, in a monitor command's text."""
        out, reason = self._dialogue.out, self._refusal
        out.say(f"{NONE_HELD}\n" + (f"the last was refused: {reason}\n" if reason else ""))
        out.reply(replies.OK)

    def _tell_renewal(self, text: str) -> None:
        """Say what a renewal has come to: as a reply if the user has asked, or when he listens."""
        out = self._dialogue.out
        if self._answers:
            out.say_collected()
            out.say(text)
            out.reply(replies.OK)
        else:
            out.notices.append(text.rstrip())

    # -- letting go --------------------------------------------------------------------------

    def meant(self, process: int | None) -> list[Inferior]:
        """Return the inferiors that D or k are about: all, unless it names one."""
        inferiors = self._dialogue.inferiors
        return list(inferiors) if process is None else [inferiors.named(process)]

    def leaves_relative(self, process: int | None) -> bool:
        """Whether a client detaches only from one of the two processes that a fork has made."""
        if process is None or self._dialogue.observed is not None:
            return False
        return self._dialogue.inferiors.named(process).births.leaves(process)

    def let_go(self, those: list[Inferior], fate: Fate, reason: str) -> None:
        """Hold some no more; a client that is not in extended mode leaves with the one it has."""
        dialogue = self._dialogue
        if not dialogue.extended or dialogue.observed is not None:
            dialogue.close(fate, reason)
            return
        for inferior in those:
            inferior.leave()
            self._last_process = inferior.process
            dialogue.inferiors.drop(inferior)
            dialogue.out.order(Release(inferior.process, fate))

    # -- watching ----------------------------------------------------------------------------

    def start_to_watch(self) -> None:
        """Let the machine go, to watch it from now on."""
        dialogue = self._dialogue
        if len(dialogue.inferiors) != 1:
            raise RefusedError("several machines can't be watched at a time: detach from others")
        inferior = dialogue.inferiors.current
        inferior.leave()
        dialogue.standing.lead(SessionInput.TAKE)
        dialogue.out.order(LetGo(inferior.process))

    def mean_only(self, machine: Taken, observed: Callable[[], bool] | None) -> None:
        """Watch (``observed``), or hold, this machine and no other."""
        dialogue = self._dialogue
        dialogue.observed = observed
        for inferior in list(dialogue.inferiors):
            dialogue.inferiors.drop(inferior)
        dialogue.inferiors.add(machine)
        if dialogue.standing.state is SessionState.TAKING:
            dialogue.standing.lead(SessionInput.TAKEN)
