"""Monitor commands for who sits in front of the machine: keyboard, screen, reset."""

from __future__ import annotations

import re
from collections.abc import Sequence

from blink16.bios import display, picture
from blink16.bios.post import ResetSwitch
from blink16.bios.screen_content import DotScreen, ScreenContent, TextScreen
from blink16.console import MAX_PENDING, Console
from blink16.debugger import (
    IDLE,
    ONWARD,
    WAITING,
    Debugger,
    Event,
    EventKind,
    Pause,
    Resume,
    drive,
)
from blink16.devices.keyboard import Keyboard
from blink16.devices.keys import chord
from blink16.devices.nmi import CHANNEL_ERROR, Nmi
from blink16.devices.video import Video
from blink16.history import Interrupted
from blink16.monitor.folder import Folder
from blink16.monitor.registry import MonitorError, command, folder_command, give, no_arguments
from blink16.timekeeping import IDLE_INTERVAL
from blink16.words import numerals
from blink16.words.texts import counted

DEFAULT_WAIT = 100_000_000
MAX_WAIT = 10**18
LOOK_INTERVAL = 100_000
"""Instructions between two looks at the screen."""
MAX_IDLE_SECONDS = 60
"""So long, in its own time, a machine may be idle before nobody waits for it any more."""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "e": "\x1b", "\\": "\\", '"': '"'}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_WAIT = re.compile(r'("(?:[^"\\]|\\.)*"|\S+)(?:\s+(\S+))?', re.DOTALL)


# -- keyboard --------------------------------------------------------------------------------


@command('type "TEXT"', whole=True)
def type_(debugger: Debugger, arguments: Sequence[str]) -> str:
    r"""Type TEXT on the machine's keyboard, or give it to the program's console.

    In it \n is the Enter key; \t, \b, \e (Escape), \", \\ and \xNN are understood as well.
    A PC gets the keys one by one, as its program takes them.  The machine doesn't move: resume.
    """
    if not arguments:
        raise MonitorError('usage: monitor type "TEXT"')
    data = _unquoted(arguments[0]).encode("cp437", "replace")
    if debugger.machine.component(Console.CHANNEL) is None:
        raise MonitorError("this machine has no console to type on")
    if len(data) > MAX_PENDING:
        raise MonitorError(f"a text may have at most {MAX_PENDING} characters")
    if data:  # none would be the end of all input
        give(debugger, debugger.typed_channel, data)
    return f"{counted(len(data), 'character')} to type"


