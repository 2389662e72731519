"""What an 8087 or 80287 holds: eight registers, its control and status, and two pointers.

Its state outside of it is what FSAVE writes in real mode, `STATE`: that is also what checkpoints
and recordings keep.  Sources: Intel, iAPX 86/88, 186/188 User's Manual, "8087 numeric data
coprocessor"; iAPX 286 Programmer's Reference, "80287".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from construct import Bytes, Int16ul, Struct

from blink16.cpu.x87.formats import from_temporary, to_temporary
from blink16.cpu.x87.opcodes import OPCODE_MASK, REAL_SIZE, REGISTERS, CoprocessorKind
from blink16.cpu.x87.reals import Category, Real, classify
from blink16.cpu.x87.rounding import EXCEPTIONS, Control, Rounding
from blink16.packing import packing

# the control word
ALL_EXCEPTIONS = 0x3F
INTERRUPT_MASK = 0x80
"""An 8087's: no exception interrupts."""
PRECISION_SHIFT, ROUNDING_SHIFT, AFFINE = 8, 10, 0x1000
_PRECISIONS = (24, 64, 53, 64)
"""By the control word's PC, bits of results' significands; 1 is reserved."""
_USED_CONTROL, _FIXED_CONTROL = 0x1FBF, 0x40

# the status word
REQUEST = 0x80
"""An exception that isn't masked is pending: IR, on an 80287 ES."""
C0, C1, C2, C3 = 0x0100, 0x0200, 0x0400, 0x4000
CONDITION = C0 | C1 | C2 | C3
TOP_SHIFT = 11

ENVIRONMENT = Struct(
    "control" / Int16ul,
    "status" / Int16ul,
    "tags" / Int16ul,
    "instruction" / Int16ul,
    "instruction_high_and_opcode" / Int16ul,
    "operand" / Int16ul,
    "operand_high" / Int16ul,
)
"""What FSTENV writes.  Addresses are linear, their bits 16 to 19 the highest of a word."""
STATE = Struct(
    "environment" / Bytes(ENVIRONMENT.sizeof()),
    "registers" / Bytes(REAL_SIZE)[REGISTERS],
)
"""What FSAVE writes, the stack's top first."""
_ENVIRONMENT = packing(ENVIRONMENT)
ENVIRONMENT_SIZE: int = ENVIRONMENT.sizeof()
STATE_SIZE: int = STATE.sizeof()
_ADDRESS_SHIFT = 4
_HIGH_ADDRESS = 0xF0000


