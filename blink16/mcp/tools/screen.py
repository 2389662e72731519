"""What a person in front of the machine sees and does: screen, output, keyboard."""

from __future__ import annotations

from mcp.server.mcpserver import Image

from blink16.client import DeniedError
from blink16.mcp.desk import MAX_SECONDS, Desk, DeskError
from blink16.mcp.registry import tool
from blink16.mcp.telling import MAX_OUTPUT

MAX_TYPED = 4000


@tool()
def screen(desk: Desk, machine: str = "") -> str:
    """The PC's screen as text."""
    shown = desk.machine(machine).target.screen()
    if shown.is_off:
        return "the screen is off, or there is none: see output"
    if not shown.is_text:
        return f"the screen shows {shown.width}x{shown.height} dots: see screen_picture"
    return shown.text or "the screen is empty"


@tool()
def screen_picture(desk: Desk, machine: str = "") -> Image:
    """The PC's screen as a picture."""
    shown = desk.machine(machine).target.screen()
    if shown.is_off:
        raise DeskError("the screen is off, or there is none")
    return Image(data=shown.png(), format="png")


@tool()
def output(desk: Desk, machine: str = "") -> str:
    """What the program has printed since this was last told, by whatever call."""
    text = desk.machine(machine).target.read_output().decode("cp437").replace("\r\n", "\n")
    return text[-MAX_OUTPUT:] or "nothing"


@tool(changes=True)
def type_text(desk: Desk, text: str, machine: str = "") -> str:
    r"""Type on the keyboard, or into the program's standard input; \n is Enter.  The machine takes
    it when it next runs.
    """
    if len(text) > MAX_TYPED:
        raise DeskError(f"at most {MAX_TYPED} characters can be typed at once")
    desk.machine(machine).target.type(text)
    return "typed; run the machine to let it read"


@tool(changes=True)
def press_keys(desk: Desk, keys: str, machine: str = "") -> str:
    """Press keys together, like f1 or ctrl-alt-del."""
    desk.machine(machine).target.key(keys)
    return "pressed; run the machine to let it see them"


@tool()
def wait_screen(desk: Desk, text: str, seconds: float = 10.0, machine: str = "") -> str:
    """Run until a text stands within a line of the screen, at most for a while of the machine's
    time; then the screen is told.
    """
    target = desk.machine(machine).target
    instructions = int(max(0.1, min(seconds, MAX_SECONDS)) * 1_000_000)
    try:
        return target.wait_screen(text, instructions).text
    except DeniedError as error:
        return f"{error}\n{target.screen().text}"
