"""The GDB remote protocol without I/O: bytes in, actions out.  `session.Session` is the door."""

from blink16.gdbstub import history_commands as history_commands  # registers its commands
