"""The keys of the view: what they do, and how the command palette calls that."""

from __future__ import annotations

import re
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """An action of the view with its keys."""

    keys: str
    """Textual's names, separated by commas; empty for one that only the palette has."""
    action: str
    title: str
    """What the palette and the help call it."""
    footer: str = ""
    """Its word below the panels; empty if it is not shown there."""

    @property
    def binding(self) -> Binding:
        """The same for Textual."""
        return Binding(self.keys, self.action, self.footer or self.title, show=bool(self.footer))

    @property
    def shown_keys(self) -> str:
        """The keys as people read them."""
        return " ".join(_as_read(key) for key in self.keys.split(",") if key)


_NAMES = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "escape": "esc",
    "enter": "↵",
    "up": "↑",
    "down": "↓",
}


def _as_read(key: str) -> str:
    """Return a key's name as people read it: ``shift-F9``."""
    named = _NAMES.get(key, key).replace("+", "-")
    return re.sub(r"\bf(?=[0-9]+$)", "F", named)


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that do things of a kind."""

    title: str
    keys: tuple[Key, ...]


GROUPS = (
    KeyGroup(
        "One instruction, one call",
        (
            Key("s,f11,down", "move('step')", "Step", "step"),
            Key("up,S,shift+f11", "move('step_back')", "Step back", "back"),
            Key("n,f10", "move('next')", "Next: over a call", "next"),
            Key("N,shift+f10", "move('next_back')", "Back over a call"),
            Key("f", "move('finish')", "To the end of the function", "finish"),
            Key("F", "move('finish_back')", "Back to where it was called"),
        ),
    ),
    KeyGroup(
        "Run",
        (
            Key("c", "animate(False)", "Run so that one can watch", "run"),
            Key("r", "animate(True)", "Run back so that one can watch", "run back"),
            Key("ctrl+t", "turbo", "Faster"),
            Key("alt+t", "slow", "Slower"),
            Key("C,f5", "run(False)", "Run at full speed", "full speed"),
            Key("shift+f5", "run(True)", "Run back at full speed"),
            Key("escape", "interrupt", "Interrupt; a large panel small"),
            Key("enter", "keyboard", "Type to the guest", "keyboard"),
            Key("R", "restart", "Load the program afresh"),
        ),
    ),
    KeyGroup(
        "Stop where",
        (
            Key("b,f9", "breakpoint", "Breakpoint here", "break"),
            Key("shift+f9", "ask('break')", "Breakpoint at a place, with a condition"),
            Key("B", "pop_breakpoint", "Remove the last breakpoint"),
            Key("w", "ask('watch')", "Watch a place", "watch"),
            Key("I", "ask('catch')", "Catch interrupts or calls"),
        ),
    ),
    KeyGroup(
        "The whole run",
        (
            Key("home", "seek('start')", "The first instant"),
            Key("end", "seek('end')", "The last instant"),
            Key("k", "bookmark", "Bookmark this instant"),
            Key("W", "last_writer", "To who wrote the chosen byte last"),
            Key("y", "ask('mark')", "Calls of a function on the time bar"),
        ),
    ),
    KeyGroup(
        "Look",
        (
            Key("g", "ask('go')", "Memory at an address", "go to"),
            Key("G", "ask('code')", "Code at an address"),
            Key("slash", "ask('find')", "Find a text or bytes", "find"),
            Key("e", "ask('edit')", "Store bytes"),
            Key("m", "memory_mode", "Characters, hex, words, code"),
            Key("i", "syntax", "Intel's or AT&T's syntax"),
        ),
    ),
    KeyGroup(
        "Panels",
        (
            Key("h", "panel('frames')", "How one came here: frames"),
            Key("p", "panel('profile')", "Profile: where time goes"),
            Key("l", "panel('calls')", "Calls of DOS or ELKS"),
            Key("d", "panel('devices')", "Devices: PIC, PIT, UART, DMA"),
            Key("v", "panel('vectors')", "Interrupt vectors"),
            Key("a", "panel('data-area')", "BIOS data area"),
            Key("x", "panel('chain')", "DOS memory blocks"),
            Key("u", "panel('processes')", "Processes of ELKS"),
            Key("o", "panel('disks')", "Disks"),
            Key("z", "enlarge", "The panel with the focus large"),
            Key("2", "column('middle')", "The middle column off and on"),
            Key("3", "column('right')", "The right column off and on"),
            Key("t", "theme", "Dark or light"),
        ),
    ),
    KeyGroup(
        "Commands",
        (
            Key("colon", "ask('command')", "A command of the server's", "command"),
            Key("ctrl+p", "command_palette", "All commands by name"),
            Key("question_mark", "help", "What is under the cursor", "help"),
            Key("T", "take_over", "Ask for another debugger's machine"),
            Key("Y", "let_go", "Let another debugger have ours"),
            Key("alt+c", "copy", "Copy what the panel shows"),
            Key("P", "save('png')", "Save the view as PNG"),
            Key("", "save('svg')", "Save the view as SVG"),
            Key("", "film('gif')", "Save memory over time as GIF"),
            Key("", "film('png')", "Save memory over time as animated PNG"),
            Key("", "cast", "Record this session as an asciicast, or end that"),
            Key("M", "mouse", "Leave the mouse to the terminal, and back"),
            Key("ctrl+l", "redraw", "Draw everything anew"),
            Key("ctrl+z", "suspend_process", "To the shell; fg comes back"),
            Key("q", "quit", "Quit", "quit"),
        ),
    ),
)
"""All keys, as the help shows them."""

KEYS = tuple(key for group in GROUPS for key in group.keys)
