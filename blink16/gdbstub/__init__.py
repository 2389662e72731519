"""The GDB remote protocol without I/O: bytes in, actions out.  `session.Session` is the door."""
