"""Monitor commands that move what people hold in their hands: mice and joysticks."""

from __future__ import annotations

from collections.abc import Sequence

from blink16.debugger import Debugger
from blink16.devices import gameport, mouse
from blink16.devices.gameport import GamePort
from blink16.devices.mouse import SerialMouse
from blink16.devices.ps2mouse import Ps2Mouse
from blink16.dos import mouse as dos_mouse
from blink16.dos.mouse import Mouse
from blink16.machine import Machine
from blink16.monitor.registry import MonitorError, command, give
from blink16.words import numerals

MOUSE_BUTTONS = {"left": 1, "right": 2, "middle": 4}
STICK_BUTTONS = {"a": 1, "b": 2, "c": 4, "d": 8}
FARTHEST = 10_000
"""Mickeys in one command."""
LAST = 255
"""The right or lower end of an axis."""
_MOUSE_USAGE = "usage: monitor mouse [to] X Y [left] [right] [middle]"
_STICK_USAGE = "usage: monitor joystick [X Y [X2 Y2]] [a] [b] [c] [d]"


@command("mouse [to] X Y [BUTTONS]")
def move_mouse(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Move the mouse X mickeys to the right and Y down (-5 is left, or up), with buttons down.

    BUTTONS are left, right and middle: those that are named are down from now on, all others up.
    It moves every mouse that there is: a DOS program's INT 33h, and those of --card mouse (COM1)
    and ps2mouse.  With "to", it is put there, as INT 33h counts: 640 to the right, 200 down or as
    many dots as the picture has; only INT 33h's mouse can be.  The machine doesn't move: resume.
    """
    if arguments[:1] == ["to"]:
        return _put_mouse(debugger, arguments[1:])
    if len(arguments) < 2:
        raise MonitorError(_MOUSE_USAGE)
    dx, dy = map(_distance, arguments[:2])
    buttons = _pressed(arguments[2:], MOUSE_BUTTONS, _MOUSE_USAGE)
    moved = mouse.movements(dx, dy, buttons)
    events = {
        Mouse.CHANNEL: dos_mouse.moved(dx, dy, buttons),
        SerialMouse.CHANNEL: moved,
        Ps2Mouse.CHANNEL: moved,
    }
    there = [channel for channel in events if _has(debugger.machine, channel)]
    if not there:
        raise MonitorError("this machine has no mouse: --card mouse or --card ps2mouse is one")
    for channel in there:
        give(debugger, channel, events[channel])
    return ""


def _put_mouse(debugger: Debugger, arguments: Sequence[str]) -> str:
    if len(arguments) < 2:
        raise MonitorError(_MOUSE_USAGE)
    x, y = (numerals.literal(text, FARTHEST) for text in arguments[:2])
    buttons = _pressed(arguments[2:], MOUSE_BUTTONS, _MOUSE_USAGE)
    if not _has(debugger.machine, Mouse.CHANNEL):
        raise MonitorError("only a DOS program's INT 33h has a mouse that can be put somewhere")
    give(debugger, Mouse.CHANNEL, dos_mouse.put(x, y, buttons))
    return ""


@command("joystick [X Y [X2 Y2]] [BUTTONS]")
def move_joystick(debugger: Debugger, arguments: Sequence[str]) -> str:
    """Hold the joysticks of --card joystick there, with buttons pressed.

    X and Y go from 0, left and up, to 255; 128 is the center, where a stick stands that isn't told
    of.  BUTTONS are a and b of the first stick, c and d of the second: those that are named are
    pressed from now on, all others not.  The machine doesn't move: resume.
    """
    if not _has(debugger.machine, GamePort.CHANNEL):
        raise MonitorError("this machine has no joystick: --card joystick is one")
    count = next((n for n, text in enumerate(arguments) if text.isalpha()), len(arguments))
    if count not in (0, 2, gameport.AXES):
        raise MonitorError(_STICK_USAGE)
    axes = [numerals.literal(text, LAST) for text in arguments[:count]]
    pressed = _pressed(arguments[count:], STICK_BUTTONS, _STICK_USAGE)
    give(debugger, GamePort.CHANNEL, gameport.held(*axes, pressed=pressed))
    return ""


def _distance(text: str) -> int:
    """Return a number with or without a sign."""
    try:
        size = numerals.literal(text.removeprefix("-"), FARTHEST)
    except numerals.NumeralError:
        raise MonitorError(f"{text[:40]!r} is no number from -{FARTHEST} to {FARTHEST}") from None
    return -size if text.startswith("-") else size


def _pressed(names: Sequence[str], buttons: dict[str, int], usage: str) -> int:
    """Return the bits of the buttons that are named."""
    if any(name not in buttons for name in names):
        raise MonitorError(usage)
    return sum(buttons[name] for name in set(names))


def _has(machine: Machine, channel: str) -> bool:
    return machine.component(channel) is not None
