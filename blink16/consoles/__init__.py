"""Consoles and serial lines on sockets: `places` are what users write, `sockets` lets one peer in
at a time, `telnet` takes its ways away, `showing` has a PC's screen painted for it.
"""

from blink16.consoles.lines import Lines, Side
from blink16.consoles.places import (
    ConsoleError,
    ConsolePlace,
    NoPlace,
    ScreenPlace,
    Streams,
    TcpPlace,
    UnixPlace,
    parse,
)
from blink16.consoles.showing import PICTURE_SECONDS, Picture, Showing
from blink16.consoles.sockets import SocketLine
from blink16.consoles.telnet import HELLO, Telnet

__all__ = [
    "HELLO",
    "PICTURE_SECONDS",
    "ConsoleError",
    "ConsolePlace",
    "Lines",
    "NoPlace",
    "Picture",
    "ScreenPlace",
    "Showing",
    "Side",
    "SocketLine",
    "Streams",
    "TcpPlace",
    "Telnet",
    "UnixPlace",
    "parse",
]
