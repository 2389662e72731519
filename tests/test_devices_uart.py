"""The 8250 against its data sheet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pc_guest import PcGuest

from blink16.devices import pc as pc_module
from blink16.devices import uart as u
from blink16.devices.uart import UartRegister

COM1, COM2 = pc_module.COM1_PORT, pc_module.COM2_PORT


class Line:
    """A PC's COM1, with time in the test's hands."""

    def __init__(self) -> None:
        self.pc = PcGuest()
        self.pc.out(0x21, 0x00)

    def read(self, register: UartRegister) -> int:
        """Read a register."""
        return self.pc.in_(COM1 + register)

    def write(self, register: UartRegister, value: int) -> None:
        """Write a register."""
        self.pc.out(COM1 + register, value)

    def wait(self, time: int) -> None:
        """Let time pass, with all its events."""
        machine, com1 = self.pc.machine, self.pc.devices.com1
        end = machine.time + time
        while (due := com1.due()) is not None and due <= end:
            machine.registers.cycles += max(0, due - machine.time)
            com1.advance(machine.time)
        machine.registers.cycles += end - machine.time

    def interrupts(self) -> bool:
        """Whether IRQ 4 is high."""
        return bool(self.pc.devices.pic.state.lines & 1 << pc_module.COM1_IRQ)


def test_registers_hold_what_they_can() -> None:
    """Prevents programs that test for an 8250 from not finding one."""
    line = Line()
    line.write(UartRegister.SCRATCH, 0xA5)
    line.write(UartRegister.IER, 0xFF)
    line.write(UartRegister.MCR, 0xFF)
    line.write(UartRegister.LCR, 0x1B)
    values = [line.read(register) for register in UartRegister if register > UartRegister.DATA]
    assert values[0] == 0x0F
    assert values[1] & 0xF0 == 0  # no FIFOs: not a 16550
    assert (values[2], values[3], values[6]) == (0x1B, 0x1F, 0xA5)
    assert line.read(UartRegister.LSR) == u.LSR_EMPTY | u.LSR_IDLE


def test_dlab_shows_the_divisor() -> None:
    """Prevents a baud rate from being sent, or a byte from becoming a baud rate."""
    line = Line()
    line.write(UartRegister.LCR, u.LCR_DLAB | 3)
    line.write(UartRegister.DATA, 0x0C)
    line.write(UartRegister.IER, 0x01)
    assert (line.read(UartRegister.DATA), line.read(UartRegister.IER)) == (0x0C, 0x01)
    line.write(UartRegister.LCR, 3)
    assert line.read(UartRegister.IER) == 0
    assert line.pc.devices.com1.state.divisor == 0x010C
    assert not line.pc.shown


def test_a_character_takes_its_time() -> None:
    """Prevents a line that is faster than its baud rate: 9600 baud are 960 characters a second."""
    line = Line()
    line.write(UartRegister.LCR, u.LCR_DLAB | 3)
    line.write(UartRegister.DATA, 12)
    line.write(UartRegister.IER, 0)
    line.write(UartRegister.LCR, 3)
    assert line.pc.devices.com1.character_time == 1042
    line.pc.machine.receive("com1", b"ab")
    assert line.read(UartRegister.DATA) == ord("a")
    line.wait(1041)
    assert not line.read(UartRegister.LSR) & u.LSR_DATA
    line.wait(1)
    assert line.read(UartRegister.LSR) & u.LSR_DATA
    assert line.read(UartRegister.DATA) == ord("b")


def test_the_transmitter_is_double_buffered() -> None:
    """Prevents bytes that overwrite each other where the chip has room for two."""
    line = Line()
    time = line.pc.devices.com1.character_time
    line.write(UartRegister.DATA, ord("1"))
    assert line.read(UartRegister.LSR) == u.LSR_EMPTY
    line.write(UartRegister.DATA, ord("2"))
    assert line.read(UartRegister.LSR) == 0
    line.wait(time)
    assert line.read(UartRegister.LSR) == u.LSR_EMPTY
    line.wait(time)
    assert line.read(UartRegister.LSR) == u.LSR_EMPTY | u.LSR_IDLE
    assert line.pc.shown == {"com1": b"12"}


def test_input_waits_for_the_program() -> None:
    """Prevents a paste from being lost because the program reads slowly."""
    line = Line()
    text = bytes(range(200))
    line.pc.machine.receive("com1", text)
    got = bytearray()
    for _ in text:
        line.wait(100_000)
        got.append(line.read(UartRegister.DATA))
    assert got == text
    assert not line.read(UartRegister.LSR) & u.LSR_OVERRUN


def test_interrupts_have_their_order() -> None:
    """Prevents a handler from seeing the less urgent cause first, or none at all."""
    line = Line()
    line.write(UartRegister.MCR, u.MCR_LOOP)
    for byte in b"ab":  # the second one overruns the first
        line.write(UartRegister.DATA, byte)
        line.wait(100_000)
    line.write(UartRegister.MCR, u.MCR_LOOP | u.MCR_RTS)
    line.write(UartRegister.MCR, u.MCR_OUT2)
    line.write(UartRegister.IER, 0x0F)
    assert line.interrupts()
    assert line.read(UartRegister.IIR) == u.IIR_LINE
    assert line.read(UartRegister.LSR) & u.LSR_OVERRUN
    assert line.read(UartRegister.IIR) == u.IIR_DATA
    assert line.read(UartRegister.DATA) == ord("b")
    assert line.read(UartRegister.IIR) == u.IIR_EMPTY
    assert line.read(UartRegister.IIR) == u.IIR_MODEM
    assert line.read(UartRegister.MSR) & 0x0F
    assert line.read(UartRegister.IIR) == u.IIR_NONE
    assert not line.interrupts()


def test_out2_is_the_switch_of_the_interrupt() -> None:
    """Prevents interrupts that a PC's adapter holds back."""
    line = Line()
    line.write(UartRegister.IER, u.IER_DATA)
    line.pc.machine.receive("com1", b"x")
    assert line.read(UartRegister.IIR) == u.IIR_DATA
    assert not line.interrupts()
    line.write(UartRegister.MCR, u.MCR_OUT2)
    assert line.interrupts()


