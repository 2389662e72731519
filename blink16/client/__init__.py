"""The other end of the wire: a machine behind a server, for scripts and front ends.

`launch` and `connect` are for scripts, which may block; `AsyncTarget` is for trio.
"""

from blink16.client.addresses import OwnServer, ServerAddress, TcpServer, UnixServer
from blink16.client.addresses import parse as parse_address
from blink16.client.blocking import Target, connect, launch
from blink16.client.code import CodeLine, CodeReader, offset_in
from blink16.client.errors import (
    BusyError,
    ClientError,
    ConditionError,
    ConnectionLostError,
    DeniedError,
    LaunchError,
    ProtocolError,
    TimedOutError,
    UnsupportedError,
)
from blink16.client.launching import hosting
from blink16.client.moving import StopEvent
from blink16.client.pointing import SetPoint
from blink16.client.target import AsyncTarget
from blink16.client.target import connect as connect_async
from blink16.client.target import launch as launch_async
from blink16.cpu.disassembler import Syntax
from blink16.reports.state import PointRole, RegisterValues, StopKind

__all__ = [
    "AsyncTarget",
    "BusyError",
    "ClientError",
    "CodeLine",
    "CodeReader",
    "ConditionError",
    "ConnectionLostError",
    "DeniedError",
    "LaunchError",
    "OwnServer",
    "PointRole",
    "ProtocolError",
    "RegisterValues",
    "ServerAddress",
    "SetPoint",
    "StopEvent",
    "StopKind",
    "Syntax",
    "Target",
    "TcpServer",
    "TimedOutError",
    "UnixServer",
    "UnsupportedError",
    "connect",
    "connect_async",
    "hosting",
    "launch",
    "launch_async",
    "offset_in",
    "parse_address",
]
