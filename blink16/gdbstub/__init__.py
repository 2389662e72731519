"""The GDB remote protocol without I/O: bytes in, actions out.  `session.Session` is the door."""

from blink16.gdbstub import catch_commands as catch_commands  # registers its commands
from blink16.gdbstub import disk_commands as disk_commands
from blink16.gdbstub import history_commands as history_commands
from blink16.gdbstub import machine_commands as machine_commands
from blink16.gdbstub import symbol_commands as symbol_commands