@command("key CHORD")
def key(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Press keys together on a PC's keyboard, like f1, shift-tab, ctrl-break or ctrl-alt-del.

    Keys are single characters and names: f1 to f12, enter, esc, tab, space, backspace, minus, up,
    down, left, right, home, end, pgup, pgdn, ins, del (greyup, … on the pad of a 101-key keyboard),
    prtsc, pause, break, capslock, numlock, scrolllock, keypad0 to keypad9, keypad+ - * / . and
    keypadenter, ctrl, shift, alt, rctrl, rshift, ralt.
    The machine doesn't move: resume.
    """
    if len(arguments) != 1:
        raise MonitorError("usage: monitor key CHORD, like f1 or ctrl-alt-del")
    if debugger.machine.find(Keyboard) is None:
        raise MonitorError(_NO_PC)
    try:
        codes = chord(arguments[0])
    except ValueError as error:
        raise MonitorError(str(error)) from None
    give(debugger, Keyboard.CHANNEL, codes)
    return ""


def _unquoted(text: str) -> str:
    """Return a text without its quotes, its escapes replaced."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return _ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = match[1]
    if code.startswith("x") and len(code) > 1:
        return bytes((int(code[1:], 16),)).decode("cp437")
    if code not in _ESCAPES:
        raise MonitorError(f'no escape \\{code}; there are \\n \\r \\t \\b \\e \\\\ \\" \\xNN')
    return _ESCAPES[code]


# -- screen ----------------------------------------------------------------------------------


@folder_command("screen [FILE.png]")
def screen(debugger: Debugger, arguments: Sequence[str], folder: Folder) -> str:
    """Show the text on the machine's screen and where its cursor is, or write it as a picture.

    FILE.png is a plain name: the file comes into the folder in which the server was started.
    """
    shown = _screen(debugger)
    if arguments:
        no_arguments(arguments[1:])
        data = picture.png(shown)
        folder.write_picture(arguments[0], data)
        return f"{arguments[0]}: {len(data)} bytes"
    match shown:
        case None:
            return "the screen is switched off"
        case DotScreen(width, height):
            return f"the screen shows {width}x{height} dots; try monitor screen FILE.png"
        case TextScreen(cursor=cursor):
            where = "no cursor" if cursor is None else f"cursor at row {cursor[0]}, column "
            where += "" if cursor is None else str(cursor[1])
            return f"{shown.text()}\n[{shown.columns}x{shown.rows}, {where}]"


@command('wait-screen "TEXT" [INSTRUCTIONS]', whole=True)
def wait_screen(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Run until TEXT stands on the screen, but no longer than for INSTRUCTIONS (10**8).

    TEXT stands within one line.  Says whether it came; breakpoints and Ctrl-C stop it before.
    gdb shows where that is with the next step or continue, which stops there at once.
    """
    match = _WAIT.fullmatch(arguments[0]) if arguments else None
    if match is None:
        raise MonitorError('usage: monitor wait-screen "TEXT" [INSTRUCTIONS]')
    text = _unquoted(match[1])
    limit = numerals.literal(match[2], MAX_WAIT, least=1) if match[2] else DEFAULT_WAIT
    goal = debugger.timeline.now + limit
    idle = 0

    def look() -> str | Pause:
        nonlocal idle
        now = debugger.timeline.now
        if _stands(debugger, text):
            return f"{text!r} is on the screen at instruction {now}"
        if now >= goal:
            return f"{text!r} is not on the screen at instruction {now}"
        outcome = debugger.resume(Resume(count=min(goal - now, LOOK_INTERVAL)))
        idle = idle + 1 if outcome is IDLE else 0
        reason = _reason_to_stop(outcome)
        if not reason and idle <= MAX_IDLE_SECONDS * IDLE_INTERVAL:
            return ONWARD
        at = debugger.timeline.now
        return (
            f"{text!r} is not on the screen: the machine stopped at instruction {at}: "
            f"{reason or 'idle'}"
        )

    return drive(look, debugger.timeline.inbox.wait)


def _reason_to_stop(outcome: Event | Pause) -> str:
    """Return why nothing more will come by itself; empty if it may.  Interrupted."""
    if isinstance(outcome, Pause):
        return "waiting" if outcome is WAITING else ""
    if outcome.kind is EventKind.INTERRUPTED:
        raise Interrupted
    if outcome.kind in (EventKind.STEPPED, EventKind.RESTARTED):
        return ""
    return outcome.text or outcome.kind.name.lower().replace("_", " ")


def _screen(debugger: Debugger) -> ScreenContent | None:
    machine = debugger.machine
    return display.read(machine.memory, machine.find(Video))


def _stands(debugger: Debugger, text: str) -> bool:
    shown = _screen(debugger)
    return isinstance(shown, TextScreen) and any(text in line for line in shown.full_lines())


# -- reset -----------------------------------------------------------------------------------


@command("reset")
def reset(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Press a PC's reset button: with the next resume it starts anew, and stops to say so."""
    no_arguments(arguments)
    if debugger.machine.find(ResetSwitch) is None:
        raise MonitorError(_NO_PC)
    give(debugger, ResetSwitch.CHANNEL, b"\0")
    return "reset with the next resume"


# -- errors -----------------------------------------------------------------------------------


@command("nmi")
def nmi(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Let a PC's adapter card report an error: the non-maskable interrupt, INT 2.

    It comes with the next resume, unless the program has masked it (port A0h).  The BIOS's own
    handler says PARITY CHECK 2 and halts.
    """
    no_arguments(arguments)
    source = debugger.machine.find(Nmi)
    if source is None:
        raise MonitorError(_NO_PC)
    give(debugger, Nmi.CHANNEL, bytes((CHANNEL_ERROR,)))
    if source.state.errors & CHANNEL_ERROR:
        return "the program hasn't cleared the last one (port 61h, bit 5)"
    masked = "" if source.state.enabled else ", once the program lets it through (port A0h)"
    return f"NMI with the next resume{masked}"


_NO_PC = "this machine is no PC: the program was not booted from a disk"
