"""The I/O bus: 65,536 byte ports, each read and written through the device that claims it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

OPEN_BUS = 0xFF
"""What a port reads where no device answers: the data lines float high."""

ReadPort = Callable[[int], int]
WritePort = Callable[[int, int], None]


class Bus:
    """Maps ports to the devices that answer them."""

    def __init__(self) -> None:
        self._readers: dict[int, ReadPort] = {}
        self._writers: dict[int, WritePort] = {}
        self._word_readers: dict[int, ReadPort] = {}
        self._word_writers: dict[int, WritePort] = {}
        self._pair_writers: dict[int, WritePort] = {}
        self.names: dict[int, str] = {}
        """What devices say is at their ports."""
        self.on_unowned: Callable[[int, bool], None] | None = None
        """Called with a port that no device owns as it is read (True) or written (False)."""
        self.on_written: Callable[[], None] | None = None
        """Called after a device has been written to."""

    def attach(
        self,
        ports: Iterable[int],
        read: ReadPort | None = None,
        write: WritePort | None = None,
        *,
        what: str = "",
    ) -> None:
        """Let a device answer ``ports``; a later device takes a port from an earlier one.

        ``what``: what is at them, for people.  Where an access changes when a device wants to act,
        what interrupts are asked for, or where memory is no plain one, the device tells the
        machine (`services.Chassis.changed`).
        """
        for port in ports:
            if what:
                self.names[port] = what
            if read is not None:
                self._readers[port] = read
            if write is not None:
                self._writers[port] = write
                self._pair_writers.pop(port, None)
                self._pair_writers.pop(port - 1, None)

    def attach_words(self, port: int, read: ReadPort, write: WritePort) -> None:
        """Let a device take accesses of 16 bits to ``port`` whole, as one behind an AT's bus does.

        It has the port of 8 bits already (`attach`).
        """
        self._word_readers[port] = read
        self._word_writers[port] = write

    def attach_pairs(self, port: int, write: WritePort) -> None:
        """Let a device take words for two of its registers at once: see `write_pair`."""
        self._pair_writers[port] = write

    def is_read(self, port: int) -> bool:
        """Return whether a device answers reads of a port."""
        return port in self._readers

    def is_written(self, port: int) -> bool:
        """Return whether a device takes what is written to a port."""
        return port in self._writers

    def read(self, port: int, width: int = 8) -> int:
        """Read a byte, or (``width`` 16) the bytes of two neighbouring ports as one word."""
        if width == 16:
            whole = self._word_readers.get(port)
            if whole is not None:
                return whole(port) & 0xFFFF
            return self.read(port) | self.read((port + 1) & 0xFFFF) << 8
        reader = self._readers.get(port)
        if reader is not None:
            return reader(port) & 0xFF
        if self.on_unowned is not None and port not in self._writers:
            self.on_unowned(port, True)
        return OPEN_BUS

    def write(self, port: int, value: int, width: int = 8) -> None:
        """Write a byte, or (``width`` 16) a word to two neighbouring ports, low byte first."""
        if width == 16 and port not in self._word_writers:
            self.write(port, value & 0xFF)
            self.write((port + 1) & 0xFFFF, value >> 8)
            return
        writer = (self._word_writers if width == 16 else self._writers).get(port)
        if writer is not None:
            writer(port, value & (0xFFFF if width == 16 else 0xFF))
            if self.on_written is not None:
                self.on_written()
        elif self.on_unowned is not None and port not in self._readers:
            self.on_unowned(port, False)

    def write_pair(self, port: int, register: int, value: int) -> None:
        """Write a word to two registers of a chip, high byte first, as services do it.

        ``port`` takes the number of a register, the one behind it what is in there.
        """
        writer = self._pair_writers.get(port)
        if writer is None:
            for index, byte in ((register, value >> 8 & 0xFF), (register + 1, value & 0xFF)):
                self.write(port, index)
                self.write(port + 1, byte)
            return
        writer(register, value)
        if self.on_written is not None:
            self.on_written()
