"""The keys of the view: what they do, and how the command palette calls that."""

from __future__ import annotations

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
        return " ".join(_NAMES.get(key, key) for key in self.keys.split(",") if key)


_NAMES = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "ctrl+left": "ctrl-←",
    "ctrl+right": "ctrl-→",
    "escape": "esc",
    "enter": "↵",
    "up": "↑",
    "down": "↓",
}

KEYS = (
    Key("s,f11,down", "move('step')", "Step", "step"),
    Key("up,S,shift+f11", "move('step_back')", "Step back", "back"),
    Key("n,f10", "move('next')", "Next: over a call", "next"),
    Key("N,shift+f10", "move('next_back')", "Back over a call"),
    Key("f", "move('finish')", "Finish: to the end of the function", "finish"),
    Key("F", "move('finish_back')", "Back to where the function was called"),
    Key("c", "animate(False)", "Run so that one can watch", "run"),
    Key("r", "animate(True)", "Run back so that one can watch", "run back"),
    Key("C,f5", "run(False)", "Run at full speed", "full speed"),
    Key("enter", "keyboard", "The guest's keyboard: your keys are the program's", "keyboard"),
    Key("question_mark", "help", "What is under the cursor", "help"),
    Key("q", "quit", "Quit", "quit"),
    Key("shift+f5", "run(True)", "Run back at full speed"),
    Key("ctrl+t", "turbo", "Faster"),
    Key("alt+t", "slow", "Slower"),
    Key("escape", "interrupt", "Interrupt"),
    Key("b,f9", "breakpoint", "Breakpoint here", "break"),
    Key("B", "pop_breakpoint", "Remove the last breakpoint"),
    Key("shift+f9", "ask('break')", "Breakpoint at a place, with a condition"),
    Key("w", "ask('watch')", "Watch a place", "watch"),
    Key("W", "last_writer", "Go to who wrote the chosen byte last"),
    Key("y", "ask('mark')", "Show the calls of a function on the time bar"),
    Key("home", "seek('start')", "The first instant"),
    Key("end", "seek('end')", "The last instant"),
    Key("k", "bookmark", "Bookmark this instant"),
    Key("R", "restart", "Load the program afresh"),
    Key("T", "take_over", "Ask for a machine that another debugger holds"),
    Key("Y", "let_go", "Let another debugger have the machine"),
    Key("p", "panel('profile')", "Profile: where time goes"),
    Key("l", "panel('calls')", "Calls of DOS or ELKS as they happen"),
    Key("d", "panel('devices')", "Devices: PIC, PIT, UART, DMA"),
    Key("v", "panel('vectors')", "Interrupt vectors"),
    Key("a", "panel('data-area')", "BIOS data area"),
    Key("x", "panel('chain')", "DOS memory blocks"),
    Key("u", "panel('processes')", "Processes of ELKS"),
    Key("o", "panel('disks')", "Disks"),
    Key("I", "ask('catch')", "Catch interrupts or calls"),
    Key("m", "memory_mode", "Memory as characters, hex, words, code"),
    Key("i", "syntax", "Intel's or AT&T's syntax"),
    Key("g", "ask('go')", "Look at an address", "go to"),
    Key("slash", "ask('find')", "Find a text or bytes", "find"),
    Key("e", "ask('edit')", "Store bytes"),
    Key("colon", "ask('command')", "A command of the server's", "command"),
    Key("z", "enlarge", "The panel with the focus as large as the terminal"),
    Key("ctrl+p", "command_palette", "All commands"),
    Key("", "save('svg')", "Save a picture of the view as SVG"),
    Key("P", "save('png')", "Save a picture of the view as PNG"),
    Key("", "film('gif')", "Save memory over time as GIF"),
    Key("", "film('png')", "Save memory over time as animated PNG"),
    Key("", "cast", "Record this session as an asciicast, or end that"),
    Key("t", "theme", "Dark or light"),
    Key("ctrl+l", "redraw", "Draw everything anew"),
    Key("ctrl+z", "suspend_process", "To the shell; fg comes back"),
    Key("2", "column('middle')", "The middle column off and on"),
    Key("3", "column('right')", "The right column off and on"),
)
