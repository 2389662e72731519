"""The devices of an IBM PC/XT: what answers the I/O ports and asks for interrupts.

`pc.PcDevices` puts them all into a machine.  Each device keeps its whole state in one immutable
named tuple, which `save` returns.  No device counts by itself: what a counter holds, which line
of the screen is being drawn, follows from the machine's time when somebody looks.
"""
