"""The other end of the wire: a machine behind a server, for scripts and front ends.

`launch` and `connect` are for scripts, which may block; `AsyncTarget` is for trio.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        SearchStoppedError,
        TimedOutError,
        UnsupportedError,
    )
    from blink16.client.launching import hosting, started
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
    "SearchStoppedError",
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
    "started",
]

_NAMES_BY_HOME = {
    "addresses": "OwnServer ServerAddress TcpServer UnixServer",
    "blocking": "Target connect launch",
    "code": "CodeLine CodeReader Syntax offset_in",
    "errors": "BusyError ClientError ConditionError ConnectionLostError DeniedError LaunchError "
    "ProtocolError SearchStoppedError TimedOutError UnsupportedError",
    "launching": "hosting started",
    "moving": "PointRole RegisterValues StopEvent StopKind",
    "pointing": "SetPoint",
    "target": "AsyncTarget",
}
_HOMES = {name: (home, name) for home, names in _NAMES_BY_HOME.items() for name in names.split()}
_HOMES |= {
    "parse_address": ("addresses", "parse"),
    "connect_async": ("target", "connect"),
    "launch_async": ("target", "launch"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a server is started before its client is there."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, there = _HOMES[name]
    return getattr(import_module(f"{__name__}.{home}"), there)
