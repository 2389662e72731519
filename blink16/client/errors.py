"""What can go wrong between a client and a server, each kind a class of its own."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all errors that talking to a server raises; the text is one clear sentence."""


class ConnectionLostError(ClientError):
    """There is no connection: it could not be made, the server has gone, or one side closed it."""


class TimedOutError(ClientError):
    """The server has not answered in time; the connection is given up."""


class ProtocolError(ClientError):
    """The server said what makes no sense; the connection is given up."""


class UnsupportedError(ClientError):
    """This server can't do that, as its qSupported (or an empty answer) says."""


class DeniedError(ClientError):
    """The server understood, and refused: the text is the reason that it gave."""


class SearchStoppedError(ClientError):
    """What was searched for in the past was not found yet when `interrupt` stopped the search."""


class BusyError(ClientError):
    """The machine runs, and what was asked can only be done while it stands."""


class ConditionError(ClientError, ValueError):
    """A condition that can't be understood or evaluated."""


class LaunchError(ConnectionLostError):
    """The server process ended before it talked; the text is what it said last."""