class Coprocessor:
    """An 8087 or 80287: a component of the machine (`services.Component`)."""

    COMPONENT = "x87"

    def __init__(self, kind: CoprocessorKind) -> None:
        self.kind = kind
        self.is_interrupting = False
        """Whether it asks for an interrupt: an 8087's INT, an 80287's ERROR."""
        self.on_change: Callable[[bool], None] = lambda is_interrupting: None
        """Called with that when it changes by what is executed, or a debugger writes."""
        self._registers = [Real(0, 0, 0)] * REGISTERS
        self.initialize()

    def initialize(self) -> None:
        """Begin anew, as FINIT does."""
        self.control = self.kind.first_control
        self.status = self.top = 0
        """The status word without TOP; the number of the register that is ST(0)."""
        self.filled = 0
        """A bit for each register, by its own number: whether there is something in it."""
        self.instruction = self.operand = self.opcode = 0
        """Linear addresses of the last instruction and its operand, and 11 bits of the former."""

    def reset(self) -> None:
        """Take the processor's RESET line, which an AT leads to an 80286 alone."""
        if self.kind is CoprocessorKind.I8087:
            self.initialize()
            self.settle()

    # -- the stack ---------------------------------------------------------------------------

    def get(self, number: int) -> Real | None:
        """Return ST(number); None if it is empty."""
        at = (self.top + number) % REGISTERS
        return self._registers[at] if self.filled >> at & 1 else None

    def put(self, number: int, value: Real) -> None:
        """Set ST(number)."""
        at = (self.top + number) % REGISTERS
        self._registers[at] = value
        self.filled |= 1 << at

    def put_bytes(self, number: int, data: bytes) -> None:
        """Set ST(number) as a temporary real in memory."""
        self.put(number, from_temporary(data))

    def free(self, number: int) -> None:
        """Empty ST(number); what was in it shows in FSAVE."""
        self.filled &= ~(1 << (self.top + number) % REGISTERS)

    def rotate(self, by: int) -> None:
        """Move the top without looking at what is in it."""
        self.top = (self.top + by) % REGISTERS

    # -- the words ---------------------------------------------------------------------------

    @property
    def status_word(self) -> int:
        """The status word with TOP."""
        return self.status | self.top << TOP_SHIFT

    @status_word.setter
    def status_word(self, word: int) -> None:
        self.status = word & (CONDITION | ALL_EXCEPTIONS)
        self.top = word >> TOP_SHIFT & 7

    def set_control(self, word: int) -> None:
        """Set the control word; bits that it hasn't got stay."""
        self.control = word & _USED_CONTROL | _FIXED_CONTROL

    def set_condition(self, bits: int, of: int = CONDITION) -> None:
        """Set those of the condition code that are meant."""
        self.status = self.status & ~of | bits

    @property
    def mode(self) -> Control:
        """What the control word asks of arithmetic."""
        return _mode(self.control)

    @property
    def tag_word(self) -> int:
        """Two bits a register, by its own number: valid, zero, special or empty."""
        word = 0
        for at, value in enumerate(self._registers):
            tag = _TAGS[classify(value)] if self.filled >> at & 1 else EMPTY
            word |= tag << 2 * at
        return word

    @tag_word.setter
    def tag_word(self, word: int) -> None:
        self.filled = sum(1 << at for at in range(REGISTERS) if word >> 2 * at & 3 != EMPTY)

    def settle(self) -> None:
        """Find out whether it interrupts, and tell if that has changed."""
        pending = self.status & ~self.control & ALL_EXCEPTIONS
        if not (pending or self.status & REQUEST or self.is_interrupting):
            return  # as nearly always
        before = self.is_interrupting
        self._look_for_exceptions()
        if self.is_interrupting != before:
            self.on_change(self.is_interrupting)

    def _look_for_exceptions(self) -> None:
        pending = self.status & ~self.control & ALL_EXCEPTIONS
        self.status = self.status & ~REQUEST | (REQUEST if pending else 0)
        is_open = self.kind is not CoprocessorKind.I8087 or not self.control & INTERRUPT_MASK
        self.is_interrupting = bool(pending) and is_open

    # -- all of it ---------------------------------------------------------------------------

    def environment(self) -> bytes:
        """Return what FSTENV writes (`ENVIRONMENT`)."""
        return _ENVIRONMENT.pack(
            self.control,
            self.status_word,
            self.tag_word,
            self.instruction & 0xFFFF,
            (self.instruction & _HIGH_ADDRESS) >> _ADDRESS_SHIFT | self.opcode,
            self.operand & 0xFFFF,
            (self.operand & _HIGH_ADDRESS) >> _ADDRESS_SHIFT,
        )

    def load_environment(self, environment: bytes) -> None:
        """Take what `environment` returned, or anything."""
        control, status, tags, *pointers = _ENVIRONMENT.unpack(environment)
        self.set_control(control)
        self.status_word, self.tag_word = status, tags
        instruction, high, operand, operand_high = pointers
        self.instruction = (high << _ADDRESS_SHIFT & _HIGH_ADDRESS) | instruction
        self.operand = (operand_high << _ADDRESS_SHIFT & _HIGH_ADDRESS) | operand
        self.opcode = high & OPCODE_MASK

    def save(self) -> bytes:
        """Return all of it, as FSAVE writes it (`STATE`)."""
        top, registers = self.top, self._registers
        stack = (to_temporary(registers[(top + n) % REGISTERS]) for n in range(REGISTERS))
        return self.environment() + b"".join(stack)

    def load(self, state: bytes) -> None:
        """Take what `save` returned, or anything of its size, as FRSTOR does."""
        self.load_environment(state[:ENVIRONMENT_SIZE])
        for number in range(REGISTERS):
            at = ENVIRONMENT_SIZE + REAL_SIZE * number
            value = from_temporary(state[at : at + REAL_SIZE])
            self._registers[(self.top + number) % REGISTERS] = value

    def receive(self, data: bytes) -> None:
        """Take a state from a debugger, as an input (`services.Receiver`)."""
        if len(data) == STATE_SIZE:
            self.load(data)
            self.settle()

    def restore(self, state: bytes) -> None:
        """Take the state of a `save`: nobody is told, all that it leads to being restored too."""
        self.load(state)
        self._look_for_exceptions()


EMPTY = 3
_TAGS = {
    Category.NORMAL: 0,
    Category.UNNORMAL: 0,
    Category.ZERO: 1,
    Category.NAN: 2,
    Category.INFINITY: 2,
    Category.DENORMAL: 2,
}


@cache
def _mode(control: int) -> Control:
    return Control(
        Rounding(control >> ROUNDING_SHIFT & 3),
        _PRECISIONS[control >> PRECISION_SHIFT & 3],
        EXCEPTIONS[control & ALL_EXCEPTIONS],
        bool(control & AFFINE),
    )
