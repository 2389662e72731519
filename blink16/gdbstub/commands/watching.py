"""Packets of our own about who holds a machine, and who only watches it."""

from __future__ import annotations

from dataclasses import dataclass

from blink16.gdbstub.commands.table import Packets

PACKETS: Packets[WatchCommand] = Packets()


@dataclass(frozen=True, slots=True)
class Watch:
    """Qblink16.watch: let the machine go, and watch it from now on."""


PACKETS.alone(b"Qblink16.watch", Watch(), "blink16.watch+")


@dataclass(frozen=True, slots=True)
class AskControl:
    """Qblink16.control: who watches would like to hold the machine, when it is let go."""


PACKETS.alone(b"Qblink16.control", AskControl(), "blink16.control+")


@dataclass(frozen=True, slots=True)
class TellChanges:
    """Qblink16.changes: tell of changes to the machine, unasked: the next when the client has asked
    for something since the last.
    """


PACKETS.alone(b"Qblink16.changes", TellChanges(), "blink16.changes+")

WatchCommand = Watch | AskControl | TellChanges