def test_enabling_the_empty_interrupt_raises_it() -> None:
    """Prevents drivers that start sending by enabling it from waiting for ever."""
    line = Line()
    line.write(UartRegister.MCR, u.MCR_OUT2)
    line.write(UartRegister.IER, u.IER_EMPTY)
    assert line.interrupts()
    line.write(UartRegister.DATA, 0x41)
    assert line.read(UartRegister.IIR) == u.IIR_EMPTY  # it has moved on into the transmitter
    line.write(UartRegister.DATA, 0x42)
    assert not line.interrupts()
    line.wait(100_000)
    assert line.interrupts()


def test_loopback_keeps_to_itself() -> None:
    """Prevents a self-test from being seen outside, or from failing."""
    line = Line()
    line.write(UartRegister.MCR, u.MCR_LOOP | u.MCR_DTR | u.MCR_RTS | u.MCR_OUT1 | u.MCR_OUT2)
    assert line.read(UartRegister.MSR) & 0xF0 == 0xF0
    line.write(UartRegister.MCR, u.MCR_LOOP | u.MCR_RTS)
    assert line.read(UartRegister.MSR) == u.MSR_CTS | 0x0E
    line.pc.machine.receive("com1", b"outside")
    line.write(UartRegister.DATA, 0x55)
    line.wait(100_000)
    assert line.read(UartRegister.DATA) == 0x55
    assert not line.pc.shown
    line.write(UartRegister.MCR, 0)
    line.wait(100_000)
    assert line.read(UartRegister.DATA) == ord("o")


def test_com2_is_another_one() -> None:
    """Prevents the two ports from sharing registers or interrupts."""
    pc = PcGuest()
    pc.out(COM2 + UartRegister.MCR, u.MCR_OUT2)
    pc.out(COM2 + UartRegister.IER, u.IER_DATA)
    pc.machine.receive("com2", b"x")
    assert pc.devices.pic.state.irr == 1 << pc_module.COM2_IRQ
    assert pc.in_(COM1 + UartRegister.MCR) == 0


STEPS = st.tuples(st.integers(0, 7), st.integers(0, 255), st.integers(0, 3000), st.booleans())


@given(st.lists(STEPS, max_size=50))
def test_nonsense_makes_progress(steps: list[tuple[int, int, int, bool]]) -> None:
    """Prevents errors and events that stand still, whatever a program writes."""
    line = Line()
    line.pc.machine.receive("com1", b"some input")
    for register, value, time, reads in steps:
        if reads:
            assert 0 <= line.read(UartRegister(register)) <= 0xFF
        else:
            line.write(UartRegister(register), value)
        line.pc.machine.registers.cycles += time
        com1 = line.pc.devices.com1
        due = com1.due()
        if due is not None and due <= line.pc.machine.time:
            com1.advance(line.pc.machine.time)
            due = com1.due()
        assert due is None or due > line.pc.machine.time
