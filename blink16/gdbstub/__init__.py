"""The GDB remote protocol without I/O: bytes in, orders out.  `session.Session` is the door."""
